// The table of limits, tried row by row: as much as it allows is taken, and with one more happens what it says.
import { EventEmitter } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { LightMyRequestResponse } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identityConfig } from '../../../server/core/identity.ts';
import { QUOTAS } from '../../../server/core/quota.ts';
import { beginSignIn, readState } from '../../../server/core/sign-in-state.ts';
import { pruneAlerts } from '../../../server/db/alerts.ts';
import { appendAudit, listRestores } from '../../../server/db/audit.ts';
import { enqueue, forgetDelivered } from '../../../server/db/deliveries.ts';
import { pruneEvents } from '../../../server/db/events.ts';
import { createGroupCommit } from '../../../server/db/group-commit.ts';
import { inParts } from '../../../server/db/page.ts';
import { pruneProposals } from '../../../server/db/proposals.ts';
import { UNLOOKED_REPORTS } from '../../../server/db/report-rows.ts';
import { beginSession, findSession } from '../../../server/db/sessions.ts';
import { tidy } from '../../../server/db/tidy.ts';
import { transact } from '../../../server/db/transact.ts';
import type { Limit } from '../../../server/http/connection-limits.ts';
import { LIMITS_BY_NAME, type LimitName } from '../../../server/http/limits.ts';
import { limitAddresses, watchSlowConnections } from '../../../server/http/slow-connections.ts';
import { fromUtf8, toBase64url, utf8 } from '../../../shared/encoding/bytes.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import type { TokenRole } from '../../../shared/protocol/fleet.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { listenForHints } from '../../support/listening-agent.ts';
import { advisoryOf, digestOfText } from '../../support/publications.ts';
import { publishVersions } from '../../support/published-versions.ts';
import { recordOf, reportOf } from '../../support/reports.ts';
import { enrolAgent, type ServerAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

type Outcome = 'taken' | Limit['beyond'];
/** With as much as is allowed, and with the least that is more. */
type Trial = (bound: number) => Promise<readonly [at: Outcome, beyond: Outcome]>;

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const DAY_MS = 24 * 3_600_000;
const RUNS = {
  component: 'core/auth' as ComponentKey,
  tree: digestOfText('tree'),
  health: 'healthy',
} as const;
const JSON_TYPE = { 'content-type': 'application/json' };
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

interface Sent {
  readonly role?: TokenRole;
  readonly payload?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, sent: Sent = {}) {
  const { role = 'admin', payload, headers } = sent;
  return server.app.inject({
    ...{ method, url: `/api/v1/${path}` },
    headers: { ...(await server.bearer(role)), ...(payload === undefined ? {} : JSON_TYPE), ...headers },
    ...(payload === undefined ? {} : { payload }),
  });
}

/** A refusal for another reason says that the bound let it through. */
function toldOf(response: LightMyRequestResponse, about: Limit['beyond']): Outcome {
  if (response.statusCode < 400) return 'taken';
  const { code } = response.json();
  if (/^(?:request\/rate-limited|server\/busy)$/.test(code)) {
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
  }
  return code === about ? about : 'taken';
}

const padded = (value: object, bytes: number) => JSON.stringify(value).padEnd(bytes, ' ');

/** The same request with as much, and with one more. */
async function both(
  name: LimitName,
  send: (size: number) => Promise<LightMyRequestResponse>,
  bound: number,
): Promise<readonly [Outcome, Outcome]> {
  const { beyond } = LIMITS_BY_NAME[name];
  return [toldOf(await send(bound), beyond), toldOf(await send(bound + 1), beyond)];
}

/** A server of which only the clock and the connections are real enough to be judged. */
function exchange(request: object, response: object, socket: object) {
  const http = Object.assign(new EventEmitter(), { maxConnections: 0 }) as unknown as Server;
  let clock = 0;
  const watch = watchSlowConnections(http, () => clock);
  const one = { bytesRead: 0, bytesWritten: 0, writableLength: 0, destroyed: false, ...socket };
  const held = Object.assign(one, { destroy: () => Object.assign(one, { destroyed: true }) });
  http.emit(
    'request',
    { complete: true, socket: held, ...request },
    { writableFinished: false, ...response },
  );
  watch.look();
  const at = (moment: number): Outcome => {
    clock = moment;
    watch.look();
    return held.destroyed ? 'closed' : 'taken';
  };
  return { at, stop: () => watch.stop() };
}

async function onClock(bound: number, ...of: Parameters<typeof exchange>) {
  const { at, stop } = exchange(...of);
  const outcomes = [at(bound), at(bound + 1)] as const;
  stop();
  return outcomes;
}

/** Sends the head of a request, and answers what came back by the time another request was answered. */
async function sendHead(lines: readonly string[]): Promise<string> {
  if (!server.app.server.listening) await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.app.server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  let said = '';
  socket.on('data', (chunk) => {
    said += chunk.toString();
  });
  socket.on('error', () => undefined);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  for (let i = 0; i < 20 && said === ''; i++) await fetch(`http://127.0.0.1:${port}/readyz`);
  socket.destroy();
  return said;
}

async function announced(method: string, path: string, type: string, bytes: number): Promise<Outcome> {
  const { authorization } = await server.bearer('publisher');
  const head = [`${method} /api/v1/${path} HTTP/1.1`, 'host: x', `authorization: ${authorization}`];
  const said = await sendHead([...head, `content-type: ${type}`, `content-length: ${bytes}`]);
  return said.includes('"request/too-large"') ? 'request/too-large' : 'taken';
}

const PACK = `packs/${'ab'.repeat(32)}/full.pack`;
const SBOM = `packs/${'ab'.repeat(32)}/sboms/${'cd'.repeat(32)}`;
const BYTES_TYPE = 'application/octet-stream';

const CONNECTIONS = {
  connections: async (bound) => {
    const http = server.app.server;
    expect(http.maxConnections).toBe(bound);
    // The same with one, for want of sixteen thousand.
    http.maxConnections = 1;
    await server.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = http.address() as AddressInfo;
    const first = connect(port, '127.0.0.1');
    await new Promise((resolve) => http.once('connection', resolve));
    const second = connect(port, '127.0.0.1');
    await new Promise((resolve) => second.once('close', resolve));
    const outcomes = [first.closed ? 'closed' : 'taken', 'closed'] as const;
    first.destroy();
    return outcomes;
  },
  connectionsOfAddress: async (bound) => {
    const http = new EventEmitter();
    limitAddresses(http as Server);
    const from = (i: number) => {
      const socket = Object.assign(new EventEmitter(), { remoteAddress: `2001:db8:0:7::${i.toString(16)}` });
      let outcome: Outcome = 'taken';
      const destroy = () => {
        outcome = 'closed';
      };
      http.emit('connection', Object.assign(socket, { destroy }));
      return outcome;
    };
    const all = Array.from({ length: bound }, (_, i) => from(i));
    return [all.every((one) => one === 'taken') ? 'taken' : 'closed', from(bound)];
  },
  // Node’s own clock ends them: ours to break is what it is told.
  headersTime: async (bound) => [server.app.server.headersTimeout === bound ? 'taken' : 'closed', 'closed'],
  headerBytes: async (bound) => {
    const told = async (bytes: number) => {
      const said = await sendHead(['GET /healthz HTTP/1.1', 'host: x', `x-long: ${'a'.repeat(bytes)}`]);
      return said.includes('"request/invalid"') ? 'request/invalid' : 'taken';
    };
    return [await told(bound - 100), await told(bound)];
  },
  listening: async (bound) => {
    const url = await server.app.listen({ host: '127.0.0.1', port: 0 });
    const agent = await enrolAgent(server, 'one');
    const listen = async () => listenForHints(url, await agent.token());
    const all = [];
    for (let i = 0; i < bound; i++) all.push(await listen());
    const at = all.every(({ websocket }) => websocket.readyState === websocket.OPEN) ? 'taken' : 'closed';
    const last = await listen();
    await all[0]?.closed;
    for (const { websocket } of [...all, last]) websocket.terminate();
    return [at, 'closed'];
  },
  streams: (bound) => streaming('streams', bound, () => 'one'),
  allStreams: (bound) => streaming('allStreams', bound, String),
  sending: (bound) => onClock(bound, { complete: false }, {}, {}),
  reading: (bound) => onClock(bound, {}, {}, { bytesWritten: 1, writableLength: 1 }),
  afterAnswer: (bound) => onClock(bound, { complete: false }, { writableFinished: true }, {}),
} satisfies Partial<Record<LimitName, Trial>>;

const REQUESTS = {
  body: (bound) =>
    both('body', (bytes) => ask('POST', 'enrolments', { payload: padded({ name: 'x' }, bytes) }), bound),
  report: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    const send = (bytes: number) => agent.ask('POST', 'reports', padded(reportOf(bytes), bytes));
    return both('report', send, bound);
  },
  publication: async (bound) => [
    await announced('POST', 'publications', JSON_TYPE['content-type'], bound),
    await announced('POST', 'publications', JSON_TYPE['content-type'], bound + 1),
  ],
  pack: async (bound) => [
    await announced('PUT', PACK, BYTES_TYPE, bound),
    await announced('PUT', PACK, BYTES_TYPE, bound + 1),
  ],
  sbom: async (bound) => [
    await announced('PUT', SBOM, BYTES_TYPE, bound),
    await announced('PUT', SBOM, BYTES_TYPE, bound + 1),
  ],
  membersBytes: (bound) => {
    const group = (name: string) => ({ name, instances: [] });
    const send = (bytes: number) => ask('POST', 'groups', { payload: padded(group(`g${bytes}`), bytes) });
    return both('membersBytes', send, bound);
  },
  depth: (bound) =>
    both(
      'depth',
      (levels) => ask('POST', 'groups', { payload: '['.repeat(levels) + ']'.repeat(levels) }),
      bound,
    ),
  commas: (bound) => {
    const list = (commas: number) => `[1${',1'.repeat(commas)}]`;
    return both('commas', (commas) => ask('POST', 'policies', { payload: list(commas) }), bound);
  },
  credential: (bound) => {
    const send = (length: number) =>
      server.app.inject({
        url: '/api/v1/groups',
        headers: { authorization: `Bearer ${'a'.repeat(length)}` },
      });
    return both('credential', send, bound);
  },
  key: (bound) => {
    const send = (length: number) =>
      ask('POST', 'groups', {
        payload: { name: `g${length}`, instances: [] },
        headers: { 'idempotency-key': 'k'.repeat(length) },
      });
    return both('key', send, bound);
  },
  cursor: async (bound) => {
    // Base64 of three bytes is four characters: the next longer cursor is two more.
    const of = (length: number) => {
      const bytes = Math.floor((length * 3) / 4);
      const cursor = toBase64url(utf8(JSON.stringify(['x'.repeat(bytes - 4)])));
      return ask('GET', `groups?cursor=${cursor}`);
    };
    const { beyond } = LIMITS_BY_NAME.cursor;
    return [toldOf(await of(bound), beyond), toldOf(await of(bound + 2), beyond)];
  },
  entries: (bound) => both('entries', (limit) => ask('GET', `groups?limit=${limit}`), bound),
  answer: async (bound) => {
    await addGroups(400, 'd'.repeat(2_000));
    const page = await ask('GET', 'groups?limit=1000');
    expect(page.body.length).toBeLessThanOrEqual(bound);
    const few = await ask('GET', 'groups?limit=1000&cursor=' + toBase64url(utf8('["g0000390"]')));
    return [
      few.headers.link === undefined ? 'taken' : 'continued',
      page.headers.link === undefined ? 'taken' : 'continued',
    ];
  },
  records: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    return both('records', (count) => agent.report(count, { records: recordsUpTo(count) }), bound);
  },
  answers: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    const answer = { revision: 1, answer: 'ignored', code: null, text: 'no', by: 'policy', change: null };
    const at = formatInstantMs(server.now);
    const answers = (count: number) =>
      Array.from({ length: count }, (_, i) => ({ id: uuid(i), ...answer, at }));
    return both(
      'answers',
      (count) => agent.ask('POST', 'proposals/answers', { answers: answers(count) }),
      bound,
    );
  },
  members: (bound) =>
    both(
      'members',
      (count) => ask('POST', 'groups', { payload: { name: 'all', instances: ids(count) } }),
      bound,
    ),
  owned: async (bound) => {
    const made = await ask('POST', 'customers', { payload: { name: 'one' } });
    const send = (count: number) =>
      ask('PUT', `customers/${made.json().id}`, {
        payload: { name: 'one', instances: ids(count) },
        headers: { 'if-match': String(made.headers.etag) },
      });
    return both('owned', send, bound);
  },
  advisories: async (bound) => {
    const revisions = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => {
        const advisory = `FL-2026-${10_000 + from + i}`;
        const body = fromUtf8(advisoryOf(advisory).bytes);
        const at = formatInstantMs(server.now - 1);
        return { advisory, revision: 1, digest: digestOfText(advisory), at, metadata: 1, entry: null, body };
      });
    const [from, to] = [server.now - DAY_MS, server.now + DAY_MS].map(formatInstantMs);
    const report = () => ask('GET', `compliance/advisories?from=${from}&to=${to}`);
    await insert('advisory_revisions', revisions(0, bound));
    const at = toldOf(await report(), 'request/invalid');
    await insert('advisory_revisions', revisions(bound, 1));
    return [at, toldOf(await report(), 'request/invalid')];
  },
  enforced: async (bound) => {
    await publishVersions(server, ['1.0.1'], [advisoryOf('FL-2026-0001')]);
    const enforce = async (): Promise<Outcome> => {
      const payload = { advisory: 'FL-2026-0001', reason: 'soon' };
      const { more } = (await ask('POST', 'security/enforce', { payload })).json();
      return more === true ? 'more' : 'taken';
    };
    await addInstances(0, bound + 1);
    const beyond = await enforce();
    // The one that was left over, and as many as are allowed but one.
    await addInstances(bound + 1, bound - 1);
    return [await enforce(), beyond];
  },
} satisfies Partial<Record<LimitName, Trial>>;

