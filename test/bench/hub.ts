// A hint to ten thousand agents that listen, beside nats and mosquitto: when the last one has it, and what a connection costs.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { advisoryOf, publicationOf, signRole } from '../support/publications.ts';
import { type Figures, formatMs, median } from './figures.ts';
import { residentBytes } from './processes.ts';
import { ask, INSTANCES, type Running, startServer } from './running-server.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Who sends has one core, who receives the other. */
const SENDER = ['taskset', '-c', '0'] as const;
const RECEIVERS = ['taskset', '-c', '1'] as const;
const ROUNDS = 5;
/** Bytes of a hint, about. */
const MESSAGE = '{"timestamp":1795877050,"spreadMs":50000}';

interface Broker {
  readonly port: number;
  readonly pid: number;
  readonly keyFile?: string;
  publish(): Promise<void>;
  stop(): Promise<void>;
}

interface Found {
  readonly lastMs: number;
  readonly fromRequestMs: number;
  readonly bytesEach: number;
}

export async function measureHub(work: string): Promise<Figures> {
  const directory = join(work, 'hub');
  mkdirSync(directory, { recursive: true });
  const brokers: readonly (readonly [string, string, () => Promise<Broker>])[] = [
    ['fairlead-server', 'hub', () => startHub(directory)],
    ['nats-server', 'nats', startNats],
    ['mosquitto', 'mosquitto', () => startMosquitto(directory)],
  ];
  const rows: string[][] = [];
  for (const [name, kind, start] of brokers) {
    if (kind !== 'hub' && !isInstalled(name)) continue;
    const { lastMs, fromRequestMs, bytesEach } = await measure(kind, start);
    rows.push([name, formatMs(lastMs), formatMs(fromRequestMs), `${(bytesEach / 1024).toFixed(1)} kB`]);
  }
  return {
    title: 'A hint to ten thousand agents',
    note:
      `${INSTANCES.toLocaleString('en')} connections over loopback, who sends on one core and who receives on the other; the median of ${ROUNDS} messages ` +
      `of ${MESSAGE.length} bytes. The release server's is the hint of a publication: from the first agent that has it to the last, and from the vendor's request, ` +
      'which is verified, written and signed before. Memory is what the process grew by, for each connection.',
    head: ['server', 'first to last', 'request to last', 'a connection'],
    rows,
  };
}

async function measure(kind: string, start: () => Promise<Broker>): Promise<Found> {
  const broker = await start();
  const before = residentBytes(broker.pid);
  const entry = join(import.meta.dirname, 'hub-receivers.ts');
  const words = [process.execPath, entry, kind, String(broker.port), String(INSTANCES), broker.keyFile ?? ''];
  const [command = '', ...argv] = [...RECEIVERS, ...words];
  const receivers = spawn(command, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const lines = createInterface({ input: receivers.stdout })[Symbol.asyncIterator]();
    await lines.next();
    await setTimeout(3_000);
    const bytesEach = (residentBytes(broker.pid) - before) / INSTANCES;
    const spreads: number[] = [];
    const totals: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const began = performance.timeOrigin + performance.now();
      await broker.publish();
      const { first, last } = JSON.parse((await lines.next()).value ?? '{}');
      spreads.push(last - first);
      totals.push(last - began);
      await setTimeout(500);
    }
    return { lastMs: median(spreads), fromRequestMs: median(totals), bytesEach };
  } finally {
    receivers.kill('SIGKILL');
    await once(receivers, 'exit');
    await broker.stop();
  }
}

async function startHub(directory: string): Promise<Broker> {
  const server = await startServer(join(directory, 'server'), ROOT, SENDER);
  const keyFile = join(directory, 'agents.pem');
  writeFileSync(keyFile, server.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  let version = 1;
  return {
    ...{ port: Number(new URL(server.url).port), pid: server.pid, keyFile, stop: server.stop },
    publish: async () => publishAdvisory(server, ++version),
  };
}

async function publishAdvisory(server: Running, version: number): Promise<void> {
  const documents = [advisoryOf('FL-2026-1000', { title: `told ${version} times` })];
  const body = publicationOf([['security', signRole('security', version, documents)]], documents);
  await ask(server, 'POST', '/api/v1/publications', Buffer.from(JSON.stringify(body)));
}

async function startNats(): Promise<Broker> {
  const port = await freePort();
  const child = start('nats-server', ['-a', '127.0.0.1', '-p', String(port)]);
  const send = await sender(port, 'CONNECT {"verbose":false}\r\n');
  return {
    ...brokerOf(child, port),
    publish: async () => send(`PUB hint ${MESSAGE.length}\r\n${MESSAGE}\r\n`),
  };
}

async function startMosquitto(directory: string): Promise<Broker> {
  const port = await freePort();
  const file = join(directory, 'mosquitto.conf');
  writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_connections -1\nuser root\n`);
  const child = start('mosquitto', ['-c', file]);
  const send = await sender(port, '\x10\x10\0\x04MQTT\x04\x02\x03\x84\0\x04send');
  return {
    ...brokerOf(child, port),
    publish: async () => send(`\x30${String.fromCharCode(MESSAGE.length + 6)}\0\x04hint${MESSAGE}`),
  };
}

function start(program: string, options: readonly string[]): ChildProcess {
  const [command, ...argv] = [...SENDER, program, ...options];
  return spawn(command, argv, { stdio: 'ignore' });
}

function brokerOf(child: ChildProcess, port: number): Omit<Broker, 'publish'> {
  return {
    ...{ port, pid: child.pid ?? 0 },
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** A connection for what is published, once the broker answers on its port. */
async function sender(port: number, hello: string): Promise<(text: string) => void> {
  for (let attempt = 0; ; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    });
    if (isOpen) {
      socket.write(hello, 'latin1');
      socket.resume();
      return (text) => void socket.write(text, 'latin1');
    }
    if (attempt > 100) throw new Error(`nobody listens on ${port}`);
    await setTimeout(100);
  }
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
