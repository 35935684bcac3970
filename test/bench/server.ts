// What one sender costs everybody else: turns of the release server's loop while it takes the largest and the worst inputs.
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SignJWT } from 'jose';
import { digestOf, hexOf } from '../../shared/encoding/digest.ts';
import { onlineKeysReply } from '../../shared/protocol/publication.ts';
import { headerOf, join as joinSections, sectionsOf } from '../agent/adapters/tree-store/pack-builder.ts';
import { HOSTILE_INDEXES } from '../support/hostile-indexes.ts';
import { hostileTargets } from '../support/hostile-metadata.ts';
import { advisoryOf, firstPublication, publicationOf, signRole } from '../support/publications.ts';
import { recordOf, reportOf } from '../support/reports.ts';
import { type Figures, formatMb, formatMs } from './figures.ts';
import { residentBytes } from './processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const INSTANCES = 10_000;
const RUNS = 3;

interface Turns {
  readonly longest: number;
  /** Over 50 ms. */
  readonly turns: number;
}

interface Running {
  readonly url: string;
  readonly token: string;
  agentToken(): Promise<string>;
  /** Since the last time. */
  turns(): Promise<Turns>;
  residentBytes(field: 'VmRSS' | 'VmHWM'): number;
  stop(): Promise<void>;
}

type Input = readonly [name: string, send: (server: Running) => Promise<string>];

/** `root` is the checkout whose server is measured. */
export async function measureServer(work: string, root = ROOT): Promise<Figures> {
  const server = await startServer(join(work, 'server'), root);
  const rows: string[][] = [];
  try {
    await server.turns();
    rows.push(['before them all', '', '', '', formatMb(server.residentBytes('VmRSS'))]);
    for (const [name, send] of INPUTS) {
      const found: Turns[] = [];
      let outcome = '';
      for (let run = 0; run < RUNS; run++) {
        outcome = await send(server);
        found.push(await server.turns());
      }
      // Whatever else the machine does lengthens a turn, and nothing shortens it.
      const best = found.reduce((a, b) => (b.longest < a.longest ? b : a));
      const resident = formatMb(server.residentBytes('VmRSS'));
      rows.push([name, outcome, formatMs(best.longest), String(best.turns), resident]);
    }
    rows.push(['the most at any time', '', '', '', formatMb(server.residentBytes('VmHWM'))]);
  } finally {
    await server.stop();
  }
  return {
    title: 'One sender among many',
    note:
      `The release server with ${INSTANCES.toLocaleString('en')} instances, over loopback: the longest turn of its loop, in processor time of that ` +
      `thread, while it takes each input; the best of ${RUNS} runs. Before publications and large reports were read beside the loop and lists ` +
      'were cut, the publications took turns of 97 ms and 1.4 s, the reports 383 ms and 26 ms, the pages 49 ms and 77 ms; the list of advisories held the ' +
      'loop for 15.4 s and failed; 2.9 GB were resident in the end and 3.4 GB at most.',
    head: ['input', 'answer', 'longest turn', 'turns over 50 ms', 'resident after it'],
    rows,
  };
}

const INPUTS: readonly Input[] = [
  ['1,500 advisories published', (server) => publish(server, advisories())],
  [
    'a publication of 24 MiB of metadata that is not signed',
    (server) => publish(server, publicationOf([['releases', hostileTargets('honest targets', 24 << 20)]])),
  ],
  [
    'a pack whose index is 1 MiB of links through links',
    async (server) => {
      const index = HOSTILE_INDEXES[0]?.[1] ?? new Uint8Array();
      const digest = digestOf(index);
      const draft = { header: headerOf(digest, index, 0), indexBytes: index, units: [] };
      const pack = joinSections(sectionsOf({ ref: { digest, files: 0, bytes: 0 }, ...draft }));
      const path = `/api/v1/packs/${hexOf(digest)}/full.pack`;
      return ask(server, 'PUT', path, pack, 'application/octet-stream');
    },
  ],
  [
    'a report of 240 kB in which everything is wrong',
    (server) => report(server, { ...reportOf(1), components: Array(120_000).fill(1) }),
  ],
  ['a report of 1 MiB full of records', (server) => report(server, fullReport())],
  ['a page of 1,000 instances', (server) => ask(server, 'GET', '/api/v1/instances?limit=1000')],
  ['a page of 1,000 deployments', (server) => ask(server, 'GET', '/api/v1/deployments?limit=1000')],
  ['/security/patches', (server) => ask(server, 'GET', '/api/v1/security/patches')],
];

let version = 1;

function advisories() {
  version++;
  const documents = Array.from({ length: 1_500 }, (_, i) =>
    advisoryOf(`FL-2026-${1000 + i}`, { title: `the same again, ${version}` }),
  );
  return publicationOf([['security', signRole('security', version, documents)]], documents);
}

