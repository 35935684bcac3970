// Reports and heartbeats at the door and behind it: the same answers to the same bytes, whatever they are, and nothing counted twice.
import { generateKeyPairSync } from 'node:crypto';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Identity } from '../../../agent/adapters/server/enrolment-file.ts';
import { createHttpClient } from '../../../agent/adapters/server/http-client.ts';
import { createServerChannel } from '../../../agent/adapters/server/server-channel.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { changeStanding } from '../../../server/db/standing.ts';
import { transact } from '../../../server/db/transact.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { contentDigestOf } from '../../../shared/protocol/pass.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { reportOf } from '../../support/reports.ts';
import { enrolAgent, type Prove, type ServerAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

/** One of two installs that say the same: one where it is answered at the door, the other where Node's HTTP has the connection already. */
interface Way {
  readonly agent: ServerAgent;
  readonly prove: Prove;
  readonly copy: Prove;
  readonly before: string;
  /** What was counted of it, and what was written. */
  readonly done: string[];
}

let server: TestServer;
let agents: readonly ServerAgent[];
let keys: readonly string[];
let ways: readonly Way[] = [];
const reached = vi.fn();

beforeAll(async () => {
  server = await startTestServer();
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  server.app.server.on('request', reached);
  agents = [await enrolAgent(server, 'at the door'), await enrolAgent(server, 'behind it')];
  const rows = await server.context.db.selectFrom('instances').select(['id', 'public_key']).execute();
  keys = agents.map(({ instance }) => rows.find(({ id }) => id === instance)?.public_key ?? '');
  watch();
});
afterAll(() => server.close());
beforeEach(begin);

/** As if they had just been enrolled, and had all that one may ask for. */
async function begin(): Promise<void> {
  server.now += 15 * 60_000;
  const { db } = server.context;
  await db.deleteFrom('reports').execute();
  for (const [i, { instance }] of agents.entries()) {
    const row = { last_sequence: 0, report_digest: null, voices: null, twins_heard: null, standing: null };
    await db
      .updateTable('instances')
      .set({ ...row, public_key: keys[i] ?? '' })
      .where('id', '=', instance)
      .execute();
  }
  ways = await Promise.all(
    agents.map(async (agent, i) => {
      const [prove, copy] = [await agent.pass('boot-of-one'), await agent.pass('boot-of-copy')];
      return {
        agent,
        prove,
        copy,
        before: i === 0 ? '' : 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n',
        done: [],
      };
    }),
  );
}

/** Notes what each of them has counted and written. */
function watch(): void {
  const { quotas, reports } = server.context;
  const note = (instance: string, what: string) =>
    ways.find(({ agent }) => agent.instance === instance)?.done.push(what);
  for (const kind of ['agent', 'report', 'heartbeat'] as const) {
    const take = quotas[kind];
    Object.assign(quotas, {
      [kind]: (who: string, taken: Parameters<typeof take>[1]) => {
        note(who, `${kind} ${JSON.stringify(taken)}`);
        take(who, taken);
      },
    });
  }
  const submit = reports.submit;
  Object.assign(reports, {
    submit: (item: { readonly instance: string }, bytes?: number) => {
      note(item.instance, 'written');
      return submit(item as Parameters<typeof submit>[0], bytes);
    },
  });
}

interface Sent {
  readonly path?: 'reports' | 'heartbeats';
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Say = (way: Way) => Sent | Promise<Sent>;

const report = (number: number, overrides = {}): Sent => ({
  body: JSON.stringify(reportOf(number, overrides)),
});
const beat = (number: number, held: string): Sent => ({
  path: 'heartbeats',
  body: JSON.stringify({ schema: 'fairlead/heartbeat@1', sequence: number, report: held }),
});
const heldOf = (sent: Sent) => contentDigestOf(Buffer.from(sent.body));

/** The bytes of the whole answer but for what differs from one request to the next: its date, and its number in the log. */
async function send(way: Way, say: Say): Promise<string> {
  const { path = 'reports', body, headers } = await say(way);
  const fields = { 'content-type': 'application/json', ...(headers ?? way.prove('POST', path, body)) };
  const lines = Object.entries({ host: 'x', ...fields, 'content-length': Buffer.byteLength(body) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const socket = connect((server.app.server.address() as AddressInfo).port, '127.0.0.1');
  if (way.before !== '') await read(socket, way.before);
  reached.mockClear();
  const answer = await read(socket, `POST /api/v1/${path} HTTP/1.1\r\n${head}\r\n${body}`);
  socket.destroy();
  return answer
    .replace(/Date: .*\r\n/i, '')
    .replaceAll(/req-\w+/g, 'req')
    .replace(/pass: .*\r\n/, 'pass: given\r\n');
}

/** One answer, which says how long it is. */
function read(socket: ReturnType<typeof connect>, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const take = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n\r\n') + 4;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (end < 4 || text.length < end + length) return;
      socket.off('data', take);
      resolve(text);
    };
    socket.on('data', take);
    socket.once('error', reject);
    socket.write(bytes);
  });
}

/** Both ways, and that they come to the same. Answers whether Node's HTTP had anything to do with the first. */
async function both(say: Say): Promise<{ readonly answer: string; readonly atDoor: boolean }> {
  const [first, second] = ways as readonly [Way, Way];
  const answer = await send(first, say);
  const atDoor = reached.mock.calls.length === 0;
  const other = await send(second, say);
  // Of what is refused the framework writes the same headers in another order, and ends a connection whose body it was shown first.
  expect(atDoor ? answer : sorted(answer)).toBe(atDoor ? other : sorted(other));
  expect(first.done).toEqual(second.done);
  return { answer, atDoor };
}

function sorted(answer: string): string {
  const [head = '', body] = answer.split('\r\n\r\n');
  const lines = head.split('\r\n').filter((line) => !/^(?:connection|keep-alive):/i.test(line));
  return [...lines.toSorted(), body].join('\n');
}

describe('at the door', () => {
  it('is answered what is kept, what fits what is kept, and what is late', async () => {
    const kept = report(11);
    const late = report(9);

    const answers = [
      await both(() => kept),
      await both(() => kept),
      await both(() => beat(12, heldOf(kept))),
      await both(() => beat(13, heldOf(late))),
      await both(() => late),
    ];

    expect(answers.map(({ atDoor }) => atDoor)).toEqual([true, true, true, true, true]);
    expect(answers.map(({ answer }) => answer.split('\r\n\r\n')[1])).toEqual([
      ...['{"sequence":11}', '{"sequence":11}', '{"sequence":12,"whole":false}'],
      ...['{"sequence":12,"whole":true}', '{"sequence":12}'],
    ]);
    expect(answers[0]?.answer).toContain(`fairlead-held: ${heldOf(kept)}\r\n`);
  });

  it('is told, beside that, of proposals and of another agent with its identity', async () => {
    for (const { agent } of ways) {
      await server.context.db
        .insertInto('proposal_marks')
        .values({ instance: agent.instance, mark: 3 })
        .execute();
    }
    let last = { answer: '', atDoor: false };
    for (let i = 11; i < 18; i++) {
      last = await both(({ prove, copy }) => {
        const sent = report(i);
        return { ...sent, headers: (i % 2 === 0 ? copy : prove)('POST', 'reports', sent.body) };
      });
    }

    expect(last.atDoor).toBe(true);
    expect(last.answer).toContain('fairlead-proposals: 3\r\nfairlead-twins: 2');
  });

  it('is given a pass for a signature that asks for one', async () => {
    const sent = report(11);
    const { answer, atDoor } = await both(async ({ agent }) => ({
      ...sent,
      headers: { authorization: `Bearer ${await agent.tokenAsking()}` },
    }));

    expect(atDoor).toBe(true);
    expect(answer).toMatch(/cache-control: no-store\r\nfairlead-pass: given\r\n/);
  });

  it('counts in the metrics', async () => {
    const count = async () => {
      const { body } = await server.app.inject({ url: '/metrics', headers: await server.bearer('viewer') });
      const total = (line: RegExp) => Number(line.exec(body)?.[1]);
      return [
        total(/^fairlead_reports_total (\d+)/m),
        total(/duration_seconds_count\{method="POST",route="\/api\/v1\/reports",status="200"\} (\d+)/),
      ] as const;
    };
    await both(() => report(11));
    const [kept, noted] = await count();
    await both(() => report(12));

    expect(await count()).toEqual([kept + 2, noted + 2]);
  });
});

const standing = (to: 'isolated' | null) => async () => {
  for (const { agent } of ways) {
    const change = { id: agent.instance, to, reason: 'a test', actor: 'test' };
    await transact(server.context.db, 'committed', (trx) =>
      changeStanding(trx, change, () => undefined, server.now),
    );
  }
};
const failing = (error: Error) => () => {
  vi.spyOn(server.context, 'readReport').mockRejectedValueOnce(error).mockRejectedValueOnce(error);
};
const spent = (kind: 'report' | 'agent') => () => {
  for (const { agent, done } of ways) {
    try {
      for (;;) server.context.quotas[kind](agent.instance, { requests: 1 });
    } catch {
      done.length = 0;
    }
  }
};
const proven =
  (headers: (sent: Sent, way: Way) => Readonly<Record<string, string>>): Say =>
  (way) => {
    const sent = report(11);
    return { ...sent, headers: headers(sent, way) };
  };
const ordinary = ({ body }: Sent, { prove }: Way) => prove('POST', 'reports', body);

interface Refused {
  readonly what: string;
  readonly code: string;
  readonly say?: Say;
  readonly before?: () => unknown;
}

const REFUSED: readonly Refused[] = [
  { what: 'no JSON', code: 'json/invalid', say: () => ({ body: '{' }) },
  { what: 'a key that stands twice', code: 'json/invalid', say: () => ({ body: '{"a":1,"a":1}' }) },
  { what: 'a report that is none', code: 'document/invalid', say: () => ({ body: '{"a":1}' }) },
  {
    what: 'a heartbeat that is none',
    code: 'document/invalid',
    say: () => ({ ...report(11), path: 'heartbeats' }),
  },
  {
    what: 'a heartbeat that is too long',
    code: 'request/too-large',
    say: () => ({ path: 'heartbeats', body: `{"a":"${'a'.repeat(1_100)}"}` }),
  },
  {
    what: 'a heartbeat of too many values',
    code: 'json/too-large',
    say: () => ({ path: 'heartbeats', body: `[${'1,'.repeat(200)}1]` }),
  },
  {
    what: 'a proof of another body',
    code: 'auth/refused',
    say: proven((_sent, way) => ordinary(report(12), way)),
  },
  {
    what: 'a proof without a digest',
    code: 'auth/refused',
    say: proven((sent, way) => ({ authorization: ordinary(sent, way).authorization ?? '' })),
  },
  {
    what: 'a proof of another address',
    code: 'auth/refused',
    say: proven(({ body }, { prove }) => prove('POST', 'heartbeats', body)),
  },
  {
    what: 'no pass',
    code: 'auth/missing',
    say: proven((sent, way) => ({ ...ordinary(sent, way), authorization: 'Fairlead-Pass x' })),
  },
  {
    what: 'a pass of a key that nobody has',
    code: 'auth/pass-over',
    say: proven((sent, way) => ({
      ...ordinary(sent, way),
      authorization: (ordinary(sent, way).authorization ?? '').replace(/ [^.]*/, ' nobody'),
    })),
  },
  { what: 'nothing that proves it', code: 'auth/missing', say: proven(() => ({ 'x-y': 'z' })) },
  {
    what: 'a type that is no JSON',
    code: 'request/invalid',
    say: proven((sent, way) => ({ ...ordinary(sent, way), 'content-type': 'text/plain' })),
  },
  { what: 'its instance shut out', code: 'instance/isolated', before: standing('isolated') },
  {
    what: 'another key in its row',
    code: 'auth/refused',
    before: async () => {
      const ids = ways.map(({ agent }) => agent.instance);
      await server.context.db
        .updateTable('instances')
        .set({ public_key: 'B'.repeat(43) })
        .where('id', 'in', ids)
        .execute();
    },
  },
  { what: 'its reports spent', code: 'request/rate-limited', before: spent('report') },
  { what: 'all its requests spent', code: 'request/rate-limited', before: spent('agent') },
  {
    what: 'too many waiting',
    code: 'server/busy',
    before: failing(new FairleadError('server/busy', { seconds: 5 })),
  },
  { what: 'something broken', code: 'server/failed', before: failing(new Error('broken')) },
];

it('is where an agent’s own client reports all day: its signature, its reports and its heartbeats', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const key = String(publicKey.export({ format: 'jwk' }).x);
  const { code } = await createEnrolment(server.context.db, { name: 'client', actor: 'test' }, server.now);
  const agent = { code, publicKey: key, hostname: 'h', agentVersion: '0.1.0' };
  const { instance } = await redeemEnrolment(server.context.db, agent, server.now);
  const http = createHttpClient();
  const { port } = server.app.server.address() as AddressInfo;
  const channel = createServerChannel({
    ...{ server: `http://127.0.0.1:${port}`, instance, http },
    ...{
      identity: async () => privateKey.export({ format: 'jwk' }) as Identity,
      clock: createFakeClock(server.now),
    },
  });
  reached.mockClear();

  await channel.send(reportOf(1));
  const { held } = await channel.send(reportOf(2));
  const beat = await channel.beat({ sequence: 3, report: held ?? '' });

  expect([beat.sequence, reached.mock.calls.length]).toEqual([3, 0]);
  await http.close();
});

