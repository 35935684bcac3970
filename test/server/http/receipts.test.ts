// Receipts over HTTP: for a report that names the head of its log, and for no other.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openReceipt } from '../../../shared/protocol/receipt.ts';
import { READS_HEADER, reportReply } from '../../../shared/protocol/report.ts';
import { loadKey, type VerificationKey } from '../../../shared/trust/key.ts';
import { digestOfText, testKey } from '../../support/publications.ts';
import { enrolAgent, type ServerAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;
let agent: ServerAgent;

beforeAll(async () => {
  server = await startTestServer();
  agent = await enrolAgent(server, 'one');
});
afterAll(() => server.close());

const ledger = { count: 7, digest: digestOfText('7'), seen: null };

it('is signed with the key of the timestamp, and says what was said and what the server has', async () => {
  const answer = await agent.report(1, { ledger });

  const { receipt } = reportReply.parse(answer.json());
  const { keyid, key } = testKey('timestamp');
  const keys = new Map([[keyid, loadKey({ ...key, public: key.keyval.public }) as VerificationKey]]);
  const found = receipt === undefined ? null : openReceipt(receipt, keys);
  expect(answer.headers[READS_HEADER]).toContain('ledger');
  expect(found).toMatchObject({
    ...{ instance: agent.instance, agent: { count: 7, digest: digestOfText('7') }, seen: null },
    server: { count: expect.any(Number), digest: expect.stringMatching(/^sha256:/) },
  });
});

it('is for nobody who says nothing of a log, nor for a report that is no news', async () => {
  expect((await agent.report(2)).json()).toEqual({ sequence: 2 });
  expect((await agent.report(1, { ledger })).json()).toEqual({ sequence: 2 });
});

it('leaves the head out of what lists show of a report', async () => {
  await agent.report(3, { ledger });
  const { last_report: kept } = await server.context.db
    .selectFrom('instances')
    .select('last_report')
    .where('id', '=', agent.instance)
    .executeTakeFirstOrThrow();
  expect(kept).not.toContain('ledger');
});

it('leaves a list of heads, the newest first, which a stranger does not see', async () => {
  const of = await enrolAgent(server, 'listed');
  await of.report(1, { ledger });
  server.now += 24 * 3_600_000;
  await of.report(2, { ledger: { ...ledger, count: 9, digest: digestOfText('9') } });

  const url = `/api/v1/instances/${of.instance}/heads`;
  const { heads } = (await server.app.inject({ url, headers: await server.bearer('viewer') })).json();
  expect(heads.map(({ count }: { count: number }) => count)).toEqual([9, 7]);
  const first = await server.app.inject({ url: `${url}?limit=1`, headers: await server.bearer('viewer') });
  const [, next = ''] = /^<(.*)>; rel="next"$/.exec(String(first.headers.link)) ?? [];
  const second = await server.app.inject({ url: next, headers: await server.bearer('viewer') });
  expect([first.json().heads[0].count, second.json().heads[0].count]).toEqual([9, 7]);
  const unknown = url.replace(of.instance, '00000000-0000-4000-8000-000000000000');
  expect((await server.app.inject({ url: unknown, headers: await server.bearer('viewer') })).statusCode).toBe(
    404,
  );
  expect((await server.app.inject({ url })).statusCode).toBe(401);
});