let sequence = 1;

function fullReport() {
  sequence++;
  const steps = Array.from({ length: 60 }, () => recordOf(1, 'committed').steps[0]);
  const records = Array.from({ length: 88 }, (_, i) => ({ ...recordOf(1, 'committed'), id: i + 1, steps }));
  return { ...reportOf(sequence), records };
}

function publish(server: Running, body: object): Promise<string> {
  return ask(server, 'POST', '/api/v1/publications', Buffer.from(JSON.stringify(body)));
}

async function report(server: Running, body: object): Promise<string> {
  const token = await server.agentToken();
  return ask({ ...server, token }, 'POST', '/api/v1/reports', Buffer.from(JSON.stringify(body)));
}

async function ask(
  { url, token }: Pick<Running, 'url' | 'token'>,
  method: string,
  path: string,
  body?: Uint8Array,
  type = 'application/json',
): Promise<string> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body === undefined ? {} : { 'content-type': type }),
  };
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  });
  const text = await response.text();
  const size = text.length > 100_000 ? `, ${formatMb(text.length)}` : '';
  return `${response.status}${size}`;
}

async function startServer(work: string, root: string): Promise<Running> {
  mkdirSync(work, { recursive: true });
  const dir = join(work, 'data');
  const program = join(root, 'server/main.ts');
  const environment = { ...process.env, FAIRLEAD_PASSPHRASE: 'a passphrase of the bench' };
  execFileSync(process.execPath, [program, 'init', '--dir', dir, '--public-url', 'http://127.0.0.1:1'], {
    env: environment,
    stdio: 'ignore',
  });
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  fill(join(dir, 'fairlead.db'), String(publicKey.export({ format: 'jwk' }).x));
  const turnsFile = join(work, 'turns.json');
  const monitor = join(import.meta.dirname, 'turns-monitor.js');
  const child = spawn(process.execPath, ['--import', monitor, program, 'run', '--dir', dir, '--port', '0'], {
    env: { ...environment, FAIRLEAD_BENCH_TURNS: turnsFile },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const url = await new Promise<string>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      const found = /listening on (http:\/\/\S+)/.exec(chunk.toString());
      if (found?.[1] !== undefined) resolve(found[1]);
    });
  });
  const token = readFileSync(join(dir, 'admin.token'), 'utf8').trim();
  const keys = onlineKeysReply.parse(await (await fetch(`${url}/api/v1/online-keys`)).json());
  await ask(
    { url, token },
    'POST',
    '/api/v1/publications',
    Buffer.from(JSON.stringify(firstPublication(keys))),
  );
  const pid = child.pid ?? 0;
  return {
    ...{ url, token },
    agentToken: () => agentToken(privateKey),
    turns: async () => {
      rmSync(turnsFile, { force: true });
      child.kill('SIGUSR2');
      while (!existsSync(turnsFile)) await new Promise((resolve) => setTimeout(resolve, 20));
      return JSON.parse(readFileSync(turnsFile, 'utf8')) as Turns;
    },
    residentBytes: (field) => residentBytes(pid, field),
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

const idOf = (i: number) => `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`;

/** Rows as the first server wrote them: newer ones bring them to their own tables when they start. */
function fill(file: string, publicKey: string): void {
  const database = new DatabaseSync(file);
  const components = Array.from({ length: 5 }, (_, i) => ({
    ...reportOf(1).components[0],
    component: `core/c${i}`,
  }));
  const { records: _, ...last } = reportOf(1);
  const columns = database.prepare('select name from pragma_table_info(?)').all('instances');
  const isFirst = !columns.some(({ name }) => name === 'running');
  const instance = database.prepare(
    `insert into instances (id, name, hostname, public_key, agent_version, enrolled_at, last_seen, last_sequence, last_report) values (?, ?, 'host', ?, '0.1.0', ?, ?, 0, ?)`,
  );
  const deployment = database.prepare(
    `insert into deployments (instance, record, state, reason, started_at, updated_at, body) values (?, 1, 'committed', 'channel', ?, ?, ?)`,
  );
  const component = isFirst ? null : database.prepare('insert into instance_components values (?, ?, ?)');
  const at = '2026-11-20T12:00:00Z';
  database.exec('begin');
  for (let i = 0; i < INSTANCES; i++) {
    const running = [...components, reportOf(1).components[0]];
    const text = JSON.stringify({ ...last, components: running });
    instance.run(idOf(i), `customer ${i}`, publicKey, at, at, text);
    deployment.run(idOf(i), at, at, JSON.stringify(recordOf(1, 'committed')));
    for (const one of running) component?.run(idOf(i), one?.component ?? '', '1.0.0');
  }
  database.exec('commit');
  database.close();
}

function agentToken(privateKey: KeyObject): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuer(idOf(0))
    .setAudience('fairlead-server')
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(privateKey);
}
