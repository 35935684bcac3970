// Thousands of connections that wait for one message, in a process of their own: of the hub, of nats, of mosquitto, all read the same way.
import { createPrivateKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { SUBSCRIBE_PATH } from '../../shared/protocol/hint.ts';
import { agentToken } from './agent-token.ts';

/** How a connection is made ready, and what begins a message. */
interface Dialect {
  hello(i: number): Promise<Buffer>;
  isReady(text: string): boolean;
  isMessage(chunk: Buffer): boolean;
  /** What is to be said to what is no message. */
  answer?(chunk: Buffer): Buffer | null;
}

const [kind = '', portText = '', countText = '', keyFile = ''] = process.argv.slice(2);
const count = Number(countText);
const AT_ONCE = 200;

const DIALECTS: Readonly<Record<string, Dialect>> = {
  hub: {
    async hello(i) {
      const lines = [
        `GET ${SUBSCRIBE_PATH} HTTP/1.1`,
        ...['host: bench', 'connection: upgrade', 'upgrade: websocket', 'sec-websocket-version: 13'],
        `sec-websocket-key: ${randomBytes(16).toString('base64')}`,
        `authorization: Bearer ${await agentToken(createPrivateKey(readFileSync(keyFile)), i)}`,
      ];
      return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
    },
    isReady: (text) => text.startsWith('HTTP/1.1 101'),
    isMessage: (chunk) => chunk.includes(0x81),
    answer: (chunk) => (chunk[0] === 0x89 ? Buffer.from([0x8a, 0x80, 0, 0, 0, 0]) : null),
  },
  nats: {
    hello: async () => Buffer.from('CONNECT {"verbose":false}\r\nSUB hint 1\r\nPING\r\n'),
    isReady: (text) => text.includes('PONG'),
    isMessage: (chunk) => chunk.includes('MSG '),
    answer: (chunk) => (chunk.includes('PING') ? Buffer.from('PONG\r\n') : null),
  },
  mosquitto: {
    hello: async (i) => Buffer.concat([mqttConnect(`agent-${i}`), mqttSubscribe('hint')]),
    isReady: (text) => text.includes('\u0090'),
    isMessage: (chunk) => chunk.includes(0x30),
  },
};

/** MQTT 3.1.1 §3.1: a clean session of this client, kept alive for a quarter of an hour. */
function mqttConnect(id: string): Buffer {
  const body = Buffer.from(
    `\0\u0004MQTT\u0004\u0002\u0003\u0084\0${String.fromCharCode(id.length)}${id}`,
    'latin1',
  );
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}

/** §3.8: at most once. */
function mqttSubscribe(topic: string): Buffer {
  const body = Buffer.from(`\0\u0001\0${String.fromCharCode(topic.length)}${topic}\0`, 'latin1');
  return Buffer.concat([Buffer.from([0x82, body.length]), body]);
}

const dialect = DIALECTS[kind];
if (dialect === undefined) throw new Error(`no such kind: ${kind}`);
let received = 0;
let first = 0;
const sockets: Socket[] = [];
for (let i = 0; i < count; i += AT_ONCE) {
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - i) }, (_, j) => open(dialect, i + j)));
}
console.log(JSON.stringify({ ready: sockets.length }));

async function open(spoken: Dialect, i: number): Promise<void> {
  const hello = await spoken.hello(i);
  await new Promise<void>((resolve, reject) => {
    let isReady = false;
    let text = '';
    const socket = connect(Number(portText), '127.0.0.1', () => socket.write(hello));
    sockets.push(socket);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`a connection ended: ${text.slice(0, 200)}`)));
    socket.on('data', (chunk) => {
      if (!isReady) {
        text += chunk.toString('latin1');
        isReady = spoken.isReady(text);
        if (isReady) resolve();
        return;
      }
      if (spoken.isMessage(chunk)) note();
      else {
        const answer = spoken.answer?.(chunk) ?? null;
        if (answer !== null) socket.write(answer);
      }
    });
  });
}

function note(): void {
  const now = performance.timeOrigin + performance.now();
  if (received === 0) first = now;
  received += 1;
  if (received < count) return;
  received = 0;
  console.log(JSON.stringify({ first, last: now }));
}
