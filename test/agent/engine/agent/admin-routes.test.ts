// The admin API's answers: overrides on the record, refusals that name the next command, no body believed unread.
import { describe, expect, it } from 'vitest';
import {
  advisoriesReply,
  changesReply,
  type ExplanationReply,
  explanationReply,
  statusReply,
  verifyReply,
} from '../../../../shared/protocol/admin.ts';
import { advisory } from '../../../../shared/schema/advisory.ts';
import { DEFAULT_POLICY, type Policy } from '../../../../shared/schema/policy.ts';
import { createAgentNetwork, releaseOf, runningAlone } from '../../../support/agent-network.ts';
import { recordOf } from '../../../support/deployments.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { settle } from '../../../support/fake-clock.ts';

async function withOffer(channel: 'auto' | 'manual' | 'frozen') {
  const network = createAgentNetwork();
  network.world.policy = { kind: 'readable', policy: { ...DEFAULT_POLICY, channel } };
  network.publish(releaseOf('1.0.0'));
  await network.start();
  const refusal = (method: string, path: string, body?: unknown) =>
    rejectionOf(network.ask(method, path, body)).then(({ code }) => code);
  return { ...network, refusal };
}

async function deployed() {
  const network = await withOffer('auto');
  await network.world.clock.advance(1000);
  return network;
}

describe('answers', () => {
  it('match what the protocol promises', async () => {
    const { ask } = await deployed();

    statusReply.parse(await ask('GET', '/v1/status'));
    explanationReply.parse(await ask('GET', '/v1/explanation'));
    explanationReply.parse(await ask('POST', '/v1/check'));
    changesReply.parse(await ask('GET', '/v1/changes'));
    verifyReply.parse(await ask('POST', '/v1/verify'));
    advisoriesReply.parse(await ask('GET', '/v1/advisories'));
  });

  const EDIT = { edit: { kind: 'channel', channel: 'frozen' }, reason: 'why', preview: true };
  const SETTING = { component: 'core/auth', key: 'port', value: '81', reason: 'why', preview: true };

  it.each<[string, string, object | undefined, string]>([
    ['GET', 'status', undefined, 'status'],
    ['GET', 'explanation', undefined, 'explanation'],
    ['POST', 'what-if', {}, 'explanation'],
    ['POST', 'way', { target: 'core/auth@1.0.0' }, 'way'],
    ['POST', 'check', undefined, 'explanation'],
    ['POST', 'rollback/rehearsal', {}, 'rehearsal'],
    ['GET', 'changes', undefined, 'changes'],
    ['GET', 'changes/1', undefined, 'change'],
    ['POST', 'logs', { component: 'core/auth' }, 'logs'],
    ['GET', 'policy', undefined, 'policy-reply'],
    ['PUT', 'policy', EDIT, 'policy-reply'],
    ['GET', 'settings', undefined, 'settings'],
    ['PUT', 'settings', SETTING, 'settings'],
    ['GET', 'approvals', undefined, 'approvals'],
    ['POST', 'verify/repair', { reason: 'why' }, 'repair'],
    ['POST', 'verify', undefined, 'verification'],
    ['GET', 'audit', undefined, 'audit-log'],
    ['POST', 'stage', undefined, 'staged'],
    ['POST', 'notices/test', undefined, 'notices-tested'],
    ['GET', 'advisories', undefined, 'advisories'],
  ])('are given to each question by its own room: %s %s', async (method, path, body, document) => {
    const network = createAgentNetwork();
    network.publish(releaseOf('1.0.0', { settings: { port: { type: 'integer', default: 80 } } }));
    await network.start();
    await network.world.clock.advance(1000);

    const answer = (await network.ask(method, `/v1/${path}`, body)) as { readonly schema: string };

    expect(answer.schema).toBe(`fairlead/${document}@1`);
  });

  it('explain what would move, why, and who can clear what stands against it', async () => {
    const { ask } = await withOffer('frozen');

    expect(await ask('GET', '/v1/explanation')).toMatchObject({
      decision: { verdict: 'held', blockers: [{ code: 'channel-frozen', owner: 'admin' }] },
      moves: [{ component: 'core/auth', from: null, to: '1.0.0', origin: 'latest', bytes: 100 }],
    });
  });

  it('show the deployment under way', async () => {
    const { world, publish, start, ask } = createAgentNetwork();
    world.deployer.slow = true;
    publish(releaseOf('1.0.0'));
    await start();

    expect(await ask('GET', '/v1/status')).toMatchObject({ inProgress: { id: 1, state: 'starting' } });
    expect(await ask('GET', '/v1/changes/1')).toMatchObject({ change: { state: 'starting' } });
  });
});

