// Two servers behind nginx under load, while one after the other of their parts dies: nothing that was acknowledged is lost.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePostgresAddress } from '../../server/core/database-address.ts';
import { verifyAudit } from '../../server/db/audit-chain.ts';
import { openDatabase } from '../../server/db/database.ts';
import { RECHECK_MS } from '../../server/repository/public-files.ts';
import { freePort } from '../support/free-port.ts';
import { findNginx, type Nginx, startNginx } from '../support/nginx.ts';
import { findPostgres, type Postgres, startPostgres } from '../support/postgres.ts';
import { advisoryOf, firstPublication, publicationOf, signRole } from '../support/publications.ts';
import { enrolAgent, type ReportingAgent } from '../support/reporting-agent.ts';
import { callServer, endServer, runServer, type ServerProcess } from '../support/server-process.ts';
import { openLine, type TcpLine } from '../support/tcp-line.ts';

const LIMIT_MS = 300_000;
const AGENTS = 20;
/** Between two blows, on an idle machine: enough for hundreds of reports. */
const LOAD_MS = 2_000;
const BLOW_MS = 3_000;
/** An agent that was refused asks again; longer than this it never is. */
const REFUSED_MS = 30_000;
const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

const programs = findPostgres();
const nginxProgram = findNginx();

/** A server, its line to the database, and how it is started. */
interface Half {
  readonly line: TcpLine;
  readonly port: number;
  process: ServerProcess;
  start(environment?: NodeJS.ProcessEnv): Promise<void>;
}

let home: string;
let dir: string;
let postgres: Postgres;
let database: string;
let nginx: Nginx;
let halves: readonly Half[];
let authorization: string;

beforeAll(async () => {
  if (programs === null || nginxProgram === null) return;
  home = await mkdtemp(join(tmpdir(), 'fairlead-halves-'));
  dir = join(home, 'server');
  postgres = await startPostgres(programs);
  database = (await postgres.createEmpty()).place.split('/').at(-1) ?? '';
  const lines = [await openLine(postgres.socket), await openLine(postgres.socket)];
  const files = await Promise.all(lines.map((line, i) => addressFile(line, i)));
  const initialized = await callServer(['init', '--dir', dir, '--database-file', files[0] ?? '']);
  expect(initialized.stderr).toBe('');
  const token = (await readFile(join(dir, 'publisher.token'), 'utf8')).trim();
  authorization = `Bearer ${token}`;
  halves = await Promise.all(lines.map((line, i) => createHalf(line, files[i] ?? '')));
  const ports = halves.map(({ port }) => port);
  nginx = await startNginx(nginxProgram, join(home, 'nginx'), ports);
}, LIMIT_MS);
afterAll(async () => {
  await nginx?.stop();
  for (const { process, line } of halves ?? []) {
    await endServer(process.child, 'SIGKILL');
    await line.close();
  }
  await postgres?.stop();
  if (home !== undefined) await rm(home, { recursive: true });
}, LIMIT_MS);

async function addressFile(line: TcpLine, i: number): Promise<string> {
  const file = join(home, `address-${i}`);
  await writeFile(file, `postgres://fairlead@127.0.0.1:${line.port}/${database}\n`, { mode: 0o600 });
  return file;
}

async function createHalf(line: TcpLine, file: string): Promise<Half> {
  const port = await freePort();
  const argv = ['--dir', dir, '--database-file', file, '--port', String(port), '--trust-proxy', '127.0.0.1'];
  const half = {
    ...{ line, port },
    process: await runServer(argv),
    start: async (environment = {}) => {
      half.process = await runServer(argv, environment);
    },
  };
  return half;
}

const half = (i: number) => halves[i] as Half;

/** Asks again until it is taken, as the vendor's program and its user would. */
async function publish(body: object): Promise<void> {
  const headers = { authorization, 'content-type': 'application/json' };
  for (const deadline = Date.now() + REFUSED_MS; ; ) {
    const answer = await fetch(`${nginx.url}/api/v1/publications`, {
      ...{ method: 'POST', headers, body: JSON.stringify(body) },
    }).catch(() => null);
    if (answer?.status === 200) return;
    const refusal = answer === null ? 'no answer' : await answer.text();
    if ((answer !== null && answer.status < 500) || Date.now() > deadline) throw new Error(refusal);
    await setTimeout(200);
  }
}

let version = 1;

function nextAdvisories(): object {
  version++;
  const documents = Array.from({ length: 50 + version }, (_, i) => advisoryOf(`FL-2026-${1000 + i}`));
  return publicationOf([['security', signRole('security', version, documents)]], documents);
}

/** What one agent was told was taken, and how long it was refused at most. */
interface Told {
  readonly instance: string;
  readonly taken: number[];
  longestMs: number;
  readonly strange: string[];
}

async function keepReporting(agent: ReportingAgent, stopped: AbortSignal): Promise<Told> {
  const told: Told = { instance: agent.instance, taken: [], longestMs: 0, strange: [] };
  let refusedSince: number | null = null;
  for (let sequence = 1; !stopped.aborted; ) {
    const answer = await agent.report(sequence, AbortSignal.timeout(15_000)).catch(() => null);
    if (answer?.status === 200) {
      told.taken.push(sequence);
      sequence = Math.max(sequence, answer.sequence) + 1;
      refusedSince = null;
      await setTimeout(20);
      continue;
    }
    refusedSince ??= Date.now();
    told.longestMs = Math.max(told.longestMs, Date.now() - refusedSince);
    if (answer !== null && answer.status < 500) told.strange.push(`${sequence}: ${answer.status}`);
    await setTimeout(100);
  }
  return told;
}