const ISSUER = 'https://id.example.com';

const SIGN_INS = {
  signIns: async (bound) => {
    const step = async () => (await server.app.inject({ url: '/auth/sign-in' })).statusCode;
    let last = 0;
    for (let i = 0; i < bound; i++) last = await step();
    expect(last).toBe(404);
    return ['taken', (await step()) === 429 ? 'request/rate-limited' : 'taken'];
  },
  signInTime: async (bound) => {
    const { state } = beginSignIn('secret', 'chance', '/', server.now);
    const after = (ms: number): Outcome =>
      readState('secret', state, server.now + ms) === null ? 'auth/sign-in-refused' : 'taken';
    return [after(bound), after(bound + 1)];
  },
  sessionLife: async (bound) => {
    const lasting = (lasts: string): Outcome => {
      const browser = { clientId: 'web', url: 'https://releases.example.com', lasts };
      const config = { schema: 'fairlead/oidc@1', issuer: ISSUER, audience: 'api', roles: {}, browser };
      return identityConfig.safeParse(config).success ? 'taken' : 'document/invalid';
    };
    return [lasting(`PT${bound / 1_000}S`), lasting(`PT${bound / 1_000 + 1}S`)];
  },
} satisfies Partial<Record<LimitName, Trial>>;

const ids = (count: number) => Array.from({ length: count }, (_, i) => uuid(i));

