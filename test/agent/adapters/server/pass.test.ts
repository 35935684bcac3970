// The agent's side of passes: one signature, then proofs, and signatures again wherever a pass is not taken.
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import type { Identity } from '../../../../agent/adapters/server/enrolment-file.ts';
import { createHttpClient } from '../../../../agent/adapters/server/http-client.ts';
import { createServerChannel } from '../../../../agent/adapters/server/server-channel.ts';
import { createEnrolment, redeemEnrolment } from '../../../../server/db/enrolments.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { serveHttp } from '../../../support/http-server.ts';
import { NOW } from '../../../support/publications.ts';
import { reportOf } from '../../../support/reports.ts';
import { startTestServer, type TestServer } from '../../../support/server-under-test.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

/** How each request showed who it is, and what came back. */
let seen: string[];
let clock: FakeClock;
beforeEach(() => {
  seen = [];
  clock = createFakeClock(NOW);
});

type Change = (request: { body: string; headers: Record<string, string> }) => void;
interface Between {
  /** What somebody on the way makes of requests. */
  readonly change?: Change;
  /** Of the server's answers, what does not come through. */
  readonly hides?: string;
  /** A server that does not know passes: an earlier one. */
  readonly refuses?: number;
}

/** An agent whose requests go to the server through somebody. */
async function agentBehind(between: () => Between) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = {
    publicKey: String(publicKey.export({ format: 'jwk' }).x),
    hostname: 'h',
    agentVersion: '0.1.0',
  };
  const { code } = await createEnrolment(server.context.db, { name: 'one', actor: 'test' }, NOW);
  const { instance } = await redeemEnrolment(server.context.db, { code, ...key }, NOW);
  const url = await serveHttp(async (request, response) => {
    const passed = { body: '', headers: { ...(request.headers as Record<string, string>) } };
    for await (const chunk of request) passed.body += chunk;
    const scheme = passed.headers.authorization?.split(' ')[0] ?? 'none';
    const { change, hides = '', refuses } = between();
    change?.(passed);
    delete passed.headers['content-length'];
    server.now = clock.now();
    const answer =
      refuses !== undefined && scheme !== 'Bearer'
        ? { statusCode: refuses, headers: {}, body: '{}' }
        : await server.app.inject({
            method: 'POST',
            url: request.url ?? '',
            payload: passed.body,
            headers: passed.headers,
          });
    seen.push(`${scheme} ${answer.statusCode}`);
    const headers = Object.entries(answer.headers).filter(([name]) => name !== hides);
    response.writeHead(answer.statusCode, Object.fromEntries(headers)).end(answer.body);
  });
  const http = createHttpClient();
  onTestFinished(() => http.close());
  const identity = async () => privateKey.export({ format: 'jwk' }) as Identity;
  const channel = createServerChannel({ server: url, instance, identity, clock, http });
  let sequence = 0;
  return { channel, report: () => channel.send(reportOf(++sequence)) };
}

it('signs once, and proves what follows until the pass nears its end', async () => {
  const agent = await agentBehind(() => ({}));
  for (let i = 0; i < 3; i++) await agent.report();
  await clock.advance(59 * 60_000 + 1);

  await agent.report();

  expect(seen).toEqual(['Bearer 200', 'Fairlead-Pass 200', 'Fairlead-Pass 200', 'Bearer 200']);
});

it('signs on beside a server that gives no pass', async () => {
  const agent = await agentBehind(() => ({ hides: 'fairlead-pass' }));
  for (let i = 0; i < 2; i++) await agent.report();

  expect(seen).toEqual(['Bearer 200', 'Bearer 200']);
});

it('signs the same report at once where a pass is not taken any more, and has another from it', async () => {
  let refuses = false;
  const agent = await agentBehind(() => (refuses ? { refuses: 401 } : {}));
  for (let i = 0; i < 2; i++) await agent.report();
  refuses = true;
  await agent.report();
  refuses = false;

  await agent.report();

  const taken = ['Bearer 200', 'Fairlead-Pass 200'];
  expect(seen).toEqual([...taken, 'Fairlead-Pass 401', ...taken]);
});

it('signs for an hour where nobody takes even a new pass: somebody on the way alters requests', async () => {
  const change: Change = ({ headers }) => void delete headers['content-digest'];
  const agent = await agentBehind(() => ({ change }));
  for (let i = 0; i < 4; i++) await agent.report();
  expect(seen).toEqual(['Bearer 200', 'Fairlead-Pass 401', 'Bearer 200', 'Bearer 200', 'Bearer 200']);

  await clock.advance(3_600_000);
  for (let i = 0; i < 2; i++) await agent.report();

  expect(seen.slice(5)).toEqual(['Bearer 200', 'Fairlead-Pass 401', 'Bearer 200']);
});

it('signs the next report where a pass is why it was told to wait', async () => {
  let refuses = false;
  const agent = await agentBehind(() => (refuses ? { refuses: 429 } : {}));
  await agent.report();
  refuses = true;
  await expect(agent.report()).rejects.toMatchObject({ code: 'transport/refused' });

  await agent.report();

  expect(seen).toEqual(['Bearer 200', 'Fairlead-Pass 429', 'Bearer 200']);
});

it('keeps its pass where something else is refused', async () => {
  let refuses = false;
  const agent = await agentBehind(() => (refuses ? { refuses: 503 } : {}));
  await agent.report();
  refuses = true;
  await expect(agent.report()).rejects.toMatchObject({ code: 'transport/refused' });
  refuses = false;

  await agent.report();

  expect(seen).toEqual(['Bearer 200', 'Fairlead-Pass 503', 'Fairlead-Pass 200']);
});

it('says with the answer to a report what a heartbeat may name', async () => {
  const agent = await agentBehind(() => ({}));
  const { held } = await agent.report();

  const same = await agent.channel.beat({ sequence: 2, report: held ?? '' });
  const other = await agent.channel.beat({ sequence: 3, report: `sha-256=:${'A'.repeat(43)}=:` });

  expect([same.sequence, same.wantsWhole]).toEqual([2, false]);
  expect([other.sequence, other.wantsWhole]).toEqual([2, true]);
});

it.each(['no receipt', [[]], { payload: 5 }, { payload: '!', payloadType: 'x', signatures: [] }, null])(
  'a report is on the server whatever it says where a receipt should stand: %j',
  async (receipt) => {
    const url = await serveHttp(async (request, response) => {
      request.resume();
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ sequence: 7, receipt }));
    });
    const http = createHttpClient();
    onTestFinished(() => http.close());
    const { privateKey } = generateKeyPairSync('ed25519');
    const identity = async () => privateKey.export({ format: 'jwk' }) as Identity;
    const instance = '0f0e0d0c-0b0a-4908-8706-050403020100';
    const channel = createServerChannel({ server: url, instance, identity, clock, http });

    expect(await channel.send(reportOf(7))).toMatchObject({ sequence: 7, receipt });
  },
);
