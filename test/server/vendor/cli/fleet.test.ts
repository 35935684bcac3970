// The fleet from the command line, against a real server with agents that report: every command, as people and as programs read it.

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countEnded } from '../../../../server/db/analytics.ts';
import { keepSample } from '../../../../server/db/fleet-samples.ts';
import { revokeTokens } from '../../../../server/db/tokens.ts';
import { transact } from '../../../../server/db/transact.ts';
import { disableWebhook } from '../../../../server/db/webhooks.ts';
import { run } from '../../../../server/vendor/cli/program.ts';
import { FLEET } from '../../../../server/vendor/cli/specs/fleet.ts';
import { EXIT } from '../../../../shared/errors/entry.ts';
import type { FleetEvent } from '../../../../shared/protocol/events.ts';
import type { TokenRole } from '../../../../shared/protocol/fleet.ts';
import type { ProposalModel } from '../../../../shared/protocol/fleet-proposals.ts';
import { openKeyFile } from '../../../../shared/trust/keyfile.ts';
import { until } from '../../../support/driver-contract.ts';
import {
  advisoryOf,
  capability,
  changeOf,
  firstPublication,
  publicationOf,
  signRole,
} from '../../../support/publications.ts';
import { recordOf } from '../../../support/reports.ts';
import { expectCycloneDx } from '../../../support/sboms.ts';
import { enrolAgent, type ServerAgent } from '../../../support/server-agent.ts';
import { addPack, startTestServer, type TestServer } from '../../../support/server-under-test.ts';
import { createBench, type Vendor } from '../../../support/vendor.ts';
import { startReceiver } from '../../../support/webhook-receiver.ts';

const DAY_MS = 86_400_000;
const TREE = `sha256:${'a'.repeat(64)}`;

let server: TestServer;
let dir: string;
let vendor: Vendor;
let url: string;
let oslo: ServerAgent;
let rome: ServerAgent;

/** Nobody listens there. */
const MAIL = {
  relay: { host: '127.0.0.1', port: 1, security: 'clear' as const, login: null, ca: [] },
  from: 'fairlead@vendor.example',
};

beforeEach(async () => {
  server = await startTestServer(undefined, 'inline', MAIL);
  dir = await mkdtemp(join(tmpdir(), 'fairlead-fleet-'));
  url = await server.app.listen({ host: '127.0.0.1', port: 0 });
  for (const role of ['viewer', 'operator', 'admin'] as const) await keepToken(role);
  vendor = createBench(dir, {} as never);
  oslo = await enrolAgent(server, 'Oslo');
  rome = await enrolAgent(server, 'Rome');
});
afterEach(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});

async function keepToken(role: TokenRole): Promise<void> {
  const { authorization } = await server.bearer(role);
  await writeFile(join(dir, `${role}.token`), `${authorization.replace('Bearer ', '')}\n`);
}

const as = (role: 'viewer' | 'operator' | 'admin', ...argv: readonly string[]) => [
  ...argv,
  ...['--server', url, '--token-file', join(dir, `${role}.token`)],
];
const asked: string[] = [];
const json = (role: 'viewer' | 'operator' | 'admin', ...argv: readonly string[]) => {
  asked.push(argv.join(' '));
  return vendor.json(...as(role, ...argv));
};
const told = async (...argv: readonly string[]) => (await vendor.run(...as('viewer', ...argv))).out;

const blocked = (owner: string, code: string) => ({
  ...{ verdict: 'wait', target: null, exposed: [] },
  blockers: [{ owner, code, message: 'm', source: 's' }],
});
const runs = (health: string) => [{ component: 'core/auth', version: '1.0.0', tree: TREE, health }];

