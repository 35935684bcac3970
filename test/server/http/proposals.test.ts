// Proposals over HTTP: made for one install or many, changed and withdrawn under their tags, fetched and answered by agents.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyAudit } from '../../../server/db/audit-chain.ts';
import { makeMark, transactOnce } from '../../../server/db/once.ts';
import type { TokenRole } from '../../../shared/protocol/fleet.ts';
import {
  capability,
  changeOf,
  firstPublication,
  publicationOf,
  signRole,
} from '../../support/publications.ts';
import { recordOf } from '../../support/reports.ts';
import { enrolAgent, type ServerAgent } from '../../support/server-agent.ts';
import { addPack, startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;
let agent: ServerAgent;

beforeEach(async () => {
  server = await startTestServer();
  agent = await enrolAgent(server, 'customer one');
});
afterEach(() => server.close());

async function ask(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
  headers: Record<string, string> = {},
  role: TokenRole = 'operator',
) {
  const response = await server.app.inject({
    ...{ method, url: `/api/v1/${path}` },
    headers: { ...(await server.bearer(role)), ...headers },
    ...(body === undefined ? {} : { payload: body }),
  });
  const json = response.body === '' ? null : response.json();
  return { status: response.statusCode, json, headers: response.headers, code: json?.code };
}

const PIN = { component: 'core/auth', version: '~1.0', reason: 'certified' };
const pin = async (more: object = {}, headers: Record<string, string> = {}) =>
  await ask('POST', 'versions/pin', { instance_id: agent.instance, ...PIN, ...more }, headers);
const proposalOf = async (id: string) => (await ask('GET', `proposals/${id}`)).json;
const mine = async () => (await agent.ask('GET', 'proposals/mine')).json();
const answer = async (id: string, given: object = {}) =>
  (
    await agent.ask('POST', 'proposals/answers', {
      answers: [
        {
          ...{ id, revision: 1, answer: 'accepted', code: null, text: 'done', by: 'alice' },
          ...{ change: null, at: '2026-11-20T12:00:00Z', ...given },
        },
      ],
    })
  ).json();

describe('a proposal', () => {
  it('goes to its install, and its answer stands at the server and in the log', async () => {
    const made = await pin();
    const { id } = made.json.pins[0];

    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      count: 1,
      pins: [
        {
          instance_id: agent.instance,
          level: 'capability',
          name: 'core/auth',
          version: '~1.0',
          status: 'proposed',
        },
      ],
    });
    expect(await mine()).toMatchObject({
      proposals: [{ id, revision: 1, wish: { kind: 'pin', component: 'core/auth', version: '~1.0' } }],
      next: null,
    });
    expect(await answer(id)).toEqual({ answers: [{ id, status: 'accepted' }] });

    expect(await proposalOf(id)).toMatchObject({ status: 'accepted', answer: { by: 'alice', text: 'done' } });
    const { json } = await ask('GET', 'audit?limit=100');
    const told = json.entries.map(({ action, actor }: { action: string; actor: string }) => [action, actor]);
    expect(told).toContainEqual(['proposal.created', 'token operator']);
    expect(told).toContainEqual(['proposal.answered', `instance ${agent.instance}`]);
    expect(await verifyAudit(server.context.db, null)).toBeTruthy();
    expect((await mine()).proposals).toEqual([]);
  });

  it('is announced in the answer to a report, by another number than before', async () => {
    const header = async (sequence: number) =>
      (await agent.report(sequence)).headers['fairlead-proposals'] as string | undefined;
    expect(await header(1)).toBeUndefined();

    await pin();
    const first = await header(2);
    const still = await header(3);
    await pin();
    const second = await header(4);

    expect(first).toMatch(/^\d+$/);
    expect(still).toBe(first);
    expect(second).not.toBe(first);
  });

  it('that waits for a person is no longer open to the first come, and is answered for good only once', async () => {
    const { id } = (await pin()).json.pins[0];

    expect(await answer(id, { answer: 'queued', text: 'waits' })).toMatchObject({
      answers: [{ status: 'queued' }],
    });
    expect(await answer(id, { answer: 'refused', code: 'proposal/declined', text: 'no' })).toMatchObject({
      answers: [{ status: 'refused' }],
    });
    expect(await answer(id, { answer: 'accepted' })).toMatchObject({ answers: [{ status: 'refused' }] });
  });

  it('of another install is none of an agent’s business', async () => {
    const other = await enrolAgent(server, 'customer two');
    const made = await ask('POST', 'versions/pin', { instance_id: other.instance, ...PIN });
    const { id } = made.json.pins[0];

    expect((await mine()).proposals).toEqual([]);
    expect(await answer(id)).toEqual({ answers: [{ id, status: 'unknown' }] });
    expect((await proposalOf(id)).status).toBe('proposed');
  });

  it('ends by itself', async () => {
    const { id } = (await pin({ expires_at: '2026-11-20T12:20:00Z' })).json.pins[0];
    server.now += 30 * 60_000;

    expect((await proposalOf(id)).status).toBe('expired');
    expect((await mine()).proposals).toEqual([]);
    expect((await ask('DELETE', `proposals/${id}`, undefined, { 'if-match': '"1"' })).code).toBe(
      'proposal/answered',
    );
    expect((await ask('GET', 'proposals?status=expired')).json.proposals).toHaveLength(1);
    expect((await ask('GET', 'proposals?status=proposed')).json.proposals).toEqual([]);
  });

  it.each([
    ['for nobody', { instance_id: undefined }, 'document/invalid', 400],
    ['for a group and an install', { group: 'g' }, 'document/invalid', 400],
    [
      'for an install that there is not',
      { instance_id: '00000000-0000-4000-8000-000000000000' },
      'request/not-found',
      404,
    ],
    ['for a group that there is not', { instance_id: undefined, group: 'g' }, 'request/not-found', 404],
    ['that has ended already', { expires_at: '2020-01-01T00:00:00Z' }, 'request/invalid', 400],
    ['for ever', { expires_at: '2126-01-01T00:00:00Z' }, 'request/invalid', 400],
    ['of no version', { version: 'x y z' }, 'document/invalid', 400],
    ['of no component', { component: '../etc' }, 'document/invalid', 400],
    ['without a reason', { reason: '' }, 'document/invalid', 400],
  ])('%s is refused', async (_what, more, code, status) => {
    const refused = await pin(more);

    expect([refused.code, refused.status]).toEqual([code, status]);
  });

  it('is an operator’s to make', async () => {
    const body = { instance_id: agent.instance, ...PIN };
    for (const role of ['viewer', 'publisher', 'security'] as const) {
      expect((await ask('POST', 'versions/pin', body, {}, role)).status).toBe(403);
    }
  });

  it('is one of at most a hundred that wait', async () => {
    for (let i = 0; i < 100; i++) await pin();

    expect((await pin()).code).toBe('proposal/too-many');
  }, 30_000);
});

