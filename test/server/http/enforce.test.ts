// Enforcing a patch: forced by its signed order, or proposed to whoever is exposed, once, and of the vendor alone.
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFollowing } from '../../../server/jobs/watch.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { listenForHints } from '../../support/listening-agent.ts';
import { advisoryOf, digestOfText } from '../../support/publications.ts';
import { publishVersions } from '../../support/published-versions.ts';
import { enrolAgent, type ServerAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const AUTH = 'core/auth' as ComponentKey;

let server: TestServer;
let exposed: ServerAgent;

beforeEach(async () => {
  server = await startTestServer();
  exposed = await running('exposed', '1.0.0');
});
afterEach(() => server.close());

async function running(name: string, version: string): Promise<ServerAgent> {
  const agent = await enrolAgent(server, name);
  const tree = digestOfText('tree');
  const component = { component: AUTH, version: parseVersion(version), tree, health: 'healthy' } as const;
  await agent.report(1, { components: [component] });
  return agent;
}

/** With the fixes that are released. */
const publish = (advisory: object, released: readonly string[] = ['1.0.1', '1.0.2', '1.1.0']) =>
  publishVersions(server, released, [advisoryOf('FL-2026-0001', advisory)]);

async function enforce(role: 'security' | 'operator' | 'viewer' | 'publisher' = 'security', headers = {}) {
  return server.app.inject({
    ...{ method: 'POST', url: '/api/v1/security/enforce' },
    headers: { ...(await server.bearer(role)), ...headers },
    payload: { advisory: 'FL-2026-0001', reason: 'exploited since this morning' },
  });
}

async function proposedTo(agent: ServerAgent): Promise<readonly object[]> {
  const { proposals } = (await agent.ask('GET', 'proposals/mine')).json();
  return proposals.map(({ wish, reason }: { wish: object; reason: string }) => ({ ...wish, reason }));
}

const FIX = { kind: 'deploy', release: 'core/auth@1.0.1', reason: 'exploited since this morning' };
const TWO_FIXES = [
  { component: 'core/auth', version: '1.1.0' },
  { component: 'core/auth', version: '1.0.1' },
];

describe('a patch that no order forces', () => {
  it('is proposed to who runs an affected version, and to nobody else: the nearest fix', async () => {
    const safe = await running('safe', '1.0.1');
    await publish({ fixed: TWO_FIXES });

    const answer = (await enforce()).json();

    expect(answer).toEqual({
      ...{ advisory: 'FL-2026-0001', ordered: false, exposed_count: 1 },
      ...{ proposed: 1, waiting: 0, left_out: 0, more: false },
    });
    expect([await proposedTo(exposed), await proposedTo(safe)]).toEqual([[FIX], []]);
  });

  it('is proposed no second time to whom it waits before, and again to those exposed since', async () => {
    await publish({});
    await enforce();
    const later = await running('later', '0.9.0');

    const answer = (await enforce('operator')).json();

    expect(answer).toMatchObject({ exposed_count: 2, proposed: 1, waiting: 1 });
    expect([await proposedTo(exposed), await proposedTo(later)]).toEqual([[FIX], [FIX]]);
  });

  it('is proposed once by two requests under one key', async () => {
    await publish({});
    const key = { 'idempotency-key': 'morning' };

    const [first, second] = [await enforce('security', key), await enforce('security', key)];

    expect([second.json(), await proposedTo(exposed)]).toEqual([first.json(), [FIX]]);
    expect(first.json()).toMatchObject({ proposed: 1 });
  });

  it.each([
    ['names no fix', { fixed: [] }, ['1.0.1']],
    ['names one that nobody released', {}, ['1.1.0']],
    ['names only what is older', { fixed: [{ component: 'core/auth', version: '0.9.9' }] }, ['0.9.9']],
  ])('leaves out whom it %s for', async (_what, advisory, released) => {
    await publish(advisory, released);

    expect((await enforce()).json()).toMatchObject({ exposed_count: 1, proposed: 0, left_out: 1 });
    expect(await proposedTo(exposed)).toEqual([]);
  });

  it('leaves out an install before which too many proposals wait, and reaches the others', async () => {
    const full = await running('full', '1.0.0');
    await publish({});
    const headers = await server.bearer('operator');
    for (let i = 0; i < 100; i++) {
      const payload = { instance_id: full.instance, reason: `wish ${i}` };
      await server.app.inject({ method: 'POST', url: '/api/v1/deployments', headers, payload });
    }

    expect((await enforce()).json()).toMatchObject({ exposed_count: 2, proposed: 1, left_out: 1 });
    expect(await proposedTo(exposed)).toEqual([FIX]);
  });

  it('is proposed by nobody once it is withdrawn', async () => {
    await publish({ withdrawn: true });

    expect((await enforce()).json()).toMatchObject({ exposed_count: 0, proposed: 0 });
  });
});

describe('a patch that a signed order forces', () => {
  it('is not proposed on top: who is exposed is counted, and who asked stands in the log', async () => {
    await publish({ severity: 'critical', order: { deadline: '2026-11-30T00:00:00Z' } });

    const answer = (await enforce()).json();

    const { body } = await server.app.inject({
      url: '/api/v1/audit?limit=1000',
      headers: await server.bearer('viewer'),
    });
    const entries = JSON.parse(body).entries as readonly { action: string; subject: string; actor: string }[];
    expect(answer).toMatchObject({ ordered: true, exposed_count: 1, proposed: 0, left_out: 0 });
    expect(await proposedTo(exposed)).toEqual([]);
    expect(entries.filter(({ action }) => action === 'patch.enforced')).toMatchObject([
      {
        subject: 'FL-2026-0001',
        actor: 'token security',
        details: { reason: 'exploited since this morning' },
      },
    ]);
  });
});

describe('whoever listens', () => {
  it.each([
    ['an order', { severity: 'critical', order: { deadline: '2026-11-30T00:00:00Z' } }],
    ['a proposal', {}],
  ])('is told to look at once for %s', async (_what, advisory) => {
    await publish(advisory);
    const url = await server.app.listen({ host: '127.0.0.1', port: 0 });
    const following = startFollowing(server.context);
    await following.begun;
    const { websocket, hints } = await listenForHints(url, await exposed.token());

    const said = once(websocket, 'message');
    await enforce();
    await said;

    expect(hints).toMatchObject([{ timestamp: expect.any(Number), proposals: true }]);
    websocket.terminate();
    await following.stop();
  });
});

describe('to enforce', () => {
  it.each([
    ['viewer', 403],
    ['publisher', 403],
    ['operator', 200],
    ['security', 200],
  ] as const)('is for a %s answered with %i', async (role, status) => {
    await publish({});

    expect((await enforce(role)).statusCode).toBe(status);
  });

  it('what nobody published is refused', async () => {
    expect((await enforce()).json().code).toBe('request/not-found');
  });
});