describe('fleet', () => {
  it('says that nobody is needed while nobody is', async () => {
    for (const agent of [oslo, rome]) await agent.report(1, { decision: null });

    expect(await told('fleet')).toBe('nobody is needed\n2 instances\n');
  });

  it('names who is silent, failing, unhealthy, and blocked by whom and why', async () => {
    const lima = await enrolAgent(server, 'Lima');
    await lima.report(1);
    const heard = new Date(server.now - 2 * DAY_MS).toISOString();
    const { db } = server.context;
    await db.updateTable('instances').set({ last_seen: heard }).where('id', '=', lima.instance).execute();
    const started = new Date(server.now - 1000).toISOString();
    const failed = recordOf(1, 'rolled-back');
    const record = { ...failed, stages: failed.stages.map((stage) => ({ ...stage, at: started })) };
    await oslo.report(1, {
      ...{ decision: blocked('admin', 'channel-frozen') as never, components: runs('unhealthy') as never },
      records: [record],
    });
    await rome.report(1, { decision: blocked('time', 'outside-window') as never });

    const { summary } = (await json('viewer', 'fleet')) as { summary: Record<string, unknown> };

    const one = (name: string) => ({ count: 1, instances: [{ name }] });
    expect(summary).toMatchObject({
      ...{ instances: 3, silent: one('Lima'), failing: one('Oslo'), unhealthy: one('Oslo') },
      verdicts: [{ verdict: 'wait', count: 2 }],
      blocked: [
        { owner: 'admin', code: 'channel-frozen', ...one('Oslo') },
        { owner: 'time', code: 'outside-window', ...one('Rome') },
      ],
    });
    const page = await told('fleet');
    expect(page).toMatch(/^3 things for a person to look at\n/);
    expect(page).toMatch(/^silent +1 +Lima$/m);
    expect(page).toMatch(/^admin +channel-frozen +1 +Oslo$/m);
    expect((await json('viewer', 'fleet', '--silent', '3d')).summary).toMatchObject({ silent: { count: 0 } });
  });

  it('names who puts an order off', async () => {
    await oslo.report(1, { decision: blocked('admin', 'emergency-hold') as never });

    expect(await told('fleet')).toMatch(/^put a forced patch off +1 +Oslo$/m);
  });

  it('names who is exposed to what', async () => {
    const { publisher } = server.context;
    const tree = await addPack(server.store, 'fixed');
    const fix = capability('1.0.1', tree);
    const advisory = advisoryOf('FL-2026-0001');
    const { metadata } = firstPublication(publisher.onlineKeys);
    const signed = publicationOf(
      [
        ['releases', signRole('releases', 1, [fix])],
        ['security', signRole('security', 1, [advisory])],
      ],
      [fix, advisory],
      [changeOf(fix, '1.0.1', tree)],
    );
    const others = metadata.filter(({ role }) => role !== 'releases' && role !== 'security');
    await publisher.publish({ ...signed, metadata: [...others, ...signed.metadata] }, 'test');
    await oslo.report(1, { components: runs('healthy') as never });

    const { exposed } = await json('viewer', 'fleet');

    expect(exposed).toEqual([{ advisory: 'FL-2026-0001', severity: 'high', components: 1 }]);
    expect(await told('fleet')).toMatch(/^exposed to FL-2026-0001 \(high\) +1 component$/m);
  });
});