function recordsUpTo(count: number) {
  const stages = [{ state: 'committed' as const, at: '2026-11-20T12:01:00Z' }];
  return Array.from({ length: count }, (_, i) => recordOf(i + 1, 'committed', 'CHG-1', { stages }));
}

const OFTEN = {
  failures: async (bound) => {
    const send = () => server.app.inject({ url: '/api/v1/groups' });
    return repeated('failures', send, bound);
  },
  redemptions: async (bound) => {
    const payload = { code: 'x', publicKey: 'A'.repeat(43), hostname: 'h', agentVersion: '1' };
    const send = () => server.app.inject({ method: 'POST', url: '/api/v1/enrolments/redeem', payload });
    return repeated('redemptions', send, bound);
  },
  agentRequests: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    return repeated('agentRequests', () => agent.ask('GET', 'proposals/mine'), bound);
  },
  agentRate: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    const send = () => agent.ask('GET', 'proposals/mine');
    while ((await send()).statusCode === 200);
    server.now += 1_000;
    return repeated('agentRate', send, bound);
  },
  agentBytes: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    const report = padded(reportOf(1), 2 ** 20);
    const send = () => agent.ask('POST', 'reports', report);
    return repeated('agentBytes', send, bound / report.length);
  },
  agentBytesRate: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    server.context.quotas.agent(agent.instance, { bytes: LIMITS_BY_NAME.agentBytes.bound });
    server.now += 1_000;
    return repeated('agentBytesRate', () => agent.ask('POST', 'reports', padded(reportOf(1), bound)), 1);
  },
  reportsOften: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    return repeated('reportsOften', () => agent.report(1), bound);
  },
  reportsRate: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    return inAMinute('reportsRate', 'report', agent, () => agent.report(1), bound);
  },
  heartbeats: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    return repeated('heartbeats', () => agent.ask('POST', 'heartbeats', BEAT), bound);
  },
  heartbeatsRate: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    return inAMinute(
      'heartbeatsRate',
      'heartbeat',
      agent,
      () => agent.ask('POST', 'heartbeats', BEAT),
      bound,
    );
  },
  personRequests: async (bound) => {
    await spend({ requests: 1 }, bound - 1);
    return repeated('personRequests', () => ask('GET', 'groups'), 1);
  },
  personRate: async (bound) => {
    await spend({ requests: 1 }, LIMITS_BY_NAME.personRequests.bound);
    server.now += 1_000;
    return repeated('personRate', () => ask('GET', 'groups'), bound);
  },
  personBytes: async (bound) => {
    const payload = padded({ name: 'x' }, 32_768);
    await spend({ bytes: bound - payload.length }, 1);
    return repeated('personBytes', () => ask('POST', 'enrolments', { payload }), 1);
  },
  personBytesRate: async (bound) => {
    await spend({ bytes: LIMITS_BY_NAME.personBytes.bound }, 1);
    server.now += 1_000;
    const payload = padded({ name: 'x', instances: [] }, bound);
    return repeated('personBytesRate', () => ask('POST', 'groups', { payload }), 1);
  },
} satisfies Partial<Record<LimitName, Trial>>;

