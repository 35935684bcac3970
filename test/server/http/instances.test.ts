// Shut out, taken back, retired: at once, in every process, on the record, and without a word about what is signed.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { verifyAudit } from '../../../server/db/audit-chain.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { countInstances, findInstanceKey } from '../../../server/db/instances.ts';
import { startFollowing } from '../../../server/jobs/watch.ts';
import { problemsOf } from '../../../server/vendor/core/evidence.ts';
import { type Evidence, evidence } from '../../../shared/protocol/instances.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { firstPublication } from '../../support/publications.ts';
import { recordOf } from '../../support/reports.ts';
import { enrolAgent, type ServerAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;
let agent: ServerAgent;
let other: ServerAgent;

beforeEach(async () => {
  server = await startTestServer();
  agent = await enrolAgent(server, 'Harbour one');
  other = await enrolAgent(server, 'Harbour two');
  await agent.report(1, { records: [recordOf(1, 'committed')] });
  await other.report(1);
});
afterEach(() => server.close());

type Role = 'operator' | 'viewer' | 'security' | 'publisher';

async function ask(role: Role, method: 'GET' | 'POST', path: string, body?: object, headers: object = {}) {
  const response = await server.app.inject({
    ...{ method, url: `/api/v1/${path}`, headers: { ...(await server.bearer(role)), ...headers } },
    ...(body === undefined ? {} : { payload: body }),
  });
  const json = response.body === '' ? null : response.json();
  return { status: response.statusCode, code: json?.error?.code, json, etag: String(response.headers.etag) };
}

const show = (id = agent.instance) => ask('viewer', 'GET', `instances/${id}`);

async function act(what: 'isolate' | 'restore' | 'retire', id = agent.instance, headers: object = {}) {
  const { etag } = await show(id);
  const body = { reason: 'reported what nobody released' };
  return await ask('operator', 'POST', `instances/${id}/${what}`, body, { 'if-match': etag, ...headers });
}

const listed = async (query = '') =>
  (await ask('viewer', 'GET', `instances${query}`)).json.instances.map(({ name }: { name: string }) => name);

describe('an instance that is isolated', () => {
  it('is heard no more from that moment on, by a code that says why', async () => {
    expect((await act('isolate')).status).toBe(200);

    const refused = await agent.report(2);

    expect([refused.statusCode, refused.json().error.code]).toEqual([403, 'instance/isolated']);
    expect((await agent.ask('GET', 'proposals/mine')).json().error.code).toBe('instance/isolated');
    expect((await show()).json.report.sequence).toBe(1);
    expect((await other.report(2)).statusCode).toBe(200);
  });

  it('is heard no more by another process either', async () => {
    const second = await startTestServer(server.layout.dir);
    expect((await show()).status).toBe(200);
    await act('isolate');

    Object.assign(server, { app: second.app });

    expect((await agent.report(2)).json().error.code).toBe('instance/isolated');
    await second.app.close();
    await second.context.db.destroy();
  });

  it('listens to no process any more, and neither does one that is retired', async () => {
    const dropped: string[] = [];
    const hub = { ...server.context.hub, drop: (instance: string) => void dropped.push(instance) };
    const following = startFollowing({ ...server.context, hub });
    await following.begun;
    const isDropped = (...expected: readonly string[]) =>
      vi.waitFor(() => expect(dropped).toEqual(expected), { timeout: 30_000 });

    await act('isolate');
    await isDropped(agent.instance);
    await act('restore');
    await act('retire');
    await isDropped(agent.instance, agent.instance);

    await following.stop();
  });

  it('stays in sight, with who did that, when and why', async () => {
    await act('isolate');

    expect(await listed()).toEqual(['Harbour one', 'Harbour two']);
    expect(await listed('?standing=isolated')).toEqual(['Harbour one']);
    expect((await show()).json.standing).toMatchObject({
      ...{ state: 'isolated', by: 'token operator', reason: 'reported what nobody released' },
    });
    expect(await countInstances(server.context.db)).toBe(2);
    server.now += 59 * 60_000;
    const { json } = await ask('viewer', 'GET', 'fleet?silent=PT30M');
    const names = (one: { instances: { name: string }[] }) => one.instances.map(({ name }) => name);
    expect([names(json.isolated), names(json.silent)]).toEqual([['Harbour one'], ['Harbour two']]);
  });

  it('goes on reading what is signed, as anybody may', async () => {
    const { publisher } = server.context;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
    await act('isolate');

    expect((await agent.ask('GET', '../../repository/metadata/timestamp.json')).statusCode).toBe(200);
  });

  it('is not told why, and whoever has not its key is told nothing', async () => {
    await act('isolate');

    expect((await agent.report(2)).body).not.toContain('nobody released');
    const stranger = await server.app.inject({
      ...{ method: 'POST', url: '/api/v1/reports', payload: {} },
      headers: { authorization: `Bearer ${forged(agent.instance)}` },
    });
    expect(stranger.json().error.code).toBe('auth/refused');
  });

  it('comes back with everything it has to tell', async () => {
    await act('isolate');
    await act('restore');

    expect((await agent.report(2)).statusCode).toBe(200);
    expect((await show()).json.standing).toBeUndefined();
  });

  it('has no word left that was on its way', async () => {
    const { db, reports, readReport, now } = server.context;
    const report = { ...(await show()).json.report, sequence: 9, records: [] };
    const rows = await readReport(Buffer.from(JSON.stringify(report)), now());
    const { public_key: key } = (await findInstanceKey(db, agent.instance)) ?? { public_key: '' };
    const submitted = { instance: agent.instance, key, boot: null, rows, received: now() };
    await act('isolate');

    expect((await rejectionOf(reports.submit(submitted))).code).toBe('instance/isolated');
    expect(await db.selectFrom('reports').selectAll().where('sequence', '=', 9).execute()).toEqual([]);
  });
});

describe('an instance that is retired', () => {
  it('is in no count and no list, and its history stays', async () => {
    await act('retire');

    expect(await listed()).toEqual(['Harbour two']);
    expect(await listed('?standing=retired')).toEqual(['Harbour one']);
    expect(await countInstances(server.context.db)).toBe(1);
    expect((await agent.report(2)).json().error.code).toBe('instance/retired');
    const { json } = await ask('viewer', 'GET', `deployments?instance=${agent.instance}`);
    expect(json.deployments).toHaveLength(1);
  });

  it('exposes nobody, and when it is taken back its next report says what it runs', async () => {
    const tree = `sha256:${'a'.repeat(64)}`;
    const components = [{ component: 'core/auth', version: '1.0.0', tree, health: 'healthy' }] as never;
    const running = () =>
      server.context.db
        .selectFrom('instance_components')
        .selectAll()
        .where('instance', '=', agent.instance)
        .execute();
    await agent.report(2, { components });
    expect(await running()).toHaveLength(1);

    await act('retire');
    expect(await running()).toEqual([]);
    await act('restore');
    await agent.report(3, { components });

    expect(await running()).toHaveLength(1);
  });

  it.each(['isolate', 'retire'] as const)(
    'does not come back with its key by a code, once somebody chose to %s it',
    async (what) => {
      const { db } = server.context;
      const { public_key: publicKey } = await db
        .selectFrom('instances')
        .select('public_key')
        .where('id', '=', agent.instance)
        .executeTakeFirstOrThrow();
      await act(what);
      const { code } = await createEnrolment(db, { name: 'again', actor: 'test' }, server.now);
      const comes = { code, hostname: 'host', agentVersion: '0.1.0' };

      const refusal = await rejectionOf(redeemEnrolment(db, { ...comes, publicKey }, server.now));
      expect(refusal.code).toBe('enrolment/code-refused');
      // The code was not spent on it.
      await redeemEnrolment(db, { ...comes, publicKey: 'B'.repeat(43) }, server.now);
    },
  );

  it('is no member of its groups when something is proposed to them', async () => {
    await ask('operator', 'POST', 'groups', { name: 'all', instances: [agent.instance, other.instance] });
    await act('retire');

    const pin = { component: 'core/auth', version: '~1.0', reason: 'certified', group: 'all' };
    const { json } = await ask('operator', 'POST', 'versions/pin', pin);

    expect(json.pins.map((one: { instance_id: string }) => one.instance_id)).toEqual([other.instance]);
  });
});

describe('what people do about an instance', () => {
  it('is of the state that they saw, and stands in the log', async () => {
    const body = { reason: 'x' };
    const path = `instances/${agent.instance}/isolate`;
    expect((await ask('operator', 'POST', path, body)).code).toBe('request/not-tagged');
    expect((await ask('operator', 'POST', path, body, { 'if-match': '"7"' })).code).toBe('request/outdated');
    expect((await ask('publisher', 'POST', path, body, { 'if-match': '"1"' })).code).toBe('auth/forbidden');
    expect((await ask('security', 'POST', path, body, { 'if-match': '"1"' })).status).toBe(200);

    expect((await act('isolate')).code).toBe('instance/standing');
    await act('restore');
    expect((await act('restore')).code).toBe('instance/standing');

    const { json } = await ask('viewer', 'GET', 'audit?limit=100');
    const told = json.entries.map(({ action }: { action: string }) => action);
    expect(told.filter((action: string) => action.startsWith('instance.'))).toEqual([
      'instance.isolated',
      'instance.restored',
    ]);
  });

  it('is done once under one key, and answered again', async () => {
    const key = { 'idempotency-key': 'b3a1' };
    const { etag } = await show();
    const again = () =>
      ask(
        'operator',
        'POST',
        `instances/${agent.instance}/isolate`,
        { reason: 'x' },
        { 'if-match': etag, ...key },
      );

    const [first, second] = [await again(), await again()];

    expect([first.status, second.status, second.json]).toEqual([200, 200, first.json]);
  });

  it.each(['isolate', 'restore', 'retire', 'evidence'])(
    'is refused for one that never was: %s',
    async (what) => {
      const path = `instances/00000000-0000-4000-8000-00000000dead/${what}`;

      const body = what === 'evidence' ? {} : { reason: 'x' };
      const refused = await ask('operator', 'POST', path, body, { 'if-match': '*' });

      expect([refused.status, refused.code]).toEqual([404, 'request/not-found']);
    },
  );
});

describe('the evidence of an instance', () => {
  const take = async () => {
    const { status, json } = await ask('operator', 'POST', `instances/${agent.instance}/evidence`, {});
    expect(status).toBe(200);
    return evidence.parse(json);
  };

  it('holds its reports, deployments and what the log says of it, and nothing of another', async () => {
    await act('isolate');

    const found = await take();

    expect(found.reports.map(({ sequence }) => sequence)).toEqual([1]);
    expect(found.deployments.map(({ record }) => record)).toEqual([1]);
    expect(found.audit.map(({ action }) => action)).toEqual(['enrolment.redeemed', 'instance.isolated']);
    expect(JSON.stringify(found)).not.toContain(other.instance);
    expect(problemsOf(found)).toEqual([]);
  });

  it('has its digest in the log from then on, in its place of the chain', async () => {
    const { digest, auditHead } = await take();

    const { json } = await ask('viewer', 'GET', `audit?after=${auditHead.count}`);
    expect(json.entries[0]).toMatchObject({
      ...{ action: 'instance.exported', previous: auditHead.digest, details: { digest } },
    });
    expect(await verifyAudit(server.context.db, null)).toBeTruthy();
  });

  it.each([
    ['a report', (one: Evidence) => Object.assign(one.reports[0] ?? {}, { body: '{}' })],
    ['a deployment that is missing', (one: Evidence) => one.deployments.pop()],
    ['the reason in the log', (one: Evidence) => Object.assign(one.audit[0] ?? {}, { actor: 'nobody' })],
    ['its name', (one: Evidence) => Object.assign(one.instance, { name: 'other' })],
  ])('shows that somebody changed it: %s', async (_what, tamper) => {
    const found = structuredClone(await take());

    tamper(found);

    expect(problemsOf(found).length).toBeGreaterThan(0);
  });
});

describe('an agent that goes to another server', () => {
  it('says so, which people see, and is heard as before until they retire it', async () => {
    const to = 'https://releases.example.org';
    expect((await agent.ask('POST', 'instances/leave', { to })).statusCode).toBe(200);
    expect((await agent.ask('POST', 'instances/leave', { to })).statusCode).toBe(200);

    expect((await show()).json).toMatchObject({ movedTo: to });
    expect((await agent.report(2)).statusCode).toBe(200);
    const { json } = await ask('viewer', 'GET', 'audit?limit=100');
    const moves = json.entries.filter(({ action }: { action: string }) => action === 'instance.moved');
    expect(moves).toMatchObject([{ actor: `instance ${agent.instance}`, details: { to } }]);
  });
});

/** A token of another key that names this instance. */
function forged(instance: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(server.now / 1000);
  const claims = { iss: instance, aud: 'fairlead-server', iat: now, exp: now + 60 };
  return `${part({ alg: 'EdDSA' })}.${part(claims)}.${'A'.repeat(86)}`;
}