describe('check', () => {
  it('asks the server at once and lets the agent act on the answer', async () => {
    const { world, ask, publish } = await deployed();
    publish(releaseOf('1.1.0'));

    const reply = await ask('POST', '/v1/check');
    await settle();

    expect(reply).toMatchObject({ decision: { verdict: 'apply' }, contact: { outcome: 'changed' } });
    expect(world.deployer.records.at(-1)).toMatchObject({ state: 'committed', steps: [{ to: '1.1.0' }] });
  });

  it('says how much would come, which the round would find out after the answer; of what is here, that it is', async () => {
    const { world, ask, publish } = await runningAlone();
    world.weighs = { way: 'patch', bytes: 7 };
    publish(releaseOf('1.1.0'));

    const reply = (await ask('POST', '/v1/check')) as ExplanationReply;

    expect(reply.moves).toMatchObject([{ component: 'core/auth', to: '1.1.0', bytes: 7 }]);
    expect(reply.moves[0]).not.toHaveProperty('atMost');
    expect(reply.forecast).toMatchObject({ bytes: 7 });
    world.fetched.push(releaseOf('1.1.0').document.tree.digest);
    expect(await ask('GET', '/v1/explanation')).toMatchObject({ moves: [{ bytes: 0 }] });
  });

  it('says the most that would come where nobody says how much', async () => {
    const { ask, publish } = await runningAlone();
    publish(releaseOf('1.1.0'));

    const reply = await ask('POST', '/v1/check');

    expect(reply).toMatchObject({ moves: [{ to: '1.1.0', bytes: 100, atMost: true }] });
  });

  it('answers with what is known when the server is away', async () => {
    const { world, ask } = await deployed();
    const { FairleadError } = await import('../../../../shared/errors/error.ts');
    world.serverError = new FairleadError('transport/unreachable', { url: 'x', problem: 'ECONNREFUSED' });

    expect(await ask('POST', '/v1/check')).toMatchObject({
      decision: { verdict: 'current' },
      contact: { outcome: 'failed', failure: { code: 'transport/unreachable' } },
    });
  });
});

describe('status', () => {
  it('shouts where what the vendor has signed cannot be kept', async () => {
    const { world, ask } = await deployed();
    const { FairleadError } = await import('../../../../shared/errors/error.ts');
    world.serverError = new FairleadError('disk/failed', { path: '/state/trust', problem: 'EROFS' });
    await ask('POST', '/v1/check');

    expect(await ask('GET', '/v1/status')).toMatchObject({
      alarms: [expect.stringContaining('cannot write /state/trust: EROFS (disk/failed)')],
    });
  });
});