describe('instances', () => {
  it('are listed by name over all pages, and one is shown with what it runs', async () => {
    await oslo.report(1, { components: runs('healthy') as never });

    const { instances, more } = await json('viewer', 'instances');

    expect((instances as { name: string }[]).map(({ name }) => name)).toEqual(['Oslo', 'Rome']);
    expect(more).toBe(false);
    expect(await json('viewer', 'instance', 'Oslo')).toMatchObject({ instance: { name: 'Oslo' } });
    const page = await told('instance', 'Oslo');
    expect(page).toMatch(/^Oslo {2}/);
    expect(page).toMatch(/^core\/auth +1\.0\.0 +healthy$/m);
    expect(await vendor.refusal(...as('viewer', 'instance', 'Paris'))).toBe('vendor/instance-not-found');
  });

  it('are isolated, restored and retired by whoever may, each of the state that was seen', async () => {
    const why = ['--reason', 'broken into'];
    expect(await vendor.refusal(...as('viewer', 'instances', 'isolate', 'Oslo', ...why))).toBe(
      'vendor/server-refused',
    );
    await json('operator', 'instances', 'isolate', 'Oslo', ...why);
    expect((await oslo.report(1)).statusCode).toBe(403);
    expect(await told('instance', 'Oslo')).toContain('ISOLATED since');
    expect(await told('fleet')).toMatch(/^isolated +1 +Oslo$/m);

    await json('operator', 'instances', 'restore', 'Oslo', ...why);
    expect((await oslo.report(1)).statusCode).toBe(200);

    await json('operator', 'instances', 'retire', oslo.instance, ...why);
    expect(await told('instances')).not.toContain('Oslo');
    expect(await told('instances', '--standing', 'retired')).toContain('Oslo');
    // By its name too: nobody looks up ids of what is gone.
    await json('operator', 'instances', 'restore', 'Oslo', ...why);
  });

  it('say what they are made of, in a file for any tool', async () => {
    await oslo.report(1);
    const file = join(dir, 'oslo.cdx.json');

    const { components } = await json('viewer', 'instances', 'sbom', 'Oslo', '--file', file);

    const bill = JSON.parse(await readFile(file, 'utf8'));
    expectCycloneDx(bill);
    expect(bill.components).toHaveLength(Number(components));
  });

  it('give their evidence as a file that says whether somebody changed it', async () => {
    await oslo.report(1);
    const file = join(dir, 'oslo.json');

    const { digest } = await json('operator', 'instances', 'evidence', 'Oslo', '--file', file);

    expect(await json('viewer', 'instances', 'verify', file)).toMatchObject({
      digest,
      instance: oslo.instance,
    });
    await writeFile(file, (await readFile(file, 'utf8')).replace('Oslo', 'Bern'));
    expect(await vendor.refusal('instances', 'verify', file)).toBe('vendor/evidence-changed');
    await writeFile(file, 'no evidence');
    expect(await vendor.refusal('instances', 'verify', file)).toMatch(/^json\//);
  });
});

describe('proposals', () => {
  const why = ['--reason', 'certified'];
  const made = async (...argv: readonly string[]) => {
    const { proposals } = await json('operator', 'propose', ...argv, ...why);
    return (proposals as ProposalModel[]).map(({ instance_name, wish }) => [instance_name, wish]);
  };

  it.each([
    [['pin', 'core/auth', '~1.2'], { kind: 'pin', component: 'core/auth', version: '~1.2' }],
    [['unpin', 'core'], { kind: 'unpin', component: 'core' }],
    [['deploy'], { kind: 'deploy' }],
    [['rollback'], { kind: 'rollback' }],
    [['rollback', '--to', '7'], { kind: 'rollback', to: 7 }],
    [['rollback', '--to', 'core/auth@1.0.0'], { kind: 'rollback', to: 'core/auth@1.0.0' }],
  ])('are made: propose %s', async (argv, wish) => {
    expect(await made(...argv, '--instance', 'Oslo')).toEqual([['Oslo', wish]]);
  });

  it('of a template are made by its name', async () => {
    await server.app.inject({
      ...{ method: 'POST', url: '/api/v1/policies', headers: await server.bearer('operator') },
      payload: { name: 'quiet', channel: 'manual' },
    });

    const [[, wish] = []] = await made('policy', 'quiet', '--instance', 'Oslo');

    expect(wish).toMatchObject({ kind: 'policy', template: { name: 'quiet', channel: 'manual' } });
    const loud = as('operator', 'propose', 'policy', 'loud', '--instance', 'Oslo', ...why);
    expect(await vendor.refusal(...loud)).toBe('vendor/template-not-found');
  });

  it('go to everybody in a group, to one install, or to nobody', async () => {
    await server.app.inject({
      ...{ method: 'POST', url: '/api/v1/groups', headers: await server.bearer('operator') },
      payload: { name: 'all', instances: [oslo.instance, rome.instance] },
    });

    expect((await made('deploy', '--group', 'all')).map(([name]) => name).sort()).toEqual(['Oslo', 'Rome']);
    for (const to of [[], ['--group', 'all', '--instance', 'Oslo']]) {
      expect(await vendor.refusal(...as('operator', 'propose', 'deploy', ...to, ...why))).toBe(
        'vendor/nobody-named',
      );
    }
  });

  it('are taken back while nobody has answered', async () => {
    const { proposals } = await json('operator', 'propose', 'deploy', '--instance', 'Oslo', ...why);
    const [{ id } = { id: '' }] = proposals as ProposalModel[];

    await json('operator', 'proposals', 'withdraw', id);

    const { proposals: left } = await json('viewer', 'proposals');
    expect((left as ProposalModel[]).map(({ status }) => status)).toEqual(['withdrawn']);
    expect(await vendor.refusal(...as('operator', 'proposals', 'withdraw', id))).toBe(
      'vendor/server-refused',
    );
  });
});

describe('who may come in', () => {
  it('by a code that waits is listed without it, and the code can be taken back', async () => {
    const created = await server.app.inject({
      ...{ method: 'POST', url: '/api/v1/enrolments', headers: await server.bearer('operator') },
      payload: { name: 'Bern' },
    });
    const { code } = created.json();

    const { enrolments } = await json('operator', 'enrolment', 'list');
    const [one] = enrolments as { id: string; name: string }[];
    expect(enrolments).toMatchObject([{ name: 'Bern' }]);
    expect(JSON.stringify(enrolments)).not.toContain(code);
    await json('operator', 'enrolment', 'revoke', one?.id ?? '');

    const redeemed = await server.app.inject({
      ...{ method: 'POST', url: '/api/v1/enrolments/redeem' },
      payload: { code, publicKey: 'C'.repeat(43), hostname: 'h', agentVersion: '1' },
    });
    expect(redeemed.json().error.code).toBe('enrolment/code-refused');
    expect(await json('operator', 'enrolment', 'list')).toMatchObject({ enrolments: [] });
    expect(await vendor.refusal(...as('operator', 'enrolment', 'revoke', one?.id ?? ''))).toBe(
      'vendor/server-refused',
    );
  });

  it('by a token is listed without its text, and a token can be revoked', async () => {
    const { tokens } = await json('admin', 'tokens');
    const viewer = (tokens as { id: string; name: string }[]).find(({ name }) => name === 'viewer');
    expect(JSON.stringify(tokens)).not.toContain('flt_');

    await json('admin', 'tokens', 'revoke', viewer?.id ?? '');

    expect(await vendor.refusal(...as('viewer', 'instances'))).toBe('vendor/server-refused');
    expect(await vendor.refusal(...as('operator', 'tokens'))).toBe('vendor/server-refused');
  });

  it('makes a token and gives it a new text, each in a file of its own and nowhere else', async () => {
    const file = (name: string) => join(dir, name);
    const wanted = ['--name', 'ci', '--role', 'viewer', '--file', file('ci.token')];
    const made = await json('admin', 'tokens', 'create', ...wanted);
    const { id } = made.token as { id: string };
    const text = await readFile(file('ci.token'), 'utf8');
    expect(text).toMatch(/^flt_\S+\n$/);
    expect((await stat(file('ci.token'))).mode & 0o777).toBe(0o600);
    const next = await json('admin', 'tokens', 'rotate', id, '--file', file('next.token'));
    const renewed = await readFile(file('next.token'), 'utf8');

    expect(JSON.stringify([made, next])).not.toContain('flt_');
    const as = (name: string) => ['fleet', '--server', url, '--token-file', file(name)];
    expect((await vendor.run(...as('ci.token'))).status).toBe(0);
    expect((await vendor.run(...as('next.token'))).status).toBe(0);
    expect(renewed).not.toBe(text);
  });

  it('is told by a webhook what happens, and its secret stands in one file alone', async () => {
    const receiver = await startReceiver();
    const file = (name: string) => join(dir, name);
    const wanted = ['--name', 'on-call', '--url', receiver.url, '--type', 'instance.retired'];
    const made = await json('admin', 'webhooks', 'add', ...wanted, '--file', file('a.secret'));
    const secret = await readFile(file('a.secret'), 'utf8');
    expect(secret).toMatch(/^whsec_\S+\n$/);
    expect((await stat(file('a.secret'))).mode & 0o777).toBe(0o600);
    expect(await json('operator', 'webhooks', 'test', 'on-call')).toMatchObject({ delivered: true });
    const next = await json('admin', 'webhooks', 'rotate', 'on-call', '--file', file('b.secret'));

    expect(JSON.stringify([made, next])).not.toContain('whsec_');
    expect(await readFile(file('b.secret'), 'utf8')).not.toBe(secret);
    receiver.answer = () => 503;
    expect(await vendor.refusal(...as('operator', 'webhooks', 'test', 'on-call'))).toBe(
      'vendor/webhook-refused',
    );
    expect(await vendor.refusal(...as('operator', 'webhooks', 'test', 'other'))).toBe(
      'vendor/webhook-not-found',
    );
    expect(await vendor.refusal(...as('operator', 'webhooks', 'remove', 'on-call'))).toBe(
      'vendor/server-refused',
    );
    expect((await vendor.run(...as('operator', 'webhooks'))).out).toMatch(/on-call +well +warning/);

    receiver.answer = () => 200;
    const { webhooks } = (await json('operator', 'webhooks')) as {
      readonly webhooks: readonly { readonly id: string }[];
    };
    const { id = '' } = webhooks[0] ?? {};
    await transact(server.context.db, 'committed', (trx) =>
      disableWebhook(trx, id, 'it was ill', server.now),
    );
    expect(await vendor.refusal(...as('operator', 'webhooks', 'test', 'on-call'))).toBe(
      'vendor/webhook-disabled',
    );
    expect(await json('admin', 'webhooks', 'enable', 'on-call')).toMatchObject({
      webhook: { enabled: true, disabled_why: null, types: ['instance.retired'], url: receiver.url },
    });
    expect(await json('operator', 'webhooks', 'test', 'on-call')).toMatchObject({ enabled: true });

    await json('admin', 'webhooks', 'remove', 'on-call');
    expect(await json('operator', 'webhooks')).toMatchObject({ webhooks: [] });
    expect(await json('viewer', 'alerts')).toMatchObject({ alerts: [] });
    await receiver.close();
  });

  it('leaves no webhook behind whose secret it could not keep', async () => {
    const wanted = [
      '--name',
      'lost',
      '--url',
      'https://receiver.example/',
      '--file',
      join(dir, 'viewer.token'),
    ];

    expect(await vendor.refusal(...as('admin', 'webhooks', 'add', ...wanted))).toBe('file/exists');

    expect(await json('operator', 'webhooks')).toMatchObject({ webhooks: [] });
  });

  it('leaves no token behind whose text it could not keep', async () => {
    const wanted = ['--name', 'lost', '--role', 'viewer', '--file', join(dir, 'viewer.token')];

    expect(await vendor.refusal(...as('admin', 'tokens', 'create', ...wanted))).toBe('file/exists');

    const { tokens } = await json('admin', 'tokens');
    expect((tokens as { name: string }[]).map(({ name }) => name)).not.toContain('lost');
  });

  it('is also who belongs to a customer, or to a group', async () => {
    expect(await json('operator', 'customers', 'create', 'Harbour')).toMatchObject({
      customer: { name: 'Harbour', instances: 0 },
    });
    const pilots = ['pilots', '--instance', 'Oslo', '--description', 'first'];
    expect(await json('operator', 'groups', 'create', ...pilots)).toMatchObject({
      group: { name: 'pilots', members: 1, description: 'first' },
    });

    expect(await json('viewer', 'customers')).toMatchObject({
      customers: [{ name: 'Harbour', instances: 0 }],
    });
    expect(await json('viewer', 'groups')).toMatchObject({ groups: [{ name: 'pilots', members: 1 }] });
    expect(await told('groups')).toMatch(/^pilots +1 +first$/m);
  });
});

describe('what happens', () => {
  it('is listed since a day, a span or a moment, of all or of one install', async () => {
    await oslo.report(1, { records: [recordOf(1, 'committed')] });
    const since = '2026-11-01T00:00:00Z';

    const all = await json('viewer', 'events', '--since', since);
    const ofOne = await json('viewer', 'events', '--since', since, '--instance', 'Rome');
    const none = await told('events', '--since', '1s');

    const kinds = (found: object) => (found as { events: FleetEvent[] }).events.map(({ kind }) => kind);
    expect([kinds(all), kinds(ofOne)]).toEqual([
      ['enrolment.redeemed', 'enrolment.redeemed', 'deployment.ended'],
      ['enrolment.redeemed'],
    ]);
    expect(none).toBe('events: none\n');
    expect(await told('events', '--since', since)).toMatch(
      /^2026\S+ +Oslo +deployment.ended +core\/auth .*committed$/m,
    );
  });

  it('is told as it happens, goes on where the stream was cut, each once, and ends with the right to it', async () => {
    const printed = { out: '', err: '' };
    const following = run(as('viewer', 'events', '--follow', '--since', '2026-11-01T00:00:00Z'), {
      ...{ env: {}, isTerminal: false, now: Date.now, openKey: openKeyFile, confirm: async () => false },
      stdout: { write: (text: string) => (printed.out += text) },
      stderr: { write: (text: string) => (printed.err += text) },
    });
    const has = (count: number) => until(async () => printed.out.split('\n').length > count, 30_000);
    await has(2);
    server.app.server.closeAllConnections();
    await oslo.report(1, { records: [recordOf(1, 'committed')] });
    await has(3);
    await revokeTokens(server.context.db, 'viewer', 'test', server.now);
    await oslo.report(2, { records: [recordOf(2, 'committed')] });

    expect(await following).toBe(EXIT.refused);
    expect(printed.out.split('\n').map((one) => one.split('  ')[2])).toEqual([
      ...['enrolment.redeemed', 'enrolment.redeemed', 'deployment.ended'],
      undefined,
    ]);
    expect(printed.err).toMatch(/the stream was lost.*auth\/refused/s);
  });
});

describe('looking back', () => {
  it('tells how deployments ended, as a table, for a spreadsheet and for a program', async () => {
    await oslo.report(1, { records: [recordOf(1, 'committed'), recordOf(2, 'rolled-back')] });
    const days = ['--from', '2026-11-01', '--to', '2026-11-30', '--by', 'component,reason'];

    const before = await told('analytics', 'deployments', ...days);
    await countEnded(
      server.context.db,
      { components: new Set(['core/auth']), versions: new Set(['core/auth 1.0.0']) },
      server.now,
      new AbortController().signal,
    );
    const table = await told('analytics', 'deployments', ...days);
    const csv = await told('analytics', 'deployments', ...days, '--csv');
    const document = await json('viewer', 'analytics', 'deployments', ...days, '--of', '9.9.9');

    expect(before).toBe('nothing from 2026-11-01 to 2026-11-30\n');
    expect(table).toMatch(/^core\/auth +channel +2 +1 +1 +0 +0 +0 +50 % +/m);
    expect(csv).toMatch(/^Component,Reason,Ended,.*\ncore\/auth,channel,2,1,1,0,0,0,500,500,\d+,\d+,\d+\n$/);
    expect(document).toMatchObject({ from: '2026-11-01', to: '2026-11-30', groups: [], more: false });
  });

  it('answers an auditor, of a customer and of a period', async () => {
    await json('admin', 'customers', 'create', 'Harbour hospitals');
    await oslo.report(1, { components: runs('healthy') as never });
    server.now += 60_000;
    const file = join(dir, 'report.json');

    const ofCustomer = await json('viewer', 'report', 'compliance', 'Harbour hospitals', '2026-11');
    const written = ['--format', 'json', '--output', file];
    const ofPeriod = await json('admin', 'report', 'cra', '2026-Q4', ...written);

    expect(ofCustomer).toMatchObject({ kind: 'compliance', summary: { installs: 0 }, entry: null });
    expect(ofPeriod).toMatchObject({ kind: 'cra', summary: { installs: 2, cases: 0 }, file });
    expect(ofPeriod.entry).toBeGreaterThan(0);
    expect(await readFile(file, 'utf8')).toContain('Oslo');
  });

  it('is told by mail what happens, without a secret and without a file for one', async () => {
    const add = (...words: readonly string[]) =>
      vendor.refusal(...as('admin', 'webhooks', 'add', '--name', 'mail', ...words));
    const made = await json('admin', 'webhooks', 'add', '--name', 'mail', '--mail', 'ops@example.com');

    expect(made).toMatchObject({ webhook: { url: 'mailto:ops@example.com' }, file: null });
    expect(JSON.stringify(made)).not.toContain('whsec_');
    expect((await vendor.run(...as('operator', 'webhooks'))).out).toMatch(
      /mail +well +warning +ops@example\.com/,
    );
    expect(await add()).toBe('vendor/option-invalid');
    expect(await add('--url', 'https://a.example')).toBe('vendor/option-invalid');
    await json('admin', 'webhooks', 'remove', 'mail');
  });

  it('tells how the fleet stood', async () => {
    const sample = { exposed: { critical: 3 }, standing: {}, running: {} };
    await transact(server.context.db, 'committed', (trx) => keepSample(trx, sample, server.now));
    const days = ['--from', '2026-11-01', '--to', '2026-11-30'];

    expect(await told('analytics', 'fleet', ...days)).toMatch(/^2026-11-\S+ +critical +3$/m);
    expect(await told('analytics', 'fleet', ...days, '--kind', 'running')).toMatch(/^nothing from/);
    expect(await json('viewer', 'analytics', 'fleet', ...days)).toMatchObject({
      kind: 'exposed',
      series: [{ name: 'critical', points: [{ instances: 3 }] }],
    });
  });
});

it('asks for no workspace where server and token are named, and for one where they are not', async () => {
  expect(await vendor.refusal('fleet')).toBe('vendor/no-workspace');
  expect(await vendor.refusal('fleet', '--server', url)).toBe('vendor/no-workspace');
});

it('holds every command to the document that it declares', () => {
  const isAsked = (name: string) => asked.some((words) => `${words} `.startsWith(`${name} `));

  expect(FLEET.map(({ name }) => name).filter((name) => !isAsked(name))).toEqual([]);
});
