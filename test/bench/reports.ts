// Reports of a large fleet, durable when they are answered: on one core beside nginx's 304 on the same one, and on PostgreSQL.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { createPasses, type Pass } from '../../agent/adapters/server/pass.ts';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { PASS_HEADER } from '../../shared/protocol/pass.ts';
import { HELD_HEADER } from '../../shared/protocol/report.ts';
import { reportOf } from '../support/reports.ts';
import { idOf } from './agent-token.ts';
import { type Figures, median } from './figures.ts';
import { load, type Rate, ROOT, SECONDS, SERVER, startNginxOn, TIMESTAMP } from './polls.ts';
import { processorSeconds } from './processes.ts';
import { type Running, startServer } from './running-server.ts';

/** So many that none of them meets its quota. */
const SENDERS = 3_000;
const ROUNDS = 3;
/** More than are answered in one round: none is sent twice. */
const REQUESTS = 60_000;

export async function measureReports(work: string): Promise<Figures> {
  const directory = join(work, 'reports');
  mkdirSync(directory, { recursive: true });
  const server = await startServer(join(directory, 'server'), ROOT, SERVER, false);
  const nginx = await startNginxOn(directory, join(directory, 'server/data/repository'));
  try {
    const rows = [
      await measure('a full report of 1 kB, SQLite', server, nginx, directory, (sequence) => [
        'reports',
        { ...REPORT, sequence },
      ]),
      await measure('a heartbeat, SQLite', server, nginx, directory, (sequence, report) => [
        'heartbeats',
        { schema: 'fairlead/heartbeat@1', sequence, report },
      ]),
    ];
    return {
      title: 'Reports',
      note:
        `64 kept connections, 4 s each way in turns, the median of ${ROUNDS}; whoever serves has one core, wrk the other. Each is of another instance than the ` +
        'one before, proved with a pass, and durable when it is answered.',
      head: ['what', 'nginx’s 304', 'fairlead-server', 'ratio', 'processor, nginx', 'ours', 'p99'],
      rows,
    };
  } finally {
    await server.stop();
    await nginx.stop();
  }
}

interface Load extends Rate {
  /** Of processors, for one request. */
  readonly microseconds: number;
}

interface Subject {
  readonly url: string;
  readonly pid: number;
}

async function loaded({ pid }: Subject, run: () => Promise<Rate>): Promise<Load> {
  const before = processorSeconds(pid);
  const rate = await run();
  const spent = processorSeconds(pid) - before;
  return { ...rate, microseconds: (spent * 1e6) / (rate.perSecond * SECONDS) };
}

/** What is sent, and where to; `held` is the digest of the report that the server holds of its sender. */
type Say = (sequence: number, held: string) => readonly [path: string, body: object];

let sequence = 0;

async function measure(
  what: string,
  server: Running,
  nginx: Subject,
  directory: string,
  say: Say,
): Promise<string[]> {
  sequence++;
  const senders = await Promise.all(Array.from({ length: SENDERS }, (_, i) => senderOf(server, i)));
  const tag = (await fetch(`${nginx.url}${TIMESTAMP}`)).headers.get('etag') ?? '';
  const [theirs, ours]: [Load[], Load[]] = [[], []];
  const file = join(directory, 'requests');
  for (let round = 0; round < ROUNDS; round++) {
    theirs.push(await loaded(nginx, () => load(`${nginx.url}${TIMESTAMP}`, tag)));
    writeFileSync(file, requestsOf(senders, say), { mode: 0o600 });
    const script = ['-s', join(import.meta.dirname, 'reports.lua')];
    const environment = { FAIRLEAD_BENCH_REQUESTS: file };
    ours.push(await loaded(server, () => load(server.url, undefined, script, environment)));
  }
  const middle = (loads: readonly Load[], of: (one: Load) => number) => median(loads.map(of));
  const rate = (one: Load) => one.perSecond;
  return [
    what,
    ...[theirs, ours].map((loads) => `${Math.round(middle(loads, rate)).toLocaleString('en')}/s`),
    (middle(ours, rate) / middle(theirs, rate)).toFixed(3),
    ...[theirs, ours].map((loads) => `${middle(loads, (one) => one.microseconds).toFixed(0)} µs`),
    `${middle(ours, (one) => one.p99Ms).toFixed(1)} ms`,
  ];
}

function requestsOf(senders: readonly Sender[], say: Say): string {
  const requests: string[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    if (i % senders.length === 0) sequence++;
    const { pass, held } = senders[i % senders.length] as Sender;
    const [path, value] = say(sequence, held);
    const body = JSON.stringify(value);
    const headers = { ...pass.headers('POST', `http://x/api/v1/${path}`, utf8(body)), ...ALWAYS };
    const lines = Object.entries({ ...headers, 'content-length': body.length }).map(([k, v]) => `${k}: ${v}`);
    requests.push(`POST /api/v1/${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  }
  return requests.join('\0');
}

const ALWAYS = { host: 'x', 'content-type': 'application/json' };
const COMPONENT = reportOf(1).components;
const REPORT = reportOf(1, { components: Array.from({ length: 5 }, () => COMPONENT).flat() });

interface Sender {
  readonly pass: Pass;
  readonly held: string;
}

/** With a signature, which brings the pass; and a report, which a heartbeat may name. */
async function senderOf(server: Running, instance: number): Promise<Sender> {
  const passes = createPasses({ now: Date.now, monotonic: () => 0 });
  const wanted = passes.request();
  const token = await new SignJWT({ pass: wanted?.point ?? '' })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuer(idOf(instance))
    .setAudience('fairlead-server')
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(server.privateKey);
  const answer = await fetch(`${server.url}/api/v1/reports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...REPORT, sequence }),
  });
  passes.take(wanted, answer.headers.get(PASS_HEADER));
  const pass = passes.held();
  if (pass === null) throw new Error(`no pass: ${answer.status}`);
  return { pass, held: answer.headers.get(HELD_HEADER) ?? '' };
}