/** As often as it is allowed, and once more. */
async function repeated(
  name: LimitName,
  send: () => Promise<LightMyRequestResponse>,
  times: number,
): Promise<readonly [Outcome, Outcome]> {
  const { beyond } = LIMITS_BY_NAME[name];
  const outcomes: Outcome[] = [];
  for (let i = 0; i <= times; i++) outcomes.push(toldOf(await send(), beyond));
  const at = outcomes.slice(0, times).find((one) => one === beyond) ?? 'taken';
  return [at, outcomes[times] ?? 'taken'];
}

const BEAT = { schema: 'fairlead/heartbeat@1', sequence: 1, report: `sha-256=:${'A'.repeat(43)}=:` };

/** Behind one that has spent all it had at once. */
async function inAMinute(
  name: LimitName,
  quota: 'report' | 'heartbeat',
  { instance }: ServerAgent,
  send: () => Promise<LightMyRequestResponse>,
  bound: number,
): Promise<readonly [Outcome, Outcome]> {
  for (let i = 0; i < QUOTAS[quota].requests.burst; i++)
    server.context.quotas[quota](instance, { requests: 1 });
  server.now += 60_000;
  return repeated(name, send, bound);
}

/** By the same count that requests go by, without sending each. */
async function spend(take: { readonly requests?: 1; readonly bytes?: number }, times: number): Promise<void> {
  await server.bearer('admin');
  const [token] = await server.context.db.selectFrom('tokens').select('id').execute();
  for (let i = 0; i < times; i++) server.context.quotas.person(token?.id ?? '', take);
}

