// The program itself, as a person and an init system use it: real processes on a real directory.
import type { ChildProcess } from 'node:child_process';
import { access, cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { firstPublication } from '../support/publications.ts';
import {
  callServer,
  endServer,
  type Result,
  runServer,
  type ServerProcess,
} from '../support/server-process.ts';

let template: string;
let initialized: Result;
let home: string;
let dir: string;
const running: ChildProcess[] = [];

beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'fairlead-template-'));
  initialized = await call('init', '--dir', join(template, 'server'));
});
afterAll(() => rm(template, { recursive: true }));

/** Each test has its own copy of what `init` makes. */
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'fairlead-program-'));
  dir = join(home, 'server');
  await cp(template, home, { recursive: true });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => endServer(child, 'SIGKILL')));
  await rm(home, { recursive: true });
});

describe('fairlead-server init', () => {
  it('makes keys and tokens that only the owner reads, and leaves them alone the second time', async () => {
    const before = await secrets();

    const second = await call('init', '--dir', dir);

    expect([initialized.status, second.status]).toEqual([0, 0]);
    expect(second.stdout).toContain('holds a release server already: what it has was left as it is');
    expect(await secrets()).toEqual(before);
    for (const file of [
      'admin.token',
      'publisher.token',
      'passphrase',
      'fairlead.db',
      'keys/timestamp.json',
    ]) {
      expect((await stat(join(dir, file))).mode & 0o077, file).toBe(0);
    }
    expect((await stat(dir)).mode & 0o077).toBe(0);
  });

  it('says that it made the passphrase, and keeps none when one is given', async () => {
    const other = join(home, 'other');

    const given = await call('init', '--dir', other, { FAIRLEAD_PASSPHRASE: 'a secret of some length' });

    expect(initialized.stdout).toContain(join(template, 'server', 'passphrase'));
    expect(given.stdout).not.toContain('passphrase');
    await expect(access(join(other, 'passphrase'))).rejects.toThrow();
  });

  it('takes a passphrase of its own beside the vendor’s', async () => {
    const own = { FAIRLEAD_SERVER_PASSPHRASE: 'the server’s own words' };
    await call('init', '--dir', join(home, 'other'), { ...own, FAIRLEAD_PASSPHRASE: 'those of the vendor' });

    const status = async (environment: NodeJS.ProcessEnv) =>
      (await call('init', '--dir', join(home, 'other'), environment)).status;

    expect([
      await status(own),
      await status({ FAIRLEAD_PASSPHRASE: 'the server’s own words' }),
      await status({ FAIRLEAD_PASSPHRASE: 'those of the vendor' }),
    ]).toEqual([0, 0, 2]);
  });
});

