// Attacks by the server, or by whoever stands before it: it can delay, and when it stops the update comes.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Attack } from './attack.ts';
import type { Fort } from './fort.ts';
import { type Answer, type Behaviour, type HostileProxy, reply, startHostileProxy } from './hostile-proxy.ts';

export interface ServerAttacks {
  readonly attacks: readonly Attack[];
  close(): void;
}

export async function createServerAttacks(): Promise<ServerAttacks> {
  const proxy = await startHostileProxy();
  const attacks = Object.entries(BEHAVIOURS).map(([name, behaviour]) => attackBy(proxy, name, behaviour));
  return { attacks, close: () => proxy.close() };
}

function attackBy(proxy: HostileProxy, name: string, behaviour: Behaviour): Attack {
  return {
    name: `server: ${name}`,
    async prepare(fort) {
      proxy.behave(behaviour, fort.serverPort);
      await enrolAt(fort, proxy.port);
    },
    watchMs: 10_000,
    lift: async (fort) => proxy.behave(null, fort.serverPort),
  };
}

/** The enrolment names the server; what is trusted does not. */
async function enrolAt({ stateDir, serverPort }: Fort, port: number): Promise<void> {
  const path = join(stateDir, 'enrolment.json');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replaceAll(`:${serverPort}`, `:${port}`));
}

const BLOCK = Buffer.alloc(65_536, 'x');

async function sendForEver(write: () => boolean, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    write();
    await delay(1);
  }
}

const changing =
  (change: (answer: Answer, url: string) => Answer): Behaviour =>
  async ({ url, response, real }) => {
    reply(response, change(await real(), url));
    response.end();
  };

const unavailable =
  (after: string): Behaviour =>
  ({ response }) => {
    response.writeHead(503, { 'retry-after': after });
    response.end();
  };

/** Every pack is cut after this share of it. */
const cutPacks =
  (share: number): Behaviour =>
  async ({ url, response, real }) => {
    const answer = await real();
    if (!url.includes('/packs/')) {
      reply(response, answer);
      return response.end();
    }
    const { body } = answer;
    reply(response, { ...answer, body: body.subarray(0, body.length * share) }, body.length);
    await delay(50);
    return response.socket?.resetAndDestroy();
  };

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  async 'a byte a second'({ response, real }) {
    const answer = await real();
    reply(response, { ...answer, body: Buffer.alloc(0) }, answer.body.length);
    for (const byte of answer.body) {
      if (response.destroyed) return;
      response.write(Buffer.of(byte));
      await delay(1000);
    }
  },
  'no answer': () => undefined,
  'a body without end'({ response }) {
    response.writeHead(200);
    return sendForEver(
      () => response.write(BLOCK),
      () => response.destroyed,
    );
  },
  'headers without end'({ response }) {
    const { socket } = response;
    socket?.write('HTTP/1.1 200 OK\r\n');
    return sendForEver(
      () => socket?.write(`x-more: ${'y'.repeat(1000)}\r\n`) ?? false,
      () => socket?.destroyed !== false,
    );
  },
  'a redirect'({ response }) {
    response.writeHead(302, { location: '/elsewhere' });
    response.end();
  },
  'the page of a captive portal': changing(() => ({
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: Buffer.from('<html>Please sign in</html>'),
  })),
  'packs reset before the first byte': cutPacks(0),
  'packs reset after a third': cutPacks(0.3),
  'packs reset before the last byte': cutPacks(0.99),
  async 'a length too long'({ response, real }) {
    const answer = await real();
    reply(response, answer, answer.body.length + 10);
    await delay(500);
    response.destroy();
  },
  'a length too short': changing((answer) => ({ ...answer, body: answer.body.subarray(0, -10) })),
  'partial content, from the start, to every question': changing((answer) => ({
    ...answer,
    status: answer.status === 200 ? 206 : answer.status,
    headers: {
      ...answer.headers,
      'content-range': `bytes 0-${answer.body.length - 1}/${answer.body.length}`,
    },
  })),
  'no range of any pack': changing((answer, url) =>
    url.includes('/packs/') ? { ...answer, status: 416, headers: { 'content-range': 'bytes */7' } } : answer,
  ),
  'an encoding nobody asked for': changing((answer) => ({
    ...answer,
    headers: { ...answer.headers, 'content-encoding': 'gzip' },
  })),
  'come back in a year': unavailable('31536000'),
  'come back at NaN': unavailable('NaN'),
  'come back in the past': unavailable('Wed, 21 Oct 2015 07:28:00 GMT'),
  'come back in 3000 million years': unavailable('99999999999999999'),
  async 'something else each time'({ response, count, real }) {
    const answer = await real();
    if (count % 3 === 0) return response.destroy();
    const flipped = Buffer.from(answer.body.map((byte, index) => (index === 40 ? byte ^ 1 : byte)));
    reply(response, count % 3 === 1 ? { ...answer, body: flipped } : answer);
    return response.end();
  },
};