describe('a change', () => {
  it('is of the state that its tag names', async () => {
    const { id } = (await pin()).json.pins[0];
    const body = { wish: { kind: 'pin', component: 'core/auth', version: '~1.1' }, reason: 'better' };
    const { headers } = await ask('GET', `proposals/${id}`);

    expect((await ask('PUT', `proposals/${id}`, body)).status).toBe(428);
    expect((await ask('PUT', `proposals/${id}`, body, { 'if-match': '"7"' })).status).toBe(412);
    expect((await ask('PUT', `proposals/${id}`, body, { 'if-match': 'W/"1"' })).status).toBe(412);
    const changed = await ask('PUT', `proposals/${id}`, body, { 'if-match': String(headers.etag) });

    expect(changed).toMatchObject({ status: 200, json: { revision: 2 }, headers: { etag: '"2"' } });
    expect((await mine()).proposals).toMatchObject([{ id, revision: 2, wish: { version: '~1.1' } }]);
    const other = { wish: { kind: 'unpin', component: 'core/auth' }, reason: 'x' };
    expect((await ask('PUT', `proposals/${id}`, other, { 'if-match': '"2"' })).code).toBe('request/invalid');
  });

  it('is not what an answer to the earlier one was to', async () => {
    const { id } = (await pin()).json.pins[0];
    const body = { wish: { kind: 'pin', component: 'core/auth', version: '~1.1' }, reason: 'better' };
    await ask('PUT', `proposals/${id}`, body, { 'if-match': '"1"' });

    await answer(id, { revision: 1, answer: 'queued' });
    expect((await proposalOf(id)).status).toBe('proposed');
    await answer(id, { revision: 1, answer: 'refused' });
    expect((await proposalOf(id)).status).toBe('proposed');
    // What was done was done.
    await answer(id, { revision: 1, answer: 'accepted' });
    expect(await proposalOf(id)).toMatchObject({ status: 'accepted', answer: { revision: 1 } });
  });
});