const KEPT = {
  reports: (bound) => history(bound, (agent, i) => agent.report(i), 'reports', UNLOOKED_REPORTS),
  reportBytes: (bound) => {
    const message = 'm'.repeat(bound / 2 - 2_000);
    const decision = { verdict: 'blocked' as const, target: null, exposed: [] };
    const blockers = [{ code: 'x', message, source: 'x', owner: 'admin' as const }];
    return history(2, (agent, i) => agent.report(i, { decision: { ...decision, blockers } }), 'reports');
  },
  deployments: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    const all = recordsUpTo(bound + 1);
    for (const [i, part] of all.entries()) {
      if (i % 100 === 0) await agent.report(i + 1, { records: all.slice(i, Math.min(i + 100, bound)) });
      expect(part.id).toBe(i + 1);
    }
    const at = await isKept('deployments', agent.instance);
    await agent.report(bound + 2, { records: all.slice(bound) });
    return [at, await isKept('deployments', agent.instance)];
  },
  deploymentBytes: (bound) => {
    const failure = { code: 'deploy/unhealthy', message: 'm'.repeat(bound / 5 - 2_000) };
    const [record] = recordsUpTo(1);
    const send: Reporting = (agent, i) =>
      agent.report(i, { records: [{ ...(record as NonNullable<typeof record>), id: i, failure }] });
    return history(5, send, 'deployments');
  },
  heads: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    for (let day = 1; day <= bound; day++) await tellHead(agent, day, DAY_MS);
    return [await isHeadKept(1), await tellHead(agent, bound + 1, DAY_MS).then(() => isHeadKept(1))];
  },
  headsOfDay: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    for (let nth = 1; nth <= bound; nth++) await tellHead(agent, nth, 1_000);
    return [await isHeadKept(bound), await tellHead(agent, bound + 1, 1_000).then(() => isHeadKept(bound))];
  },
  wholeDays: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    for (let nth = 1; nth <= 3; nth++) await tellHead(agent, nth, 1_000);
    for (let day = 2; day <= bound; day++) await tellHead(agent, 2 + day, DAY_MS);
    return [await isHeadKept(2), await tellHead(agent, 3 + bound, DAY_MS).then(() => isHeadKept(2))];
  },
  spans: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    const at = '2026-01-01T00:00:00.000Z';
    const ended = (i: number) => ({
      ...{
        instance: agent.instance,
        kind: 'runs' as const,
        subject: `s/c${i}`,
        value: '1.0.0',
        detail: null,
      },
      ...{ since: at, since_sequence: 1, since_report: null, heard_before: null, until: at },
      ...{ until_sequence: 1, until_report: null, proof: null },
    });
    await insert('spans', [
      { ...ended(bound), since: '2025-01-01T00:00:00.000Z', until: '2025-01-02T00:00:00.000Z' },
      ...Array.from({ length: bound - 2 }, (_, i) => ended(i)),
    ]);
    const tell = async (version: string): Promise<Outcome> => {
      server.now += 1_000;
      await agent.report(server.now, { components: [{ ...RUNS, version: parseVersion(version) }] });
      const oldest = server.context.db.selectFrom('spans').select('since').where('since', '<', at);
      return (await oldest.where('since', '<>', '').execute()).length === 1 ? 'taken' : 'forgotten';
    };
    await tell('1.0.0');
    return [await tell('1.0.1'), await tell('1.0.2')];
  },
  spanLife: async (bound) => {
    const { db } = server.context;
    const agent = await enrolAgent(server, 'one');
    const until = formatInstantMs(server.now);
    const span = { instance: agent.instance, kind: 'silent' as const, subject: '', value: '', detail: null };
    const none = { since_sequence: null, since_report: null, heard_before: null, until_sequence: null };
    await insert('spans', [{ ...span, ...none, since: until, until, until_report: null, proof: null }]);
    const after = async (ms: number): Promise<Outcome> => {
      await transact(db, 'committed', (trx) => tidy(trx, server.now + ms));
      return (await countOf('spans')) === 1 ? 'taken' : 'forgotten';
    };
    return [await after(bound), await after(bound + 1)];
  },
  restores: async (bound) => {
    const { db } = server.context;
    const restore = (subject: string) =>
      transact(db, 'committed', (trx) =>
        appendAudit(trx, { actor: 'server', action: 'backup.restored', subject }, server.now),
      );
    const first = async (): Promise<Outcome> => {
      const { sequence } = await db
        .selectFrom('audit')
        .select('sequence')
        .where('subject', '=', 'backup 1')
        .executeTakeFirstOrThrow();
      const told = await listRestores(db);
      return told.some(({ count }) => count === Number(sequence) - 1) ? 'taken' : 'forgotten';
    };
    for (let nth = 1; nth <= bound; nth++) await restore(`backup ${nth}`);
    return [await first(), await restore('backup').then(first)];
  },
  events: (bound) => keptEvents((i) => ({ id: i === 0 ? 1 : bound + i })),
  eventsOfOne: async (bound) => {
    await insert(
      'events',
      Array.from({ length: bound - 1 }, () => eventRow({ instance: 'one' })),
    );
    return keptEvents(() => ({ instance: 'one' }));
  },
  eventLife: (bound) => keptEvents((i) => ({ at: formatInstantMs(server.now - (i === 0 ? bound : 0)) }), 1),
  waiting: async (bound) => waitingFor('waiting', bound, 0),
  waitingBytes: async (bound) => waitingFor('waitingBytes', 64, bound / 64),
  proposals: async (bound) => {
    const { instance } = await enrolAgent(server, 'one');
    const payload = { instance_id: instance, reason: 'x' };
    return repeated('proposals', () => ask('POST', 'deployments', { payload }), bound);
  },
  answered: async (bound) => {
    const { instance } = await enrolAgent(server, 'one');
    const add = async (from: number, to: number): Promise<Outcome> => {
      const rows = Array.from({ length: to - from }, (_, i) => closedProposal(instance, from + i));
      await insert('proposals', rows);
      await transact(server.context.db, 'committed', (trx) => pruneProposals(trx, [instance], server.now));
      const first = await server.context.db
        .selectFrom('proposals')
        .select('id')
        .where('id', '=', uuid(0))
        .execute();
      return first.length === 1 ? 'taken' : 'forgotten';
    };
    return [await add(0, bound), await add(bound, bound + 1)];
  },
  proposalLife: async (bound) => {
    const { instance } = await enrolAgent(server, 'one');
    const until = (ms: number) => ({
      instance_id: instance,
      reason: 'x',
      expires_at: formatInstantMs(server.now + ms),
    });
    return both('proposalLife', (ms) => ask('POST', 'deployments', { payload: until(ms) }), bound);
  },
  tokens: async (bound) => {
    await server.bearer('admin');
    const rows = Array.from({ length: bound - 2 }, (_, i) => tokenRow(i));
    await insert('tokens', rows);
    const send = () => ask('POST', 'tokens', { payload: { name: 'x', role: 'viewer', validFor: 'P1D' } });
    return repeated('tokens', send, 1);
  },
  tokenLife: (bound) => {
    const days = bound / 86_400_000;
    const send = (n: number) =>
      ask('POST', 'tokens', { payload: { name: 'x', role: 'viewer', validFor: `P${n}D` } });
    return both('tokenLife', send, days);
  },
  agentToken: async (bound) => {
    const agent = await enrolAgent(server, 'one');
    const send = async (seconds: number) =>
      server.app.inject({
        url: '/api/v1/proposals/mine',
        headers: { authorization: `Bearer ${await agent.token(seconds)}` },
      });
    return both('agentToken', send, bound / 1_000);
  },
  codes: async (bound) => {
    const at = { created_at: formatInstantMs(server.now), expires_at: formatInstantMs(server.now + 1_000) };
    const row = (i: number) => ({ hash: `h${i}`, name: 'x', ...at, used_by: null, customer: null });
    await insert(
      'enrolments',
      Array.from({ length: bound - 1 }, (_, i) => row(i)),
    );
    return repeated('codes', () => ask('POST', 'enrolments', { payload: { name: 'x' } }), 1);
  },
  codeLife: async (bound) => {
    const redeemAfter = async (ms: number) => {
      const { code } = (await ask('POST', 'enrolments', { payload: { name: 'x' } })).json();
      const made = server.now;
      server.now += ms;
      const payload = {
        code,
        publicKey: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
        hostname: 'h',
        agentVersion: '1',
      };
      const response = await server.app.inject({ method: 'POST', url: '/api/v1/enrolments/redeem', payload });
      server.now = made;
      return toldOf(response, LIMITS_BY_NAME.codeLife.beyond);
    };
    return [await redeemAfter(bound - 1), await redeemAfter(bound)];
  },
  sessions: async (bound) => {
    const isIn = async (n: number) => (await seen(n)) !== null;
    for (let i = 0; i < bound; i++) await signIn(i);
    const at = (await isIn(0)) ? 'taken' : 'forgotten';
    await signIn(bound);
    return [at, (await isIn(0)) ? 'taken' : 'forgotten'];
  },
  sessionIdle: async (bound) => {
    await signIn(0);
    server.now += bound - 1;
    const at = (await seen(0)) === null ? 'ended' : 'taken';
    await signIn(1);
    server.now += bound;
    return [at, (await seen(1)) === null ? 'ended' : 'taken'];
  },
  customers: async (bound) => {
    const row = (i: number) => ({ id: uuid(i), name: `n${i}`, ...made() });
    await insert(
      'customers',
      Array.from({ length: bound - 1 }, (_, i) => row(i)),
    );
    let n = 0;
    return repeated('customers', () => ask('POST', 'customers', { payload: { name: `new ${n++}` } }), 1);
  },
  groups: async (bound) => {
    await addGroups(bound - 1, null);
    let n = 0;
    return repeated(
      'groups',
      () => ask('POST', 'groups', { payload: { name: `new-${n++}`, instances: [] } }),
      1,
    );
  },
  policies: async (bound) => {
    const row = (i: number) => ({
      ...{
        id: uuid(i),
        name: `n${i}`,
        channel: 'auto' as const,
        enabled: 1,
        description: null,
        windows: null,
      },
      ...made(),
    });
    await insert(
      'policies',
      Array.from({ length: bound - 1 }, (_, i) => row(i)),
    );
    let n = 0;
    return repeated(
      'policies',
      () => ask('POST', 'policies', { payload: { name: `new-${n++}`, channel: 'auto' } }),
      1,
    );
  },
  webhooks: async (bound) => {
    const row = (i: number) => ({
      ...{
        id: uuid(i),
        name: `n${i}`,
        url: 'https://receiver.example/',
        types: '[]',
        severity: 'info' as const,
      },
      ...{ enabled: 1, disabled_why: null, sealed: '', old_sealed: null, old_until: null, ...made() },
    });
    await insert(
      'webhooks',
      Array.from({ length: bound - 1 }, (_, i) => row(i)),
    );
    let n = 0;
    const url = 'https://receiver.example/';
    return repeated('webhooks', () => ask('POST', 'webhooks', { payload: { name: `new-${n++}`, url } }), 1);
  },
  messages: async (bound) => {
    const { db } = server.context;
    const add = (count: number) =>
      transact(db, 'committed', (trx) => enqueue(trx, Array(count).fill(MESSAGE), server.now));
    const kept = async () => (await countOf('deliveries')) === bound;
    await add(bound);
    const at = (await kept()) ? 'taken' : 'forgotten';
    await add(1);
    const { dropped } = await db.selectFrom('receivers').select('dropped').executeTakeFirstOrThrow();
    return [at, (await kept()) && Number(dropped) === 1 ? 'forgotten' : 'taken'];
  },
  delivered: async (bound) => {
    const { db } = server.context;
    const add = async (count: number) => {
      await transact(db, 'committed', (trx) => enqueue(trx, Array(count).fill(MESSAGE), server.now));
      await db.updateTable('deliveries').set({ state: 'delivered' }).execute();
      await forgetDelivered(db, MESSAGE.receiver);
      return countOf('deliveries');
    };
    return [
      (await add(bound)) === bound ? 'taken' : 'forgotten',
      (await add(1)) === bound ? 'forgotten' : 'taken',
    ];
  },
  alerts: async (bound) => {
    const { db } = server.context;
    const row = (i: number) => ({
      ...{
        id: uuid(i),
        kind: 'rollback',
        severity: 'info' as const,
        about: 'x',
        text: 'x',
        count: 1,
        told: 1,
      },
      ...{ instances: '[]', first_at: formatInstantMs(i), last_at: formatInstantMs(i) },
    });
    const prune = () => transact(db, 'committed', pruneAlerts).then(() => countOf('alerts'));
    await insert(
      'alerts',
      Array.from({ length: bound }, (_, i) => row(i)),
    );
    const at = (await prune()) === bound ? 'taken' : 'forgotten';
    await insert('alerts', [row(bound)]);
    return [at, (await prune()) === bound ? 'forgotten' : 'taken'];
  },
  keyLife: async (bound) => {
    const payload = { name: 'long', role: 'admin', validFor: 'P90D' };
    const { token } = (await ask('POST', 'tokens', { payload })).json();
    const headers = { authorization: `Bearer ${token}`, 'idempotency-key': 'once' };
    const make = () => ask('POST', 'groups', { payload: { name: 'one', instances: [] }, headers });
    const { body } = await make();
    server.now += bound;
    const again = await make();
    server.now += 1;
    return [
      again.body === body ? 'taken' : 'ended',
      (await make()).json().code === 'name/taken' ? 'ended' : 'taken',
    ];
  },
} satisfies Partial<Record<LimitName, Trial>>;