/**
 * As a client walks it: a timestamp goes back no longer than a server may answer from memory, and the snapshot that it
 * names is there with these bytes.
 */
async function keepWalking(stopped: AbortSignal): Promise<readonly string[]> {
  const wrong: string[] = [];
  let newest = { version: 0, seen: 0 };
  for (; !stopped.aborted; await setTimeout(50)) {
    const asked = performance.now();
    const timestamp = await fetch(`${nginx.url}/repository/metadata/timestamp.json`).catch(() => null);
    if (timestamp?.status !== 200) continue;
    const { version, meta } = ((await timestamp.json()) as { readonly signed: Timestamp }).signed;
    if (version > newest.version) newest = { version, seen: performance.now() };
    const late = asked - newest.seen;
    if (version < newest.version && late > RECHECK_MS)
      wrong.push(`timestamp ${version}, ${late} ms after ${newest.version}`);
    const named = meta['snapshot.json'];
    const snapshot = await fetch(`${nginx.url}/repository/metadata/${named.version}.snapshot.json`).catch(
      () => null,
    );
    if (snapshot === null || snapshot.status >= 500) continue;
    const digest = createHash('sha256')
      .update(Buffer.from(await snapshot.arrayBuffer()))
      .digest('hex');
    if (digest !== named.hashes.sha256) wrong.push(`snapshot ${named.version} of timestamp ${version}`);
  }
  return wrong;
}

interface Timestamp {
  readonly version: number;
  readonly meta: {
    readonly 'snapshot.json': { readonly version: number; readonly hashes: { readonly sha256: string } };
  };
}

const BLOWS: readonly (readonly [what: string, blow: () => Promise<void>])[] = [
  [
    'one is killed, and started again',
    async () => {
      await endServer(half(0).process.child, 'SIGKILL');
      await setTimeout(BLOW_MS);
      await half(0).start();
    },
  ],
  [
    'the other is cut off from the database',
    async () => {
      await half(1).line.cut();
      await setTimeout(BLOW_MS);
      await half(1).line.mend();
    },
  ],
  [
    'one hears nothing from the database any more',
    async () => {
      half(0).line.silence();
      await setTimeout(BLOW_MS);
      await half(0).line.mend();
    },
  ],
  ['the database is restarted', () => postgres.restart()],
  [
    'the clock of the other is ten minutes ahead',
    async () => {
      await endServer(half(1).process.child, 'SIGTERM');
      const clock = { LD_PRELOAD: FAKETIME, FAKETIME: '+600s', DONT_FAKE_MONOTONIC: '1' };
      await half(1).start(existsSync(FAKETIME) ? clock : {});
    },
  ],
  [
    'both are killed while they publish',
    async () => {
      const published = publish(nextAdvisories());
      await setTimeout(20);
      await Promise.all(halves.map(({ process }) => endServer(process.child, 'SIGKILL')));
      await Promise.all(halves.map((one) => one.start()));
      await published;
    },
  ],
];

describe.skipIf(programs === null || nginxProgram === null)('two servers on one database', () => {
  it(
    'lose no acknowledged report, tear no publication and refuse nobody for long, whatever dies',
    async () => {
      const keys = await (await fetch(`${nginx.url}/api/v1/online-keys`)).json();
      await publish(firstPublication(keys as Parameters<typeof firstPublication>[0]));
      const headers = { authorization, 'content-type': 'application/json' };
      const agents: ReportingAgent[] = [];
      for (let i = 0; i < AGENTS; i++) agents.push(await enrolAgent(nginx.url, headers));
      const stopping = new AbortController();
      const walking = keepWalking(stopping.signal);
      const reporting = Promise.all(agents.map((agent) => keepReporting(agent, stopping.signal)));

      for (const [, blow] of BLOWS) {
        await setTimeout(LOAD_MS);
        await blow();
        await publish(nextAdvisories());
      }
      await setTimeout(LOAD_MS);
      stopping.abort();
      const told = await reporting;

      expect(await walking).toEqual([]);
      expect(told.flatMap(({ strange }) => strange)).toEqual([]);
      expect(Math.max(...told.map(({ longestMs }) => longestMs))).toBeLessThan(REFUSED_MS);
      expect(await lostOf(told)).toEqual([]);
      const counts = told.map(({ taken }) => taken.length);
      console.info(
        `${counts.reduce((sum, one) => sum + one, 0)} reports acknowledged, none lost; an agent was refused for at most ` +
          `${Math.max(...told.map(({ longestMs }) => longestMs))} ms`,
      );
    },
    LIMIT_MS,
  );
});

/** Reports that were acknowledged and are not there; and an audit log that holds each publication once. */
async function lostOf(told: readonly Told[]): Promise<readonly string[]> {
  const line = await openLine(postgres.socket);
  const db = await openDatabase(
    parsePostgresAddress(`postgres://fairlead@127.0.0.1:${line.port}/${database}`),
  );
  const lost: string[] = [];
  for (const { instance, taken } of told) {
    const rows = await db
      .selectFrom('deployments')
      .select('record')
      .where('instance', '=', instance)
      .execute();
    const there = new Set(rows.map(({ record }) => record));
    lost.push(...taken.filter((one) => !there.has(one)).map((one) => `${instance} ${one}`));
  }
  await verifyAudit(db, null);
  const accepted = await db
    .selectFrom('audit')
    .select('subject')
    .where('action', '=', 'publication.accepted')
    .execute();
  const subjects = accepted.map(({ subject }) => subject);
  lost.push(...subjects.filter((one, i) => subjects.indexOf(one) !== i).map((one) => `twice: ${one}`));
  await db.destroy();
  await line.close();
  return lost;
}