describe('apply', () => {
  it.each(['manual', 'frozen'] as const)('overrides channel %s, and records who and why', async (channel) => {
    const { world, ask } = await withOffer(channel);

    const started = await ask('POST', '/v1/apply', { reason: 'maintenance night' });
    await settle();

    expect(started).toEqual({ change: 1 });
    expect(world.deployer.records).toMatchObject([
      { state: 'committed', actor: 'alice', note: 'maintenance night', reason: { kind: 'manual' } },
    ]);
    expect(world.audit.find(({ event }) => event === 'apply-requested')).toMatchObject({
      actor: 'alice',
      details: { reason: 'maintenance night' },
    });
  });

  it('wants a reason where the channel would not have applied the plan', async () => {
    const { world, refusal } = await withOffer('manual');

    expect(await refusal('POST', '/v1/apply', {})).toBe('apply/reason-needed');
    expect(world.deployer.records).toEqual([]);
  });

  it('refuses another plan than the operator saw', async () => {
    const { world, ask, publish, refusal } = await withOffer('manual');
    const seen = (await ask('GET', '/v1/explanation')) as { decision: { target: { plan: string } } };
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');

    const body = { plan: seen.decision.target.plan, reason: 'go' };

    expect(await refusal('POST', '/v1/apply', body)).toBe('apply/plan-changed');
    expect(world.deployer.records).toEqual([]);
  });

  it('accepts the plan the operator saw, although it was fetched meanwhile', async () => {
    const { ask } = await withOffer('manual');
    const seen = (await ask('GET', '/v1/explanation')) as { decision: { target: { plan: string } } };

    expect(await ask('POST', '/v1/apply', { plan: seen.decision.target.plan, reason: 'go' })).toEqual({
      change: 1,
    });
  });

  it('does not override a quarantine', async () => {
    const { world, ask, refusal } = await withOffer('manual');
    world.deployer.ends = 'rolled-back';
    await ask('POST', '/v1/apply', { reason: 'go' });
    await settle();

    expect(await refusal('POST', '/v1/apply', { reason: 'again' })).toBe('apply/blocked');
  });

  it('does not override expired signatures', async () => {
    const { world, refusal } = await withOffer('manual');
    world.freshness = { state: 'expired', expires: world.clock.now() - 1 };

    expect(await refusal('POST', '/v1/apply', { reason: 'go' })).toBe('apply/blocked');
  });

  it('does not happen when it cannot be recorded', async () => {
    const { FairleadError } = await import('../../../../shared/errors/error.ts');
    const { world, refusal } = await withOffer('manual');
    world.auditError = new FairleadError('audit/damaged', { path: 'log', line: 1, problem: 'changed' });

    expect(await refusal('POST', '/v1/apply', { reason: 'go' })).toBe('audit/damaged');
    expect(world.deployer.records).toEqual([]);
  });

  it('is refused while another deployment is under way', async () => {
    const { world, ask, refusal, publish } = await withOffer('manual');
    world.deployer.slow = true;
    await ask('POST', '/v1/apply', { reason: 'go' });
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');

    expect(await refusal('POST', '/v1/apply', { reason: 'me too' })).toBe('apply/blocked');
  });
});

describe('the policy', () => {
  it.each([
    ['platform', { level: 'platform' }],
    ['core', { level: 'suite', name: 'core' }],
    ['core/auth', { level: 'capability', name: 'core/auth' }],
  ])('keeps a pin of %s at the level it was meant for', async (component, level) => {
    const { world, ask, start } = createAgentNetwork();
    await start();

    await ask('PUT', '/v1/policy', { edit: { kind: 'pin', component, version: '1.x' }, reason: 'tested' });

    const { policy } = world.policy as { policy: Policy };
    expect(policy.pins).toEqual([{ ...level, version: '1.x', owner: 'alice', reason: 'tested' }]);
  });

  it('keeps a pinned component where it is, and lets it go when the pin is removed', async () => {
    const { world, ask, publish } = await deployed();
    const pin = { kind: 'pin', component: 'core/auth', version: '~1.0' };
    await ask('PUT', '/v1/policy', { edit: pin, reason: 'integration tested' });
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');
    await settle();
    expect(world.deployer.records).toHaveLength(1);

    await ask('PUT', '/v1/policy', { edit: { kind: 'unpin', component: 'core/auth' }, reason: 'done' });
    await settle();

    expect(world.deployer.records.at(-1)).toMatchObject({ state: 'committed', steps: [{ to: '1.1.0' }] });
    expect(world.audit.filter(({ event }) => event === 'policy-changed')).toHaveLength(2);
  });

  it('holds everything until it is released', async () => {
    const { world, ask, publish } = await deployed();
    const hold = { kind: 'hold', until: '2026-03-03T00:00:00Z', emergency: false };
    await ask('PUT', '/v1/policy', { edit: hold, reason: 'sale weekend' });
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');
    await settle();
    expect(await ask('GET', '/v1/status')).toMatchObject({ decision: { verdict: 'held' } });

    await ask('PUT', '/v1/policy', { edit: { kind: 'release', emergency: false }, reason: 'over' });
    await settle();

    expect(world.deployer.records.at(-1)).toMatchObject({ steps: [{ to: '1.1.0' }] });
  });

  it.each([
    ['a pin nobody set', { kind: 'unpin', component: 'core/auth' }, 'policy/no-such-pin'],
    [
      'a version that is none',
      { kind: 'pin', component: 'core/auth', version: 'newest' },
      'document/invalid',
    ],
    ['a component that is none', { kind: 'pin', component: '../x', version: '1.x' }, 'document/invalid'],
    [
      'an emergency hold of a week',
      { kind: 'hold', until: '2026-03-08T10:00:00Z', emergency: true },
      'document/invalid',
    ],
    [
      'a hold in the past',
      { kind: 'hold', until: '2026-02-01T00:00:00Z', emergency: false },
      'document/invalid',
    ],
  ])('refuses %s and records nothing', async (_what, edit, code) => {
    const { world, refusal } = await withOffer('frozen');

    expect(await refusal('PUT', '/v1/policy', { edit, reason: 'x' })).toBe(code);

    expect(world.audit.some(({ event }) => event === 'policy-changed')).toBe(false);
    expect(world.policy).toMatchObject({ policy: { pins: [], channel: 'frozen' } });
  });

  it('begins anew only with a channel once it is lost', async () => {
    const { world, ask, refusal } = await withOffer('auto');
    world.policy = { kind: 'unreadable', problem: 'settings.json is missing' };
    const pin = { kind: 'pin', component: 'core/auth', version: '1.x' };

    expect(await refusal('PUT', '/v1/policy', { edit: pin, reason: 'x' })).toBe('policy/unreadable');
    await ask('PUT', '/v1/policy', { edit: { kind: 'channel', channel: 'manual' }, reason: 'x' });

    expect(world.policy).toMatchObject({ kind: 'readable', policy: { channel: 'manual' } });
  });
});