describe('a withdrawal', () => {
  const withdraw = (id: string) => ask('DELETE', `proposals/${id}`, undefined, { 'if-match': '*' });

  it('before anybody answered leaves nothing to fetch', async () => {
    const { id } = (await pin()).json.pins[0];

    expect((await withdraw(id)).status).toBe(204);

    expect((await mine()).proposals).toEqual([]);
    expect(await answer(id, { answer: 'queued' })).toEqual({ answers: [{ id, status: 'withdrawn' }] });
    expect((await proposalOf(id)).status).toBe('withdrawn');
  });

  it('of what waits at the install is told until it was heard', async () => {
    const { id } = (await pin()).json.pins[0];
    await answer(id, { answer: 'queued' });

    await withdraw(id);
    expect((await mine()).proposals).toEqual([{ id, withdrawn: true }]);
    await answer(id, { answer: 'refused', code: 'proposal/withdrawn' });

    expect((await mine()).proposals).toEqual([]);
    expect((await proposalOf(id)).status).toBe('withdrawn');
  });

  it('that came too late changes nothing of what happened', async () => {
    const { id } = (await pin()).json.pins[0];
    await answer(id, { answer: 'queued' });
    await withdraw(id);

    await answer(id, { answer: 'accepted' });

    expect(await proposalOf(id)).toMatchObject({ status: 'accepted' });
    expect((await withdraw(id)).code).toBe('proposal/answered');
  });
});

describe('a request that comes twice', () => {
  const key = { 'idempotency-key': 'b3a1' };

  it('under one key has one effect and one answer', async () => {
    const first = await pin({}, key);
    const second = await pin({}, key);

    expect(second.json).toEqual(first.json);
    expect(second.status).toBe(201);
    expect((await ask('GET', 'proposals')).json.proposals).toHaveLength(1);
  });

  it('at once has one effect, too', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => pin({}, key)));

    expect(new Set(all.map(({ json }) => json.pins?.[0]?.id)).size).toBe(1);
    expect((await ask('GET', 'proposals')).json.proposals).toHaveLength(1);
  });

  it('with other words is refused, and of another caller it is another one', async () => {
    await pin({}, key);

    expect((await pin({ reason: 'other' }, key)).status).toBe(422);
    const body = { instance_id: agent.instance, ...PIN };
    expect((await ask('POST', 'versions/pin', body, key, 'admin')).status).toBe(201);
    expect((await ask('GET', 'proposals')).json.proposals).toHaveLength(2);
  });

  it('is forgotten after a day', async () => {
    const mark = makeMark('token', 'POST /x', 'b3a1', 'body');
    let effects = 0;
    const once = (now: number) =>
      transactOnce(server.context.db, mark, now, async () => ({ effects: ++effects }));

    expect(await once(server.now)).toEqual({ effects: 1 });
    expect(await once(server.now + 23 * 3_600_000)).toEqual({ effects: 1 });
    expect(await once(server.now + 25 * 3_600_000)).toEqual({ effects: 2 });
  });

  it('and failed the first time may succeed the second', async () => {
    const later = { group: 'hospitals', instance_id: undefined };
    expect((await pin(later, key)).status).toBe(404);
    await ask('POST', 'groups', { name: 'hospitals', instances: [agent.instance] });

    expect((await pin(later, key)).status).toBe(201);
  });

  it('leaves no secret of its answer in the database', async () => {
    const { json } = await ask('POST', 'enrolments', { name: 'new' }, key);
    const again = await ask('POST', 'enrolments', { name: 'new' }, key);

    expect(again.json).toEqual(json);
    const kept = await server.context.db.selectFrom('repeats').selectAll().execute();
    expect(JSON.stringify(kept)).not.toContain(json.code);
    expect(JSON.stringify(kept)).not.toContain('b3a1');
  });

  it('with a key that is none is refused', async () => {
    expect((await pin({}, { 'idempotency-key': 'a b' })).code).toBe('request/invalid');
    expect((await pin({}, { 'idempotency-key': 'a'.repeat(256) })).code).toBe('request/invalid');
  });
});