const MESSAGE = { receiver: uuid(1), type: 'instance.retired', body: '{}' };

async function countOf(table: 'deliveries' | 'alerts' | 'spans'): Promise<number> {
  const { db } = server.context;
  const { rows } = await db
    .selectFrom(table)
    .select((select) => select.fn.countAll().as('rows'))
    .executeTakeFirstOrThrow();
  return Number(rows);
}

const seen = (n: number) => findSession(server.context.db, `secret ${n}`, ISSUER, server.now);

/** In another browser, a second later. */
async function signIn(n: number): Promise<void> {
  server.now += 1_000;
  const identity = { subject: 'ada', name: 'ada', groups: [] };
  const session = { secret: `secret ${n}`, issuer: ISSUER, identity, lastsMs: 86_400_000, before: null };
  await beginSession(server.context.db, session, server.now);
}

type Agent = Awaited<ReturnType<typeof enrolAgent>>;
type Reporting = (agent: Agent, i: number) => Promise<LightMyRequestResponse>;
type History = 'reports' | 'deployments';

/** The first is there after `count`, and forgotten with the next. */
async function history(
  count: number,
  send: Reporting,
  table: History,
  more = 1,
): Promise<readonly [Outcome, Outcome]> {
  const agent = await enrolAgent(server, 'one');
  for (let i = 1; i <= count; i++) expect((await send(agent, i)).statusCode).toBe(200);
  const at = await isKept(table, agent.instance);
  for (let i = 1; i <= more; i++) await send(agent, count + i);
  return [at, await isKept(table, agent.instance)];
}

