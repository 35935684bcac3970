// Backups of a large embedded fleet while agents report: what reports wait, what a backup takes, and what a drill finds.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { recordOf } from '../support/reports.ts';
import { idOf } from './agent-token.ts';
import { type Figures, formatMb } from './figures.ts';
import { ROOT } from './polls.ts';
import { requestsOf, sayAll, sendersOf } from './report-senders.ts';
import { INSTANCES, type Running, startServer } from './running-server.ts';

const DATABASE_BYTES = 1e9;
const PER_SECOND = 500;
const LINES = 32;
const QUIET_SECONDS = 20;

export async function measureBackup(work: string): Promise<Figures> {
  const directory = join(work, 'backup');
  mkdirSync(join(directory, 'place'), { recursive: true });
  const key = join(directory, 'key');
  writeFileSync(key, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  const server = await startServer(directory, ROOT, [], false);
  try {
    const database = join(directory, 'data/fairlead.db');
    grow(database);
    await server.restart();
    const words = [
      '--dir',
      join(directory, 'data'),
      '--backup',
      join(directory, 'place'),
      '--backup-key-file',
      key,
    ];
    const type = async (command: string) => {
      const program = join(ROOT, 'scripts/bin/fairlead-server');
      const env = { ...process.env, FAIRLEAD_PASSPHRASE: 'a passphrase of the bench' };
      return (await promisify(execFile)(program, [command, ...words], { env })).stdout;
    };
    const quiet = await reportDuring(server, () => setTimeout(QUIET_SECONDS * 1_000));
    let [said, took] = ['', 0];
    const busy = await reportDuring(server, async () => {
      const began = performance.now();
      said = await type('backup');
      took = (performance.now() - began) / 1_000;
    });
    const drilled = await type('drill');
    const [, size = '', seconds = ''] = /: ([\d.]+ \w+), in ([\d.]+) s/.exec(said) ?? [];
    const [rpo = '', rto = ''] = ['RPO', 'RTO'].map(
      (one) => new RegExp(`${one} +([\\d.]+ s)`).exec(drilled)?.[1],
    );
    return {
      title: 'Backups',
      note:
        `An embedded database of ${formatMb(statSync(database).size)}, ${PER_SECOND} reports a second of 1 kB, each durable when it is answered; the place is a directory on the same disk. ` +
        'The drill restores that backup beside the running server and proves it; its RPO is the age that the last backup had by then.',
      head: ['what', 'p50', 'p99', 'longest', 'reports'],
      rows: [
        ['reports, no backup', ...cells(quiet)],
        [
          `reports, while one is made (${seconds} s, ${took.toFixed(1)} s with the program’s start)`,
          ...cells(busy),
        ],
        [`the backup: ${size}, sealed`, '', '', '', ''],
        [`drill: RPO ${rpo}, RTO ${rto}`, '', '', '', ''],
      ],
    };
  } finally {
    await server.stop();
  }
}

/** With deployments of long ago, until it is as large as it should be. */
function grow(file: string): void {
  const database = new DatabaseSync(file, { timeout: 60_000 });
  const add = database.prepare(
    `insert into deployments (instance, record, state, reason, started_at, updated_at, body) values (?, ?, 'committed', 'channel', ?, ?, ?)`,
  );
  const at = '2026-01-20T12:00:00Z';
  for (let record = 2; statSync(file).size < DATABASE_BYTES; record++) {
    database.exec('begin');
    for (let i = 0; i < INSTANCES; i++) {
      // As different as digests and reasons of real ones.
      const body = { ...recordOf(record, 'committed'), note: randomBytes(300).toString('hex') };
      add.run(idOf(i), record, at, at, JSON.stringify(body));
    }
    database.exec('commit; pragma wal_checkpoint(truncate)');
  }
  database.close();
}

/** In milliseconds, at a rate that does not wait for answers. */
async function reportDuring(server: Running, work: () => Promise<unknown>): Promise<readonly number[]> {
  const requests = requestsOf(await sendersOf(server), sayAll).split('\0');
  const lines = await Promise.all(Array.from({ length: LINES }, () => openLine(server.url)));
  const times: number[] = [];
  const waiting: Promise<void>[] = [];
  let isOver = false;
  const over = work().finally(() => {
    isOver = true;
  });
  const began = performance.now();
  for (let sent = 0; !isOver && sent < requests.length; sent++) {
    const due = began + (sent * 1_000) / PER_SECOND;
    const early = due - performance.now();
    if (early > 0) await setTimeout(early);
    const line = lines[sent % LINES] as Line;
    waiting.push(line.ask(requests[sent] ?? '').then(() => void times.push(performance.now() - due)));
  }
  await over;
  await Promise.all(waiting);
  for (const line of lines) line.socket.destroy();
  return times.toSorted((a, b) => a - b);
}

interface Line {
  readonly socket: Socket;
  ask(request: string): Promise<void>;
}

/** One connection; answers come in the order of the requests. */
async function openLine(url: string): Promise<Line> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.setNoDelay(true);
  await once(socket, 'connect');
  const waiting: (() => void)[] = [];
  socket.on('data', (bytes) => {
    for (const _ of bytes.toString('latin1').matchAll(/HTTP\/1\.1 200/g)) waiting.shift()?.();
  });
  return {
    socket,
    ask: (request) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        socket.write(request);
      }),
  };
}

function cells(times: readonly number[]): readonly string[] {
  const at = (share: number) => `${(times[Math.floor((times.length - 1) * share)] ?? 0).toFixed(1)} ms`;
  return [at(0.5), at(0.99), at(1), times.length.toLocaleString('en')];
}
