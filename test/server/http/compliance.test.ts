// Compliance over HTTP: what became of an advisory on installs that fix it, put it off, fall silent, leave, are cloned, or have a wrong clock; asked when the period is long past.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noteAdvisories } from '../../../server/db/advisory-revisions.ts';
import { transact } from '../../../server/db/transact.ts';
import { advisoriesIn } from '../../../server/repository/public-files.ts';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import {
  type ComplianceExposure,
  type ComplianceInstall,
  complianceAdvisories,
  complianceInstalls,
} from '../../../shared/protocol/compliance.ts';
import type { Report } from '../../../shared/protocol/report.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Decision } from '../../../shared/schema/decision.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { advisoryOf, digestOfText, NOW, publicationOf, signRole } from '../../support/publications.ts';
import { publishVersions } from '../../support/published-versions.ts';
import { recordOf } from '../../support/reports.ts';
import { enrolAgent, type ServerAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const AUTH = 'core/auth' as ComponentKey;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const PLAN = digestOfText('plan');
const HOLE = 'FL-2026-0003';
const CRITICAL = { severity: 'critical', order: { notice: 'PT0S', deadline: '2026-11-30T00:00:00Z' } };
const EXPOSED = { advisory: HOLE, severity: 'critical', component: AUTH, version: '1.0.0' };
const OFFER = { kind: 'emergency', manifest: digestOfText('fixed'), plan: PLAN } as const;
const HELD: Decision['blockers'][number] = {
  ...{ code: 'emergency-hold', message: 'held by anna: audit week', source: 'hold', owner: 'admin' },
};

const OLDER = utf8(JSON.stringify(advisoryOf(HOLE, CRITICAL)));

let server: TestServer;
let sequences: Map<string, number>;

beforeEach(async () => {
  server = await startTestServer();
  sequences = new Map();
  await publishVersions(server, ['1.0.0', '1.0.1'], [advisoryOf(HOLE, CRITICAL)]);
  await noted();
  for (const role of ['viewer', 'operator', 'admin'] as const) await server.bearer(role);
  await server.context.db.updateTable('tokens').set({ expires_at: '2099-01-01T00:00:00Z' }).execute();
});
afterEach(() => server.close());

async function noted(): Promise<void> {
  const { db, publisher } = server.context;
  await noteAdvisories(db, advisoriesIn(server.store, publisher.published()), server.now);
}

/** The hole is published at the hour 0. */
function at(hours: number): string {
  return formatInstantMs(NOW + hours * HOUR);
}

async function tell(agent: ServerAgent, hours: number, version: string, more: Partial<Report> = {}) {
  server.now = NOW + hours * HOUR;
  const sequence = (sequences.get(agent.instance) ?? 0) + 1;
  sequences.set(agent.instance, sequence);
  const tree = digestOfText('tree');
  const response = await agent.report(sequence, {
    components: [{ component: AUTH, version: parseVersion(version), tree, health: 'healthy' }],
    ...more,
  });
  expect(response.statusCode).toBe(200);
  // What happens at the end of a period is no part of it.
  server.now += 1;
}

const deciding = (more: Partial<Decision>): Pick<Report, 'decision'> => ({
  decision: { verdict: 'wait', target: null, blockers: [], exposed: [EXPOSED], ...more },
});

/** The record of the deployment that brought the fix, committed by its own clock. */
const fixing = (committed: string): Pick<Report, 'records'> => ({
  records: [
    recordOf(7, 'committed', 'CHG-2', {
      plan: PLAN,
      steps: [{ component: AUTH, from: parseVersion('1.0.0'), to: parseVersion('1.0.1'), change: 'CHG-2' }],
      stages: [{ state: 'committed', at: committed }],
    }),
  ],
});

interface Query {
  readonly from?: string;
  readonly to?: string;
  readonly customer?: string;
  readonly limit?: string;
}

async function ask(path: string, query: Query, headers?: object) {
  const search = new URLSearchParams({ from: at(-240), to: at(240), ...query });
  return server.app.inject({
    url: `/api/v1/compliance/${path}?${search}`,
    headers: { ...(headers ?? (await server.bearer('viewer'))) },
  });
}

async function installs(query: Query = {}, headers?: object): Promise<readonly ComplianceInstall[]> {
  const response = await ask('installs', query, headers);
  expect([response.statusCode, response.body]).toEqual([200, expect.any(String)]);
  return complianceInstalls.parse(response.json()).installs;
}

async function only(query: Query = {}): Promise<ComplianceInstall & { readonly case: ComplianceExposure }> {
  const all = await installs(query);
  const [one] = all;
  const [found] = one?.cases ?? [];
  if (one === undefined || found === undefined || all.length + one.cases.length > 2) throw new Error();
  return { ...one, case: found };
}

describe('one install', () => {
  it('was exposed, told, offered the fix, put it off and took it, each with the report that says so', async () => {
    const agent = await enrolAgent(server, 'one');
    await tell(agent, -5, '1.0.0');
    await tell(agent, 1, '1.0.0', deciding({ target: OFFER, blockers: [HELD] }));
    await tell(agent, 2, '1.0.0', deciding({ target: OFFER }));
    await tell(agent, 4, '1.0.1', { ...deciding({ exposed: [] }), ...fixing(at(3)) });
    server.now += DAY;

    const { case: one, reasons, name, known } = await only();
    expect({ name, known }).toEqual({ name: 'one', known: at(-5) });
    expect(one).toMatchObject({
      ...{ advisory: HOLE, state: 'fixed', since: at(0), unknown: null },
      ran: [{ component: AUTH, version: '1.0.0', from: at(-5), to: at(4) }],
      told: { at: at(1), sequence: 2, report: expect.stringMatching(/^sha-256=:/) },
      offered: { at: at(1), by: 'order', plan: PLAN },
      fixed: {
        ...{ at: at(3), clock: 'install', version: '1.0.1', seen: { at: at(4), sequence: 4 } },
        record: { id: 7, plan: PLAN, digest: expect.stringMatching(/^sha256:/) },
      },
    });
    expect(one.deferred.map((place) => reasons[place])).toMatchObject([
      { code: 'emergency-hold', owner: 'admin', message: HELD.message, from: at(1), to: at(2), times: 1 },
    ]);
  });

  it('reads the same when it is asked about long afterwards, whatever came then', async () => {
    const agent = await enrolAgent(server, 'one');
    await tell(agent, 1, '1.0.0', deciding({ target: OFFER, blockers: [HELD] }));
    await tell(agent, 20, '1.0.0', deciding({ target: OFFER, blockers: [HELD] }));
    server.now = NOW + DAY;
    const then = await only({ to: at(24) });
    expect(then.case).toMatchObject({ state: 'exposed', fixed: null });

    await tell(agent, 30, '1.0.1', fixing(at(30)));
    for (let day = 2; day < 60; day++) await tell(agent, day * 24, '1.0.1', { channel: 'frozen' });

    const { lastSeen: _, ...later } = await only({ to: at(24) });
    expect(later).toEqual((({ lastSeen: __, ...rest }) => rest)(then));
    expect((await only()).case).toMatchObject({ state: 'fixed', fixed: { at: at(30) } });
  });

  it('that is silent is unknown since it was last heard, and never fixed', async () => {
    const agent = await enrolAgent(server, 'one');
    await tell(agent, -3, '1.0.0');
    server.now = NOW + 5 * DAY;

    expect((await only()).case).toMatchObject({
      ...{ state: 'unknown', fixed: null, told: null },
      unknown: { since: at(-3), why: 'silent' },
    });
    // Heard again afterwards, it was silent then all the same.
    await tell(agent, 6 * 24, '1.0.1', fixing(at(10)));
    const then = await only({ to: at(48) });
    expect([then.case.unknown?.since, then.silent]).toEqual([at(-3), [{ from: at(-3), to: null }]]);
    // Which it says itself, within what the server saw.
    expect((await only()).case).toMatchObject({ state: 'fixed', fixed: { at: at(10), clock: 'install' } });
  });

  it.each([
    ['years ago', '2019-01-01T00:00:00Z'],
    ['before the hole was known', at(-2)],
    ['in a time to come', at(48)],
  ])('whose clock says it was fixed %s has the time at which the server heard of it', async (_, said) => {
    const agent = await enrolAgent(server, 'one');
    await tell(agent, 1, '1.0.0', deciding({}));
    await tell(agent, 4, '1.0.1', fixing(said));

    expect((await only()).case.fixed).toMatchObject({ at: at(4), clock: 'server', record: { id: 7 } });
  });

  it('is exposed again once it went back, and fixed when it is for good', async () => {
    const agent = await enrolAgent(server, 'one');
    await tell(agent, 1, '1.0.0');
    await tell(agent, 2, '1.0.1');
    await tell(agent, 3, '1.0.0');
    server.now += HOUR;
    expect((await only()).case).toMatchObject({ state: 'exposed', since: at(1) });

    await tell(agent, 5, '1.0.1');
    const { case: one } = await only();
    expect(one).toMatchObject({ state: 'fixed', fixed: { at: at(5), clock: 'server', record: null } });
    expect(one.ran.map(({ from, to }) => [from, to])).toEqual([
      [at(1), at(2)],
      [at(3), at(5)],
    ]);
  });

  it('that names the component no longer is unknown, and fixed once it names what came in its place', async () => {
    const agent = await enrolAgent(server, 'one');
    await tell(agent, 1, '1.0.0');
    await tell(agent, 2, '1.0.0', { components: [] });
    expect((await only()).case).toMatchObject({
      ...{ state: 'unknown', fixed: null },
      unknown: { since: at(2), why: 'unproven' },
    });

    await tell(agent, 3, '1.0.1');
    expect((await only()).case).toMatchObject({
      ...{ state: 'fixed', unknown: null },
      fixed: { at: at(3), version: '1.0.1', seen: { at: at(3), sequence: 3 } },
    });
  });

  it('that had the hole while the clock of the server was ahead had it all the same', async () => {
    const agent = await enrolAgent(server, 'one');
    await tell(agent, 5, '1.0.0');
    await tell(agent, 4, '1.0.1');
    server.now = NOW + 9 * HOUR;

    expect((await only()).case).toMatchObject({ state: 'fixed', ran: [{ from: at(4), to: at(4) }] });
  });

  it('that joins with the hole is counted from then on, and one that joins without it is no case', async () => {
    await tell(await enrolAgent(server, 'late'), 100, '1.0.0');
    await tell(await enrolAgent(server, 'sound'), 100, '1.0.1');
    server.now += HOUR;

    const all = await installs();
    expect(all.map(({ name, cases }) => [name, cases.map(({ since }) => since)]).sort()).toEqual([
      ['late', [at(100)]],
      ['sound', []],
    ]);
  });

  it('that never said anything is listed with nothing known', async () => {
    await enrolAgent(server, 'mute');
    server.now += HOUR;

    expect(await installs()).toMatchObject([{ name: 'mute', known: null, lastSeen: null, cases: [] }]);
  });

  it('that was retired while it was exposed has left, with the entry that says so, and counts as nothing else', async () => {
    const agent = await enrolAgent(server, 'one');
    await tell(agent, 1, '1.0.0');
    server.now = NOW + 5 * HOUR;
    await act('retire', agent);
    server.now = NOW + 90 * DAY;

    const { case: one, left, to } = await only();
    expect([one.state, left?.why, left?.at, to]).toEqual(['left', 'retired', at(5), at(5)]);
    const entry = await server.context.db
      .selectFrom('audit')
      .select(['sequence', 'digest'])
      .where('action', '=', 'instance.retired')
      .executeTakeFirstOrThrow();
    expect(left?.entry).toEqual({ ...entry, sequence: Number(entry.sequence) });
    expect(await installs({ from: at(24), to: at(48) })).toEqual([]);
  });

  it('for which two agents spoke is not said to be fixed while they did', async () => {
    const agent = await enrolAgent(server, 'one');
    await tell(agent, 1, '1.0.0');
    await tell(agent, 3, '1.0.1', fixing(at(3)));
    const { db, now } = server.context;
    const event = { actor: 'server', action: 'identity.twinned', subject: agent.instance };
    const { appendAudit } = await import('../../../server/db/audit.ts');
    await transact(db, 'committed', (trx) => appendAudit(trx, event, now()));
    await db
      .updateTable('instances')
      .set({ twins_heard: at(6) })
      .execute();
    server.now = NOW + 10 * HOUR;
    expect((await only()).case).toMatchObject({ state: 'unknown', unknown: { why: 'cloned' }, fixed: null });

    await tell(agent, 11, '1.0.0');
    await tell(agent, 12, '1.0.1');
    expect((await only()).case).toMatchObject({ state: 'fixed', fixed: { at: at(12) } });
  });
});

async function act(what: 'retire' | 'isolate', agent: ServerAgent): Promise<void> {
  const response = await server.app.inject({
    ...{ method: 'POST', url: `/api/v1/instances/${agent.instance}/${what}` },
    headers: { ...(await server.bearer('operator')), 'if-match': '"1"' },
    payload: { reason: 'decommissioned' },
  });
  expect(response.statusCode).toBe(200);
}

describe('an advisory', () => {
  async function publish(version: number, overrides: object): Promise<void> {
    const changed = advisoryOf(HOLE, { ...CRITICAL, ...overrides });
    const roles = [['security', signRole('security', version, [changed])]] as const;
    await server.context.publisher.publish(publicationOf(roles, [changed]), 'vendor');
    await noted();
  }

  it('that was withdrawn says so, with what became of those that still had it', async () => {
    const [open, fixed] = [await enrolAgent(server, 'open'), await enrolAgent(server, 'fixed')];
    await tell(open, 1, '1.0.0');
    await tell(fixed, 1, '1.0.0');
    await tell(fixed, 2, '1.0.1');
    server.now = NOW + 5 * HOUR;
    await publish(3, { withdrawn: true });
    await tell(open, 8, '1.0.1');

    const states = (await installs()).map(({ name, cases }) => [name, cases.map(({ state }) => state)]);
    expect(states.sort()).toEqual([
      ['fixed', ['fixed']],
      ['open', ['withdrawn']],
    ]);
    const { advisories } = complianceAdvisories.parse((await ask('advisories', {})).json());
    expect(advisories).toMatchObject([{ id: HOLE, withdrawn: at(5) }]);
    expect((await ask('advisories', { from: at(6) })).json().advisories).toEqual([]);
  });

  it('that was amended counts as it read at the end of the period, and tells every way in which it did', async () => {
    const agent = await enrolAgent(server, 'one');
    await tell(agent, 1, '1.0.1');
    server.now = NOW + 5 * HOUR;
    await publish(3, { affected: [{ component: AUTH, versions: '<1.0.2' }] });
    server.now += HOUR;

    expect((await only()).case).toMatchObject({ state: 'exposed', ran: [{ version: '1.0.1' }] });
    expect((await installs({ to: at(3) }))[0]?.cases).toEqual([]);
    const { advisories } = complianceAdvisories.parse((await ask('advisories', {})).json());
    const revisions = advisories[0]?.revisions ?? [];
    expect(revisions.map((one) => [one.at, one.entry?.sequence])).toEqual([
      [at(0), 2],
      [at(5), expect.any(Number)],
    ]);
    expect(new Set(revisions.map(({ document }) => document)).size).toBe(2);
  });

  it('that was amended before the server noted anything was published when it first was', async () => {
    server.now = NOW + 5 * HOUR;
    await publish(3, { affected: [{ component: AUTH, versions: '<1.0.2' }] });
    await server.context.db.deleteFrom('advisory_revisions').execute();
    server.now += HOUR;
    await noted();

    const { advisories } = complianceAdvisories.parse((await ask('advisories', {})).json());
    expect(advisories.map(({ published, revisions }) => [published, revisions[0]?.entry?.sequence])).toEqual([
      [at(0), 2],
    ]);
  });

  it('is not noted as it read before, by a process that has not seen it change', async () => {
    const { db, publisher } = server.context;
    const before = advisoriesIn(server.store, publisher.published());
    await publish(3, { affected: [{ component: AUTH, versions: '<1.0.2' }] });
    const rows = () => db.selectFrom('advisory_revisions').select('digest').orderBy('revision').execute();
    const noticed = await rows();
    const [one] = noticed;
    const { advisories, ...rest } = before;
    const older = advisories.map((each) => ({ ...each, digest: one?.digest as typeof PLAN }));
    await noteAdvisories(db, { ...rest, advisories: older, read: async () => OLDER }, server.now);

    expect(noticed).toHaveLength(2);
    expect(await rows()).toEqual(noticed);
  });

  it('that nobody published is said to be none, and a period that is yet to come refused', async () => {
    const one = await ask('advisories', { advisory: 'FL-2026-9999' } as Query);
    expect([one.statusCode, one.json().code]).toEqual([404, 'request/not-found']);
    const future = await ask('installs', { from: at(24), to: at(48) });
    expect([future.statusCode, future.json().code]).toEqual([400, 'request/invalid']);
  });
});

describe('whose installs', () => {
  async function customer(name: string): Promise<string> {
    const headers = await server.bearer('operator');
    const made = await server.app.inject({
      ...{ method: 'POST', url: '/api/v1/customers', payload: { name }, headers },
    });
    return made.json().id;
  }

  async function own(id: string, name: string, ids: readonly string[]): Promise<void> {
    const url = `/api/v1/customers/${id}`;
    const { headers: found } = await server.app.inject({ url, headers: await server.bearer('operator') });
    const headers = { ...(await server.bearer('operator')), 'if-match': String(found['etag']) };
    const payload = { name, instances: ids };
    expect((await server.app.inject({ method: 'PUT', url, payload, headers })).statusCode).toBe(200);
  }

  async function tokenOf(id: string) {
    const made = await server.app.inject({
      ...{ method: 'POST', url: '/api/v1/tokens', headers: await server.bearer('admin') },
      payload: { name: 'theirs', role: 'viewer', validFor: 'P30D', customer: id },
    });
    return { authorization: `Bearer ${made.json().token}` };
  }

  it('each customer answers for the time in which an install was theirs, and sees no other', async () => {
    const [first, second] = [await customer('first'), await customer('second')];
    const agent = await enrolAgent(server, 'one', { customer: first });
    await enrolAgent(server, 'other', { customer: second });
    await tell(agent, 1, '1.0.0');
    server.now = NOW + 5 * HOUR;
    await own(first, 'first', []);
    const there = (await installs({ customer: second })).map(({ id }) => id);
    server.now = NOW + 7 * HOUR;
    await own(second, 'second', [...there, agent.instance]);
    await tell(agent, 9, '1.0.1');

    const before = await only({ customer: first });
    expect([before.case.state, before.left?.why, before.to]).toEqual(['left', 'customer', at(5)]);
    expect([before.lastSeen, before.case.ran[0]?.to]).toEqual([null, null]);
    const after = (await installs({ customer: second })).find(({ id }) => id === agent.instance);
    expect(after?.cases).toMatchObject([
      { state: 'fixed', since: at(7), ran: [{ from: at(7), to: at(9) }], fixed: { at: at(9) } },
    ]);
    expect([after?.known, after?.lastSeen]).toEqual([at(7), at(9)]);

    const theirs = await installs({ customer: second }, await tokenOf(first));
    expect(theirs).toEqual([{ ...before }].map(({ case: _, ...rest }) => rest));
  });

  it('come page by page, each once', async () => {
    const names = Array.from({ length: 7 }, (_, i) => `install ${i}`);
    for (const name of names) await tell(await enrolAgent(server, name), 1, '1.0.0');
    server.now += HOUR;
    const found: string[] = [];
    let url = `/api/v1/compliance/installs?${new URLSearchParams({ from: at(-1), to: at(2), limit: '3' })}`;
    for (let pages = 0; url !== '' && pages < 5; pages++) {
      const page = await server.app.inject({ url, headers: await server.bearer('viewer') });
      found.push(...complianceInstalls.parse(page.json()).installs.map(({ name }) => name));
      url = /^<([^>]*)>/.exec(String(page.headers['link'] ?? ''))?.[1] ?? '';
    }
    expect(found.sort()).toEqual(names);
  });
});

it('writes into the audit log that a report was made, once for one key', async () => {
  const note = async (role: 'operator' | 'viewer') =>
    server.app.inject({
      ...{ method: 'POST', url: '/api/v1/compliance/reports' },
      headers: { ...(await server.bearer(role)), 'idempotency-key': 'one' },
      payload: { kind: 'cra', subject: HOLE, from: at(0), to: at(1), digest: PLAN },
    });
  const [first, again] = [await note('operator'), await note('operator')];
  expect(again.json()).toEqual(first.json());
  expect((await note('viewer')).statusCode).toBe(403);
  const rows = await server.context.db
    .selectFrom('audit')
    .selectAll()
    .where('action', '=', 'report.made')
    .execute();
  expect(rows.map(({ digest, subject, details }) => [digest, subject, JSON.parse(details).digest])).toEqual([
    [first.json().digest, HOLE, PLAN],
  ]);
});