describe('a group', () => {
  it('is proposed to as its members are then', async () => {
    const two = await enrolAgent(server, 'customer two');
    const three = await enrolAgent(server, 'customer three');
    const group = await ask('POST', 'groups', {
      name: 'hospitals',
      instances: [agent.instance, two.instance],
    });

    const made = await pin({ group: 'hospitals', instance_id: undefined });
    const change = { instances: [three.instance] };
    expect((await ask('PUT', 'groups/hospitals', change)).status).toBe(428);
    await ask('PUT', 'groups/hospitals', change, { 'if-match': String(group.headers.etag) });

    expect(made.json.count).toBe(2);
    expect((await ask('GET', 'proposals?group=hospitals')).json.proposals).toHaveLength(2);
    expect((await ask('GET', 'groups/hospitals')).json).toMatchObject({
      members: 1,
      instances: [three.instance],
    });
    expect((await ask('GET', 'groups')).json.groups).toMatchObject([
      { name: 'hospitals', members: 1, revision: 2 },
    ]);
    expect((await two.ask('GET', 'proposals/mine')).json().proposals).toHaveLength(1);
    expect((await three.ask('GET', 'proposals/mine')).json().proposals).toEqual([]);
  });

  it('has a name of its own and members that exist, and leaves what was proposed', async () => {
    await ask('POST', 'groups', { name: 'hospitals', instances: [agent.instance] });
    await pin({ group: 'hospitals', instance_id: undefined });

    expect((await ask('POST', 'groups', { name: 'hospitals', instances: [] })).code).toBe('name/taken');
    const nobody = { name: 'g', instances: ['00000000-0000-4000-8000-000000000000'] };
    expect((await ask('POST', 'groups', nobody)).code).toBe('request/not-found');
    expect((await ask('DELETE', 'groups/hospitals', undefined, { 'if-match': '"1"' })).status).toBe(204);
    expect((await ask('GET', 'groups/hospitals')).status).toBe(404);
    expect((await mine()).proposals).toHaveLength(1);
    await ask('POST', 'groups', { name: 'empty', instances: [] });
    expect((await pin({ group: 'empty', instance_id: undefined })).code).toBe('proposal/nobody');
  });
});

describe('a template', () => {
  const careful = { name: 'careful', channel: 'manual', description: 'somebody looks first' };
  const toAgent = async (policy_id: string) =>
    await ask('POST', 'proposals', {
      instance_id: agent.instance,
      wish: { kind: 'policy', policy_id },
      reason: 'new rule',
    });

  it('has the founding fields, and goes along with a proposal as it is then', async () => {
    const made = await ask('POST', 'policies', careful);

    expect(made).toMatchObject({ status: 201, headers: { etag: '"1"' } });
    expect(made.json).toMatchObject({ ...careful, enabled: true, created_at: expect.any(String) });
    const proposed = await toAgent(made.json.id);
    expect(proposed.headers.location).toBe(`/api/v1/proposals/${proposed.json.proposals[0].id}`);
    expect((await mine()).proposals).toMatchObject([
      { wish: { kind: 'policy', template: { name: 'careful', channel: 'manual' } } },
    ]);
    expect((await ask('GET', `policies/${made.json.id}`)).json).toEqual(made.json);
    expect((await ask('GET', 'policies')).json.policies).toEqual([made.json]);
  });

  it('is what an install may adopt, by its name, as long as it is enabled', async () => {
    const { id } = (await ask('POST', 'policies', careful)).json;
    const offered = () => agent.ask('GET', 'policies/offered?name=careful');

    expect((await offered()).json()).toEqual({ template: { name: 'careful', channel: 'manual' } });
    expect((await agent.ask('GET', 'policies/offered?name=other')).statusCode).toBe(404);
    await ask('PUT', `policies/${id}`, { ...careful, enabled: false }, { 'if-match': '"1"' });
    expect((await offered()).json().code).toBe('proposal/policy-disabled');
  });

  it('that is disabled is proposed to nobody, and what waits is withdrawn', async () => {
    const { id } = (await ask('POST', 'policies', careful)).json;
    const waiting = (await toAgent(id)).json.proposals[0];
    const off = { ...careful, enabled: false };

    expect((await ask('PUT', `policies/${id}`, off)).status).toBe(428);
    await ask('PUT', `policies/${id}`, off, { 'if-match': '"1"' });

    expect((await toAgent(id)).code).toBe('proposal/policy-disabled');
    expect((await proposalOf(waiting.id)).status).toBe('withdrawn');
    expect((await ask('PUT', `policies/${id}`, careful, { 'if-match': '"1"' })).status).toBe(412);
    expect((await ask('POST', 'policies', careful)).code).toBe('name/taken');
  });
});

