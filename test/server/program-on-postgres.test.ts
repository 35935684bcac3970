// The program on a real PostgreSQL: its database by name, file or credential, its password nowhere, and what a lost one costs.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findPostgres, GUARDED, type Postgres, startPostgres } from '../support/postgres.ts';
import { firstPublication } from '../support/publications.ts';
import { enrolAgent } from '../support/reporting-agent.ts';
import { callServer, endServer, runServer, type ServerProcess } from '../support/server-process.ts';
import { openLine, type TcpLine } from '../support/tcp-line.ts';

const LIMIT_MS = 120_000;
/** Looked for in everything that the program says. */
const CANARY = 'kanarienvogel/17';
const programs = findPostgres();

let postgres: Postgres;
let home: string;
let dir: string;
const running: ServerProcess[] = [];

beforeAll(async () => {
  if (programs === null) return;
  postgres = await startPostgres(programs);
  await postgres.query(`create role ${GUARDED} login password '${CANARY}'`);
}, LIMIT_MS);
afterAll(() => postgres?.stop(), LIMIT_MS);
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'fairlead-pg-program-'));
  dir = join(home, 'server');
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ child }) => endServer(child, 'SIGKILL')));
  await rm(home, { recursive: true });
});

/** A new database whose owner is asked for a password, at this port or on the socket. */
async function guardedDatabase(port?: number): Promise<string> {
  const { place } = await postgres.createEmpty();
  const name = place.split('/').at(-1) ?? '';
  await postgres.query(`alter database ${name} owner to ${GUARDED}`);
  const password = encodeURIComponent(CANARY);
  const socket = encodeURIComponent(postgres.socket.replace(/\/[^/]+$/, ''));
  return port === undefined
    ? `postgres://${GUARDED}:${password}@/${name}?host=${socket}`
    : `postgres://${GUARDED}:${password}@127.0.0.1:${port}/${name}`;
}

async function addressFile(address: string, name = 'address'): Promise<string> {
  const file = join(home, name);
  await writeFile(file, `${address}\n`, { mode: 0o600 });
  return file;
}

async function serve(...argv: readonly string[]): Promise<ServerProcess> {
  const server = await runServer(['--dir', dir, ...argv]);
  running.push(server);
  return server;
}