async function isKept(table: History, instance: string): Promise<Outcome> {
  const { db } = server.context;
  const first =
    table === 'reports'
      ? await db
          .selectFrom('reports')
          .select('body')
          .where('instance', '=', instance)
          .where('sequence', '=', 1)
          .execute()
      : await db
          .selectFrom('deployments')
          .select('body')
          .where('instance', '=', instance)
          .where('record', '=', 1)
          .execute();
  return first.length === 1 ? 'taken' : 'forgotten';
}

async function waitingFor(
  name: LimitName,
  count: number,
  bytes: number,
): Promise<readonly [Outcome, Outcome]> {
  const group = createGroupCommit(async (items: readonly number[]) => items);
  const all = Array.from({ length: count }, (_, i) => group.submit(i, bytes));
  const more = await group.submit(count, 1).then(
    () => 'taken' as const,
    (error: { readonly code: Outcome }) => error.code,
  );
  const settled = await Promise.allSettled(all);
  expect(LIMITS_BY_NAME[name].beyond).toBe('server/busy');
  return [settled.some(({ status }) => status === 'rejected') ? 'server/busy' : 'taken', more];
}

const made = () => ({
  revision: 1,
  created_at: formatInstantMs(server.now),
  updated_at: formatInstantMs(server.now),
});