describe('a deployment', () => {
  it('has the founding fields, whether it happened or is proposed', async () => {
    await agent.report(1, { records: [recordOf(1, 'committed')] });
    const made = await ask('POST', 'deployments', { instance_id: agent.instance, reason: 'now' });
    const { id } = made.json.deployments[0];

    const [reported] = (await ask('GET', 'deployments')).json.deployments;

    expect(reported).toMatchObject({
      ...{ id: `${agent.instance}-1`, instance_id: agent.instance, status: 'committed', error: null },
      manifest: recordOf(1, 'committed').to,
      completed_at: '2026-11-20T12:01:00Z',
      // What earlier programs read.
      ...{ instance: agent.instance, state: 'committed', record: { id: 1 } },
    });
    expect((await ask('GET', `deployments/${reported.id}`)).json).toEqual(reported);
    expect((await ask('GET', `deployments/${id}`)).json).toMatchObject({
      id,
      status: 'proposed',
      manifest: null,
    });
    expect((await ask('GET', 'deployments/proposed')).json.deployments).toMatchObject([{ id }]);
    const tag = { 'if-match': '*' };
    expect((await ask('PUT', `deployments/${reported.id}`, { reason: 'x' }, tag)).code).toBe(
      'proposal/answered',
    );
    expect((await ask('PUT', `deployments/${id}`, { reason: 'later' }, tag)).json).toMatchObject({
      proposal: { revision: 2, reason: 'later' },
    });
    expect((await ask('DELETE', `deployments/${id}`, undefined, tag)).status).toBe(204);
    expect((await ask('GET', `deployments/${id}`)).json.status).toBe('withdrawn');
  });

  it('of a release that nobody published is refused', async () => {
    const tree = await addPack(server.store, 'one');
    const document = capability('1.0.0', tree);
    const publish = async (payload: object) =>
      expect((await ask('POST', 'publications', payload, {}, 'publisher')).status).toBe(200);
    await publish(firstPublication(server.context.publisher.onlineKeys));
    const metadata = [['releases', signRole('releases', 2, [document])]] as const;
    await publish(publicationOf(metadata, [document], [changeOf(document, '1.0.0', tree)]));
    const propose = (release: string) =>
      ask('POST', 'deployments', { instance_id: agent.instance, release, reason: 'now' });

    expect((await propose('core/auth@9.9.9')).code).toBe('request/not-found');
    expect((await propose('core/auth@1.0.0')).status).toBe(201);
    expect((await ask('GET', 'versions')).json.versions).toMatchObject([
      { component: 'core/auth', level: 'capability', version: '1.0.0', instances: 0 },
    ]);
  });

  it('that is one of another kind is not found here', async () => {
    const { id } = (await pin()).json.pins[0];

    expect((await ask('GET', `deployments/${id}`)).status).toBe(404);
    expect((await ask('DELETE', `deployments/${id}`, undefined, { 'if-match': '*' })).status).toBe(404);
  });
});

describe('a rollback', () => {
  it('is proposed, and stands in the history once it happened', async () => {
    const made = await ask('POST', 'rollback', {
      instance_id: agent.instance,
      to: 'core/auth@0.9.0',
      reason: 'errors',
    });
    const gone = recordOf(2, 'committed', null, {
      reason: { kind: 'rollback', generation: 1 },
      note: 'errors',
    });
    await agent.report(1, { records: [gone] });

    expect(made.json.rollbacks).toMatchObject([
      { to_version: 'core/auth@0.9.0', status: 'proposed', reason: 'errors' },
    ]);
    expect((await ask('GET', 'rollback/history')).json.deployments).toMatchObject([
      { id: `${agent.instance}-2`, to_version: 'core/auth@1.0.0', status: 'committed', reason: 'errors' },
    ]);
  });
});