describe('refused alike, and counted once', () => {
  it.each(REFUSED)('is $what', async ({ code, say, before }) => {
    await before?.();

    const { answer } = await both(say ?? (() => report(11)));

    expect(answer).toContain(`"code":"${code}"`);
  });

  it('is nothing that comes after, on the same connection', async () => {
    const [way] = ways as readonly [Way];
    const socket = connect((server.app.server.address() as AddressInfo).port, '127.0.0.1');
    const request = ({ body }: Sent) => {
      const fields = { host: 'x', 'content-type': 'application/json', ...way.prove('POST', 'reports', body) };
      const head = Object.entries(fields)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('');
      return `POST /api/v1/reports HTTP/1.1\r\n${head}content-length: ${body.length}\r\n\r\n${body}`;
    };

    expect(await read(socket, request({ body: '{}' }))).toContain('document/invalid');
    expect(await read(socket, request(report(11)))).toContain('{"sequence":11}');
    socket.destroy();
  });
});

describe('whatever is said, in whatever order', () => {
  const number = fc.integer({ min: 1, max: 6 });
  const word: fc.Arbitrary<Sent> = fc.oneof(
    number.map((n) => report(n)),
    fc.tuple(number, number).map(([n, of]) => beat(n, heldOf(report(of)))),
    number.map((n) => report(n, { track: 'candidate' })),
    fc.string({ minLength: 1, maxLength: 20 }).map((body) => ({ body })),
    fc.json({ maxDepth: 1 }).map((body) => ({ path: 'heartbeats' as const, body })),
    fc
      .tuple(number, fc.constantFrom('a b', 'é', '\u0000', '"', '\\ud800'))
      .map(([n, track]) => report(n, { track })),
  );

  it('is answered alike', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 8 }), async (words) => {
        await begin();
        for (const one of words) await both(() => one);
      }),
      { numRuns: 12 },
    );
  });
});