const eventRow = (of: object) => {
  const at = formatInstantMs(server.now);
  return { at, kind: 'x', instance: null, actor: 'x', subject: 'x', details: '{}', ...of };
};

/** Whether the first is kept: beside the second, and after a third, or so many milliseconds. */
async function keptEvents(of: (i: number) => object, ms = 0): Promise<readonly [Outcome, Outcome]> {
  const { db } = server.context;
  const first = async (): Promise<Outcome> => {
    await transact(db, 'committed', (trx) => pruneEvents(trx, server.now));
    const rows = await db.selectFrom('events').select('id').execute();
    return rows.some(({ id }) => Number(id) === 1) ? 'taken' : 'forgotten';
  };
  await insert('events', [eventRow(of(0))]);
  if (ms > 0) await insert('events', [eventRow(of(1))]);
  const at = await first();
  if (ms === 0) await insert('events', [eventRow(of(1))]);
  server.now += ms;
  return [at, await first()];
}

/** So many hold a place, and one more asks for it. */
async function streaming(
  name: LimitName,
  bound: number,
  holderOf: (i: number) => string,
): Promise<readonly [Outcome, Outcome]> {
  const { beyond } = LIMITS_BY_NAME[name];
  const gone = new AbortController();
  const take = async (i: number): Promise<Outcome> => {
    const reader = { filter: {}, after: null, follows: true, isLetIn: async () => true, gone: gone.signal };
    const opened = server.context.events.open({ ...reader, holder: holderOf(i) });
    return opened.then(
      () => 'taken' as const,
      ({ code }) => code,
    );
  };
  const all = new Set<Outcome>();
  for (let i = 0; i < bound; i++) all.add(await take(i));
  const last = await take(bound);
  gone.abort();
  return [all.size === 1 && all.has('taken') ? 'taken' : beyond, last];
}

async function insert(
  table:
    | 'advisory_revisions'
    | 'events'
    | 'tokens'
    | 'enrolments'
    | 'customers'
    | 'groups'
    | 'policies'
    | 'webhooks'
    | 'alerts'
    | 'proposals'
    | 'instances'
    | 'instance_components'
    | 'spans',
  rows: readonly object[],
): Promise<void> {
  for (const part of inParts(rows)) {
    await server.context.db
      .insertInto(table)
      .values(part as never)
      .execute();
  }
}

function tokenRow(i: number) {
  const [created_at, expires_at] = [server.now, server.now + 3_600_000].map(formatInstantMs);
  return {
    id: uuid(i),
    hash: `h${i}`,
    name: 'x',
    role: 'viewer',
    created_at,
    expires_at,
    revoked_at: null,
    customer: null,
  };
}

const addGroups = (count: number, description: string | null) =>
  insert(
    'groups',
    Array.from({ length: count }, (_, i) => ({
      name: `g${String(i).padStart(7, '0')}`,
      description,
      ...made(),
    })),
  );

function closedProposal(instance: string, i: number) {
  const at = formatInstantMs(server.now + i);
  return {
    ...{ id: uuid(i), instance, group_name: null, policy: null, kind: 'deploy', wish: '{"kind":"deploy"}' },
    ...{ status: 'refused', revision: 1, reason: 'x', proposed_by: 'x', created_at: at, updated_at: at },
    ...{ expires_at: formatInstantMs(server.now + 86_400_000), answered_at: at, answer: null, untold: 0 },
  };
}

async function addInstances(from: number, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => from + i);
  const at = formatInstantMs(server.now);
  await insert(
    'instances',
    numbers.map((i) => ({
      ...{ id: uuid(i), name: `n${i}`, hostname: 'h', public_key: `k${i}`, agent_version: '1' },
      ...{ enrolled_at: at, last_sequence: 0 },
    })),
  );
  await insert(
    'instance_components',
    numbers.map((i) => ({ instance: uuid(i), component: 'core/auth', version: '1.0.0' })),
  );
}

function tellHead(agent: ServerAgent, count: number, laterMs: number): Promise<unknown> {
  server.now += laterMs;
  return agent.report(count, { ledger: { count, digest: digestOfText(`${count}`), seen: null } });
}

async function isHeadKept(count: number): Promise<Outcome> {
  const heads = server.context.db.selectFrom('ledger_heads').select('entries').where('entries', '=', count);
  return (await heads.where('place', '<>', 'newest').execute()).length === 1 ? 'taken' : 'forgotten';
}

/** A row without a trial does not compile. */
const TRIALS: Readonly<Record<LimitName, Trial>> = {
  ...CONNECTIONS,
  ...REQUESTS,
  ...OFTEN,
  ...SIGN_INS,
  ...KEPT,
};

describe('as much is taken as the table says, and one more is not:', () => {
  const rows = (Object.keys(TRIALS) as LimitName[]).map((name) => ({ name, ...LIMITS_BY_NAME[name] }));

  it.each(rows)(
    '$name',
    async ({ name, bound, beyond }) => {
      expect(await TRIALS[name](bound)).toEqual(['taken', beyond]);
    },
    60_000,
  );
});