describe('rollback', () => {
  it('returns to the generation before, without asking the server, and says who and why', async () => {
    const { world, ask, publish } = await deployed();
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');
    await settle();
    const asked = world.refreshes.length;

    const started = await ask('POST', '/v1/rollback', { reason: 'slow pages' });
    await settle();

    expect(started).toEqual({ change: 3 });
    expect(world.deployer.records.at(-1)).toMatchObject({ actor: 'alice', reason: { kind: 'rollback' } });
    expect(world.audit.find(({ event }) => event === 'rollback-requested')?.details.reason).toBe(
      'slow pages',
    );
    expect(world.refreshes).toHaveLength(asked);
  });

  it('says so when there is nothing to return to', async () => {
    const { refusal } = await deployed();

    expect(await refusal('POST', '/v1/rollback', { reason: 'slow pages' })).toBe('rollback/no-target');
  });
});

describe('quarantine lift', () => {
  it('lets the release be tried once more, on the record', async () => {
    const { world, ask } = await withOffer('auto');
    const failing = createAgentNetwork();
    failing.world.deployer.ends = 'rolled-back';
    failing.publish(releaseOf('1.0.0'));
    await failing.start();
    failing.world.deployer.ends = 'committed';

    const reply = await failing.ask('DELETE', '/v1/quarantine/core/auth', { reason: 'host repaired' });
    await failing.world.clock.advance(120_000);

    expect(reply).toEqual({ lifted: ['1.0.0'] });
    expect(failing.world.deployer.records.map(({ state }) => state)).toEqual(['rolled-back', 'committed']);
    expect(failing.world.audit.some(({ event }) => event === 'quarantine-lifted')).toBe(true);
    expect(world.deployer.quarantine).toEqual([]);
    expect((await rejectionOf(ask('DELETE', '/v1/quarantine/core/auth', { reason: 'x' }))).code).toBe(
      'quarantine/not-found',
    );
  });
});

describe('verify', () => {
  it('finds files changed by hand, and status says so from then on', async () => {
    const { world, ask } = await deployed();
    const tree = releaseOf('1.0.0').document.tree.digest;
    world.drift.set(tree, [{ path: 'server.js', problem: 'changed' }]);

    expect(await ask('POST', '/v1/verify')).toMatchObject({
      components: [{ component: 'core/auth', deviations: [{ path: 'server.js', problem: 'changed' }] }],
    });
    expect(await ask('GET', '/v1/status')).toMatchObject({ alarms: [expect.stringContaining('core/auth')] });
  });
});

describe('advisories', () => {
  it('tell whether they affect what runs', async () => {
    const { world, ask, publish } = await deployed();
    const low = (id: string, versions: string) =>
      advisory.parse({
        schema: 'fairlead/advisory@1',
        id,
        title: 'a hole',
        severity: 'low',
        affected: [{ component: 'core/auth', versions }],
        fixed: [],
        published: '2026-03-01T09:00:00Z',
        cves: [],
      });
    world.catalog = {
      ...world.catalog,
      advisories: [low('FL-2026-0001', '1.x'), low('FL-2026-0002', '2.x')],
    };
    publish();
    await ask('POST', '/v1/check');

    expect(await ask('GET', '/v1/advisories')).toMatchObject({
      advisories: [
        { id: 'FL-2026-0001', affects: ['core/auth'] },
        { id: 'FL-2026-0002', affects: [] },
      ],
    });
  });
});