describe.skipIf(programs === null)('a server on PostgreSQL', () => {
  it(
    'is made, serves, makes tokens and looks at its log, and its password is nowhere to be read',
    async () => {
      const file = await addressFile(await guardedDatabase());
      const given = ['--database-file', file];
      const initialized = await callServer(['init', '--dir', dir, ...given]);
      const again = await callServer(['init', '--dir', dir, ...given]);
      const server = await serve(...given);
      const commandLine = await readFile(`/proc/${server.child.pid}/cmdline`, 'utf8');
      const token = await callServer([
        'token',
        'create',
        '--dir',
        dir,
        ...given,
        '--role',
        'viewer',
        '--name',
        'x',
      ]);
      const verified = await callServer(['audit', 'verify', '--dir', dir, ...given]);
      const headers = { authorization: `Bearer ${token.stdout.trim()}` };

      const instances = await fetch(`${server.url}/api/v1/instances`, { headers });

      expect([initialized.status, again.status, token.status, verified.status]).toEqual([0, 0, 0, 0]);
      expect(again.stdout).toContain('what it has was left as it is');
      expect(initialized.stdout).toContain(`run --dir ${dir} --database-file ${file}`);
      expect(verified.stdout).toContain('3 entries');
      expect([instances.status, (await fetch(`${server.url}/readyz`)).status]).toEqual([200, 200]);
      expect(await endServer(server.child, 'SIGTERM')).toBe(0);
      const mark = await readFile(join(dir, 'database.json'), 'utf8');
      const said = [initialized, again, token, verified].flatMap(({ stdout, stderr }) => [stdout, stderr]);
      expect([...said, commandLine, server.output(), mark].filter(saysCanary)).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'is found by a credential of systemd, or by the environment',
    async () => {
      const address = await guardedDatabase();
      await mkdir(join(home, 'credentials'));
      await addressFile(address, 'credentials/fairlead-database');
      const credential = { CREDENTIALS_DIRECTORY: join(home, 'credentials') };

      const initialized = await callServer(['init', '--dir', dir], credential);
      const listed = await callServer(['token', 'list', '--dir', dir], { FAIRLEAD_SERVER_DATABASE: address });

      expect([initialized.status, listed.status, listed.stderr]).toEqual([0, 0, '']);
      expect(listed.stdout).toContain('publisher');
    },
    LIMIT_MS,
  );

  it(
    'is never mistaken for another one, nor for a file',
    async () => {
      const file = await addressFile(await guardedDatabase());
      await callServer(['init', '--dir', dir, '--database-file', file]);
      const other = await addressFile(await guardedDatabase(), 'other');
      const embedded = join(home, 'embedded');
      await callServer(['init', '--dir', embedded]);
      const codes = await Promise.all([
        callServer(['run', '--dir', dir]),
        callServer(['run', '--dir', dir, '--database-file', other]),
        callServer(['init', '--dir', join(home, 'second'), '--database-file', file]),
        callServer(['run', '--dir', embedded, '--database-file', other]),
        callServer(['run', '--dir', join(home, 'none'), '--database-file', other]),
      ]);

      expect(codes.map(({ stderr }) => stderr.split('\n')[0])).toEqual([
        expect.stringMatching(/keeps its fleet in the database .+\/test\d+$/),
        expect.stringContaining('holds another fleet'),
        expect.stringContaining('holds another fleet'),
        expect.stringContaining('keeps its fleet in a file there'),
        expect.stringContaining('does not hold a release server'),
      ]);
      expect(codes.map(({ status }) => status)).toEqual([2, 4, 4, 2, 2]);
    },
    LIMIT_MS,
  );

  it(
    'that cannot be reached says why and what to do, and never its password',
    async () => {
      const good = await guardedDatabase();
      const wrong = [
        [good.replace('kanarienvogel', 'x-kanarienvogel'), 'refuses the account or its password'],
        [good.replace(/\/test\d+\?/, '/nowhere?'), 'does not exist'],
        [`postgres://a:${encodeURIComponent(CANARY)}@127.0.0.1:9/fairlead`, 'ECONNREFUSED'],
        [`postgres://a:${CANARY}#@db/fairlead`, 'it is no URL'],
        [`mysql://a:${CANARY}@db/fairlead`, 'does not begin with postgres://'],
        [`postgres://a:${encodeURIComponent(CANARY)}@db`, 'names no database'],
      ];

      for (const [address = '', problem = ''] of wrong) {
        const file = await addressFile(address);
        const refused = await callServer(['init', '--dir', dir, '--database-file', file]);
        expect(refused.stderr, problem).toMatch(/^error: .+\n {2}hint: .+\n$/);
        expect(refused.stderr).toContain(problem);
        expect(refused.status).toBeGreaterThan(1);
        expect([refused.stderr, refused.stdout].filter(saysCanary)).toEqual([]);
      }
      const shown = await callServer(['run', '--dir', dir, '--database', good]);
      expect([shown.status, shown.stderr.includes('holds a password'), saysCanary(shown.stderr)]).toEqual([
        2,
        true,
        false,
      ]);
    },
    LIMIT_MS,
  );
});

describe.skipIf(programs === null)('an embedded server that moves', () => {
  it(
    'goes on with its tokens, its agents, its log and its repository, and no agent is refused',
    async () => {
      await callServer(['init', '--dir', dir]);
      const before = await serve();
      const { port } = new URL(before.url);
      const agent = await enrolAgent(before.url, await bearer());
      const sent = [await agent.report(1)];
      await publishFirst(before.url, await bearer());
      const timestamp = await (await fetch(`${before.url}/repository/metadata/timestamp.json`)).text();
      const empty = await addressFile(await guardedDatabase());
      const busy = await callServer(['migrate', '--dir', dir, '--to-file', empty]);
      await endServer(before.child, 'SIGTERM');

      const moved = await callServer(['migrate', '--dir', dir, '--to-file', empty]);

      const second = await callServer(['migrate', '--dir', dir, '--to-file', empty]);
      const forgotten = await callServer(['run', '--dir', dir]);
      const after = await serve('--database-file', empty, '--port', port);
      expect(after.url).toBe(before.url);
      sent.push(await agent.report(1), await agent.report(2));
      expect([busy.status, moved.status, second.status, forgotten.status]).toEqual([4, 0, 2, 2]);
      expect(busy.stderr).toContain('another fairlead-server runs');
      expect([second.stderr, forgotten.stderr]).toEqual([
        expect.stringContaining('keeps its fleet in the database'),
        expect.stringContaining('keeps its fleet in the database'),
      ]);
      expect(moved.stdout).toContain('1 instance');
      expect(sent).toEqual([
        { status: 200, sequence: 1 },
        { status: 200, sequence: 1 },
        { status: 200, sequence: 2 },
      ]);
      expect(await (await fetch(`${after.url}/repository/metadata/timestamp.json`)).text()).toBe(timestamp);
      const list = await fetch(`${after.url}/api/v1/instances`, { headers: await bearer() });
      expect(await list.json()).toMatchObject({ instances: [{ id: agent.instance }] });
      expect((await callServer(['audit', 'verify', '--dir', dir, '--database-file', empty])).status).toBe(0);
    },
    LIMIT_MS,
  );

  it(
    'moves into no database that holds something, and stays what it was',
    async () => {
      await callServer(['init', '--dir', dir]);
      const taken = await addressFile(await guardedDatabase());
      await callServer(['init', '--dir', join(home, 'other'), '--database-file', taken]);

      const refused = await callServer(['migrate', '--dir', dir, '--to-file', taken]);

      expect([refused.status, refused.stderr]).toEqual([4, expect.stringContaining('is not empty')]);
      expect((await callServer(['audit', 'verify', '--dir', dir])).stdout).toContain('2 entries');
    },
    LIMIT_MS,
  );
});

async function bearer() {
  const token = (await readFile(join(dir, 'publisher.token'), 'utf8')).trim();
  return { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
}

async function publishFirst(url: string, headers: Readonly<Record<string, string>>): Promise<void> {
  const keys = await (await fetch(`${url}/api/v1/online-keys`)).json();
  const body = JSON.stringify(firstPublication(keys as Parameters<typeof firstPublication>[0]));
  const published = await fetch(`${url}/api/v1/publications`, { method: 'POST', headers, body });
  expect(published.status).toBe(200);
}

describe.skipIf(programs === null)('a database that is lost while the server runs', () => {
  let line: TcpLine;
  let server: ServerProcess;

  beforeEach(async () => {
    line = await openLine(postgres.socket);
    const file = await addressFile(await guardedDatabase(line.port));
    await callServer(['init', '--dir', dir, '--database-file', file]);
    server = await serve('--database-file', file);
    await publishFirst(server.url, await bearer());
  }, LIMIT_MS);
  afterEach(() => line.close());

  const ready = async () => (await fetch(`${server.url}/readyz`)).status;

  async function back(): Promise<void> {
    while ((await ready()) !== 200) await new Promise((resolve) => setTimeout(resolve, 100));
  }

  it.each(['cut', 'silence'] as const)(
    '(%s) costs requests a 503 that says when to come back, no signed file, and nothing once it is there again',
    async (way) => {
      await line[way]();

      const [away, list, file] = await Promise.all([
        fetch(`${server.url}/readyz`),
        fetch(`${server.url}/api/v1/instances`, { headers: await bearer() }),
        fetch(`${server.url}/repository/metadata/timestamp.json`),
      ]);

      expect([away.status, list.status, file.status]).toEqual([503, 503, 200]);
      expect([away, list].map(({ headers }) => Number(headers.get('retry-after')))).toEqual([5, 5]);
      expect(await away.json()).toMatchObject({ code: 'server/database-away' });
      await line.mend();
      await back();
      const again = await fetch(`${server.url}/api/v1/instances`, { headers: await bearer() });
      expect(again.status).toBe(200);
      expect(saysCanary(server.output())).toBe(false);
      expect(server.child.exitCode).toBeNull();
    },
    LIMIT_MS,
  );

  it(
    'because it was restarted is found again by whoever asks',
    async () => {
      await postgres.restart();
      await back();

      const again = await fetch(`${server.url}/api/v1/instances`, { headers: await bearer() });

      expect(again.status).toBe(200);
    },
    LIMIT_MS,
  );
});

/** As it is, and as an address holds it. */
function saysCanary(text: string): boolean {
  return text.includes(CANARY) || text.includes(encodeURIComponent(CANARY));
}