describe('fairlead-server run', () => {
  it('serves what was published also after it was killed', async () => {
    const first = await run();
    const keys = await (await fetch(`${first.url}/api/v1/online-keys`)).json();
    const body = JSON.stringify(firstPublication(keys as Parameters<typeof firstPublication>[0]));
    const authorization = `Bearer ${(await readFile(join(dir, 'publisher.token'), 'utf8')).trim()}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const published = await fetch(`${first.url}/api/v1/publications`, { method: 'POST', headers, body });
    const timestamp = await (await fetch(`${first.url}/repository/metadata/timestamp.json`)).text();
    await endServer(first.child, 'SIGKILL');

    const second = await run();

    expect(published.status).toBe(200);
    expect(await (await fetch(`${second.url}/repository/metadata/timestamp.json`)).text()).toBe(timestamp);
    expect((await fetch(`${second.url}/readyz`)).status).toBe(200);
  });

  it('ends cleanly when it is told to, and refuses to run twice', async () => {
    const { child } = await run();

    const twice = await call('run', '--dir', dir, '--port', '0');

    expect(twice).toMatchObject({ status: 4 });
    expect(twice.stderr).toMatch(/^error: .+\n {2}hint: .+\n$/);
    expect(await endServer(child, 'SIGTERM')).toBe(0);
  });

  it('finishes a publication that it was killed in', async () => {
    const first = await run();
    await endServer(first.child, 'SIGKILL');
    const commit = {
      schema: 'fairlead/commit@1',
      roots: [],
      timestamp: null,
      id: 'one',
      actor: 'x',
      changes: [],
    };
    await writeFile(join(dir, 'commit.json'), JSON.stringify(commit));

    await run();

    await expect(access(join(dir, 'commit.json'))).rejects.toThrow();
  });

  it('says which port another program has', async () => {
    const { url } = await run();
    const other = join(home, 'other');
    await call('init', '--dir', other);

    const refused = await call('run', '--dir', other, '--port', new URL(url).port);

    expect(refused).toMatchObject({ status: 1 });
    expect(refused.stderr).toContain(`port ${new URL(url).port}: EADDRINUSE`);
  });
});

describe('a mistake', () => {
  it.each([
    ['a directory that was never made', 2, ['run', '--dir', 'elsewhere'], {}],
    ['the wrong passphrase', 2, ['run', '--dir', 'server'], { FAIRLEAD_PASSPHRASE: 'wrong' }],
    ['a passphrase file that is not there', 2, ['init', '--dir', 'new', '--passphrase-file', 'none'], {}],
    [
      'a passphrase too short to keep',
      2,
      ['init', '--dir', 'new'],
      { FAIRLEAD_SERVER_PASSPHRASE: 'seven77' },
    ],
    ['an empty passphrase file', 1, ['init', '--dir', 'new', '--passphrase-file', '/dev/null'], {}],
    ['a file where the directory should be', 1, ['init', '--dir', 'server/passphrase'], {}],
    ['a database that is none', 1, ['run', '--dir', 'broken'], {}],
    ['a signing key that is gone', 1, ['run', '--dir', 'keyless'], {}],
    ['a token that was never made', 1, ['token', 'revoke', 'nobody', '--dir', 'server'], {}],
  ])('such as %s is refused with what to do', async (_what, status, argv, environment) => {
    for (const copy of ['broken', 'keyless']) await cp(dir, join(home, copy), { recursive: true });
    await writeFile(join(home, 'broken', 'fairlead.db'), 'not a database');
    await rm(join(home, 'keyless', 'keys', 'snapshot.json'));

    const refused = await call(...argv, environment);

    expect(refused.stderr).toMatch(/^error: .+\n {2}hint: .+\n$/);
    expect(refused.status).toBe(status);
  });

  it.each([
    ['an option that does not exist', ['run', '--prot', '80']],
    ['a port that is none', ['run', '--port', '99999']],
    ['a proxy that is no address', ['run', '--trust-proxy', '10.0.0.0/33']],
    ['an address that is no URL', ['init', '--public-url', 'releases']],
    [
      'a life that is no duration',
      ['token', 'create', '--role', 'viewer', '--name', 'x', '--valid-for', 'soon'],
    ],
  ])('such as %s names it', async (_what, argv) => {
    const refused = await call(...argv, '--dir', dir);

    expect(refused.stderr).toContain(
      argv.find((arg) => arg.startsWith('--') && arg !== '--role' && arg !== '--name'),
    );
    expect(refused.status).toBe(2);
  });
});

describe('fairlead-server audit verify', () => {
  it('counts what holds, takes its own checkpoint back, and fails once an end is cut off', async () => {
    const whole = await call('audit', 'verify', '--dir', dir);
    const checkpoint = /checkpoint {2}(\S+)/.exec(whole.stdout)?.[1] ?? '';
    const again = await call('audit', 'verify', '--dir', dir, '--checkpoint', checkpoint);
    const database = new DatabaseSync(join(dir, 'fairlead.db'));
    database.exec('delete from audit where sequence = 2');
    database.close();

    const cut = await call('audit', 'verify', '--dir', dir, '--checkpoint', checkpoint);

    expect([whole.status, again.status, cut.status]).toEqual([0, 0, 5]);
    expect(whole.stdout).toContain('the audit log holds: 2 entries');
    expect(cut.stderr).toMatch(/entry 2/);
  });

  it('finds by itself what was cut off while the server was stopped', async () => {
    await endServer((await run()).child, 'SIGTERM');
    const database = new DatabaseSync(join(dir, 'fairlead.db'));
    database.exec('delete from audit where sequence = 2');
    database.close();

    expect((await call('audit', 'verify', '--dir', dir)).status).toBe(5);
  });
});

describe('fairlead-server expiries', () => {
  it('lists what ends, and fails when something ends soon', async () => {
    const fine = await call('expiries', '--dir', dir);
    const soon = await call('expiries', '--dir', dir, '--within', 'P400D');

    expect(fine.status).toBe(0);
    expect(fine.stdout).toMatch(/in 39\d days {2,}token publisher/);
    expect([soon.status, soon.stderr]).toEqual([1, expect.stringContaining('2 will soon have ended')]);
  });
});

describe('fairlead-server token', () => {
  it('makes a token that works at once, and takes it back at once', async () => {
    const { url } = await run();
    const made = await call('token', 'create', '--dir', dir, '--role', 'viewer', '--name', 'dashboard');
    const ask = () =>
      fetch(`${url}/api/v1/instances`, { headers: { authorization: `Bearer ${made.stdout.trim()}` } });
    const before = (await ask()).status;

    const revoked = await call('token', 'revoke', 'dashboard', '--dir', dir);

    expect([before, revoked.status, (await ask()).status]).toEqual([200, 0, 401]);
    expect((await call('token', 'list', '--dir', dir)).stdout).not.toContain('dashboard');
  });
});

function call(...args: readonly (string | NodeJS.ProcessEnv)[]): Promise<Result> {
  const argv = args.filter((arg) => typeof arg === 'string');
  const environment = Object.assign({}, ...args.filter((arg) => typeof arg !== 'string'));
  return callServer(argv, environment, home ?? template);
}

async function run(): Promise<ServerProcess> {
  const server = await runServer(['--dir', dir]);
  running.push(server.child);
  return server;
}

function secrets(): Promise<readonly string[]> {
  const files = ['admin.token', 'publisher.token', 'passphrase', 'keys/snapshot.json', 'keys/timestamp.json'];
  return Promise.all(files.map((file) => readFile(join(dir, file), 'utf8')));
}