describe('changes', () => {
  it('are told with the one under way as it is by now, and not twice', async () => {
    const { world, publish, ask } = await deployed();
    world.deployer.slow = true;
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');
    await world.clock.advance(1000);
    const [first, live] = world.deployer.records;
    world.deployer.records = [recordOf(2, ['planned']), ...world.deployer.records.slice(0, 1)];

    expect(await ask('GET', '/v1/changes')).toEqual({ schema: 'fairlead/changes@1', changes: [first, live] });
    expect(await ask('GET', '/v1/changes/2')).toEqual({ schema: 'fairlead/change@1', change: live });
    expect(await ask('GET', '/v1/changes/1')).toEqual({ schema: 'fairlead/change@1', change: first });
  });
});

describe('the log', () => {
  it('is answered line by line, with where its chain stands', async () => {
    const { world, ask } = await deployed();

    const { lines, ...reply } = (await ask('GET', '/v1/audit')) as { lines: readonly string[] };

    expect(reply).toEqual({
      schema: 'fairlead/audit-log@1',
      count: world.audit.length,
      digest: expect.stringMatching(/^sha256:/),
    });
    expect(lines.map((line) => JSON.parse(line).event)).toEqual(world.audit.map(({ event }) => event));
  });
});

describe('a quarantine that is lifted', () => {
  it('is that of the component alone, every version of it, and the agent looks at once', async () => {
    const { world, ask } = await deployed();
    const entry = { since: '2026-03-01T10:00:00Z', reason: 'red', record: 1 };
    const quarantined = (component: string, version: string) =>
      ({ ...entry, component, version, release: `${component} ${version}` }) as never;
    world.deployer.quarantine.push(
      quarantined('core/auth', '1.0.5'),
      quarantined('core/api', '2.0.0'),
      quarantined('core/auth', '1.0.6'),
    );
    const before = world.reports.length;

    expect(await ask('DELETE', '/v1/quarantine/core/auth', { reason: 'mended' })).toEqual({
      lifted: ['1.0.5', '1.0.6'],
    });
    await world.clock.advance(1);

    expect(world.deployer.quarantine.map(({ component }) => component)).toEqual(['core/api']);
    expect(world.audit.at(-1)?.details.versions).toBe('1.0.5, 1.0.6');
    expect(world.reports.length).toBeGreaterThan(before);
  });
});

const SET_AUTO = { kind: 'channel', channel: 'auto' };

describe('requests nobody should send', () => {
  it.each([
    ['an unknown path', 'GET', '/v1/nothing', undefined, 'agent/unknown-request'],
    ['the wrong method', 'DELETE', '/v1/status', undefined, 'agent/unknown-request'],
    ['a path that climbs', 'GET', '/v1/changes/../status', undefined, 'agent/unknown-request'],
    ['a change that never was', 'GET', '/v1/changes/99', undefined, 'change/not-found'],
    ['a number too large', 'GET', `/v1/changes/${'9'.repeat(40)}`, undefined, 'agent/unknown-request'],
    ['an unknown key', 'PUT', '/v1/policy', { edit: SET_AUTO, reason: 'x', force: true }, 'document/invalid'],
    [
      'an unknown channel',
      'PUT',
      '/v1/policy',
      { edit: { kind: 'channel', channel: 'AUTO' }, reason: 'x' },
      'document/invalid',
    ],
    ['no reason', 'PUT', '/v1/policy', { edit: SET_AUTO }, 'document/invalid'],
    ['an empty reason', 'POST', '/v1/rollback', { reason: '' }, 'document/invalid'],
    ['a fraction', 'POST', '/v1/rollback', { to: 1.5, reason: 'x' }, 'json/invalid'],
    ['no body', 'POST', '/v1/apply', undefined, 'json/invalid'],
    ['a component that is none', 'DELETE', '/v1/quarantine/%2e%2e/x', { reason: 'x' }, 'document/invalid'],
  ])('%s', async (_what, method, path, body, code) => {
    const { world, refusal } = await withOffer('frozen');

    expect(await refusal(method, path, body)).toBe(code);
    expect(world.deployer.records).toEqual([]);
  });
});
