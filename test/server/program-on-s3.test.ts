// The program with its repository elsewhere: in a bucket or another directory, found by name, file or credential, moved while agents look on.
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { hexOf } from '../../shared/encoding/digest.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { firstPublication, publicationOf, signRole } from '../support/publications.ts';
import { enrolAgent } from '../support/reporting-agent.ts';
import { KEY_ID, type S3Server, SECRET, startS3 } from '../support/s3-server.ts';
import {
  callServer,
  endServer,
  type Result,
  runServer,
  type ServerProcess,
} from '../support/server-process.ts';
import { makePack } from '../support/server-under-test.ts';

const LIMIT_MS = 300_000;

let s3: S3Server;
let home: string;
let dir: string;
let place: string;
let opened = 0;
const running: ServerProcess[] = [];

beforeAll(async () => {
  s3 = await startS3();
});
afterAll(() => s3.close());
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'fairlead-s3-program-'));
  dir = join(home, 'server');
  place = s3.place(`program-${++opened}/fleet`);
});
afterEach(async () => {
  s3.trouble = () => null;
  await Promise.all(running.splice(0).map(({ child }) => endServer(child, 'SIGKILL')));
  await rm(home, { recursive: true });
});

const call = (...argv: readonly string[]): Promise<Result> => callServer(argv, s3.environment);
const given = () => ['--dir', dir, '--repository', place];

async function serve(...argv: readonly string[]): Promise<ServerProcess> {
  const server = await runServer(argv, s3.environment);
  running.push(server);
  return server;
}

async function addressFile(text: string, name = 'address'): Promise<string> {
  const file = join(home, name);
  await writeFile(file, `${text}\n`, { mode: 0o600 });
  return file;
}

async function bearer() {
  const token = (await readFile(join(dir, 'publisher.token'), 'utf8')).trim();
  return { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
}

/** A pack, and metadata of every role. */
async function publishFirst(url: string): Promise<string> {
  const { tree, pack } = await makePack('console.log(1)');
  const hex = hexOf(tree.digest);
  const headers = await bearer();
  const sent = await fetch(`${url}/api/v1/packs/${hex}/full.pack`, {
    ...{ method: 'PUT', body: new Uint8Array(pack) },
    headers: { ...headers, 'content-type': 'application/octet-stream' },
  });
  const keys = await (await fetch(`${url}/api/v1/online-keys`)).json();
  const body = JSON.stringify(firstPublication(keys as Parameters<typeof firstPublication>[0]));
  const published = await fetch(`${url}/api/v1/publications`, { method: 'POST', headers, body });
  expect([sent.status, published.status]).toEqual([204, 200]);
  return `packs/${hex}/full.pack`;
}

/** What anybody is given under these paths, by its digest. */
async function served(url: string, ...paths: readonly string[]): Promise<readonly string[]> {
  const answers = await Promise.all(paths.map((path) => fetch(`${url}/repository/${path}`)));
  expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 200));
  const bodies = await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  return bodies.map((body) => createHash('sha256').update(Buffer.from(body)).digest('hex'));
}

const METADATA = ['metadata/timestamp.json', 'metadata/1.root.json', 'metadata/1.releases.json'];
const saysSecret = (text: string) => text.includes('kanarienvogel');

describe('a server on a bucket', () => {
  it(
    'is made, takes packs and publications, is started again, and its secret is nowhere to be read',
    async () => {
      const initialized = await call('init', ...given());
      const first = await serve(...given());
      const pack = await publishFirst(first.url);
      const before = await served(first.url, pack, ...METADATA);
      const part = await fetch(`${first.url}/repository/${pack}`, { headers: { range: 'bytes=10-19' } });
      const ended = await endServer(first.child, 'SIGTERM');
      const again = await serve(...given());
      const expiries = await call('expiries', ...given(), '--within', '1h');

      expect([initialized.status, ended, part.status, expiries.status]).toEqual([0, 0, 206, 0]);
      expect(initialized.stdout).toContain(`run --dir ${dir} --repository ${place}`);
      expect(await served(again.url, pack, ...METADATA)).toEqual(before);
      expect((await fetch(`${again.url}/readyz`)).status).toBe(200);
      expect(
        (await readdir(dir)).filter((name) => /^(?:repository|commit\.json|targets|packs)$/.test(name)),
      ).toEqual([]);
      expect(await readdir(join(dir, 'uploads'))).toEqual([]);
      const mark = await readFile(join(dir, 'repository.json'), 'utf8');
      expect(mark).toContain(place);
      const said = [initialized, expiries].flatMap(({ stdout, stderr }) => [stdout, stderr]);
      expect([...said, first.output(), again.output(), mark].filter(saysSecret)).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'is found by a file with its keys, a credential of systemd, the environment, or a credentials file of AWS',
    async () => {
      const { AWS_ENDPOINT_URL_S3: endpoint, AWS_REGION: region } = s3.environment;
      const whole = place.replace('s3://', `s3://${KEY_ID}:${encodeURIComponent(SECRET)}@`);
      const address = `${whole}?region=${region}&endpoint=${encodeURIComponent(endpoint ?? '')}`;
      await mkdir(join(home, 'credentials'));
      await addressFile(address, 'credentials/fairlead-repository');
      const profile = await addressFile(
        `[default]\naws_access_key_id = ${KEY_ID}\naws_secret_access_key = ${SECRET}`,
        'aws',
      );
      const within = ['expiries', '--dir', dir, '--within', '1h'];

      const results = [
        await callServer(['init', '--dir', dir, '--repository-file', await addressFile(address)]),
        await callServer(within, { CREDENTIALS_DIRECTORY: join(home, 'credentials') }),
        await callServer(within, { FAIRLEAD_SERVER_REPOSITORY: address }),
        await callServer([...within, '--repository', place], {
          ...{ AWS_SHARED_CREDENTIALS_FILE: profile, AWS_REGION: region },
          AWS_ENDPOINT_URL_S3: endpoint,
        }),
      ];

      expect(results.map(({ stderr }) => stderr)).toEqual(['', '', '', '']);
      expect(results.flatMap(({ stdout }) => stdout).filter(saysSecret)).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'is never mistaken for another one, nor for a directory',
    async () => {
      await call('init', ...given());
      const embedded = join(home, 'embedded');
      await call('init', '--dir', embedded);

      const refused = await Promise.all([
        call('run', '--dir', dir),
        call('run', '--dir', dir, '--repository', s3.place('elsewhere')),
        call('init', '--dir', dir),
        call('init', '--dir', join(home, 'second'), '--repository', place),
        call('run', '--dir', embedded, '--repository', place),
        call('run', '--dir', dir, '--repository', place.replace('s3://', 's3://ID:kanarienvogel@')),
        callServer(['run', ...given()], { PATH: process.env.PATH }),
      ]);

      expect(refused.map(({ stderr }) => stderr.split('\n')[0])).toEqual([
        expect.stringContaining(`keeps its repository in ${place}`),
        expect.stringContaining(`keeps its repository in ${place}`),
        expect.stringContaining(`keeps its repository in ${place}`),
        expect.stringContaining('the repository of another fleet'),
        expect.stringContaining('keeps its repository there'),
        expect.stringContaining('holds a secret key'),
        expect.stringContaining('there is no key for it'),
      ]);
      expect(refused.map(({ status }) => status)).toEqual([2, 2, 2, 4, 2, 2, 2]);
      expect(refused.flatMap(({ stderr }) => stderr).filter(saysSecret)).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'goes on serving what it knows while the bucket is away, and says of the rest when to come back',
    async () => {
      await call('init', ...given());
      const { url } = await serve(...given());
      const pack = await publishFirst(url);
      const before = await served(url, ...METADATA);
      s3.trouble = () => ({ kind: 'refuse', status: 503, code: 'SlowDown' });

      const known = await served(url, ...METADATA);
      const [unknown, sent] = await Promise.all([
        fetch(`${url}/repository/${pack}`),
        fetch(`${url}/api/v1/packs/${'b'.repeat(64)}/full.pack`, { method: 'HEAD', headers: await bearer() }),
      ]);

      expect(known).toEqual(before);
      expect([unknown.status, sent.status, unknown.headers.get('retry-after')]).toEqual([503, 503, '5']);
      expect(await unknown.json()).toMatchObject({ code: 'server/repository-away' });
      s3.trouble = () => null;
      await setTimeout(1_100);
      expect(await served(url, pack)).toHaveLength(1);
    },
    LIMIT_MS,
  );
});

describe.skipIf(findPostgres() === null)(
  'two machines with a bucket and a database, and no file in common',
  () => {
    it(
      'serve what either published, and each goes on without the other',
      async () => {
        const postgres = await startPostgres(findPostgres() ?? '');
        onTestFinished(() => postgres.stop());
        const { url: database } = await postgres.createEmpty();
        const other = join(home, 'other');
        const shared = ['--database', database, '--repository', place];
        expect((await call('init', '--dir', dir, ...shared)).stderr).toBe('');
        await cp(dir, other, { recursive: true });
        const [one, two] = await Promise.all([
          serve('--dir', dir, ...shared),
          serve('--dir', other, ...shared),
        ]);

        const pack = await publishFirst(one.url);
        const published = await served(one.url, pack, ...METADATA);
        while ((await fetch(`${two.url}/repository/${METADATA[0]}`)).status !== 200) await setTimeout(100);
        const seen = await served(two.url, pack, ...METADATA);
        await endServer(one.child, 'SIGKILL');
        const headers = await bearer();
        const body = JSON.stringify(publicationOf([['halts', signRole('halts', 2, [])]]));
        const again = await fetch(`${two.url}/api/v1/publications`, { method: 'POST', headers, body });

        expect([seen, again.status]).toEqual([published, 200]);
        expect(await served(two.url, 'metadata/2.halts.json')).toHaveLength(1);
      },
      LIMIT_MS,
    );
  },
);

describe('a server on another directory', () => {
  it(
    'keeps nothing of the repository in its own',
    async () => {
      const shared = join(home, 'shared');
      const argv = ['--dir', dir, '--repository', shared];
      expect((await call('init', ...argv)).stderr).toBe('');
      const { url } = await serve(...argv);

      const pack = await publishFirst(url);

      expect(await served(url, pack, ...METADATA)).toHaveLength(4);
      expect(await readdir(join(shared, 'repository'))).toEqual(
        expect.arrayContaining(['metadata', 'packs']),
      );
      expect(await readdir(dir)).not.toContain('repository');
    },
    LIMIT_MS,
  );
});

describe('a repository that moves', () => {
  it(
    'is copied beside the running server, compared, shown last, and no agent sees another',
    async () => {
      await call('init', '--dir', dir);
      const before = await serve('--dir', dir);
      const { port } = new URL(before.url);
      const agent = await enrolAgent(before.url, await bearer());
      const pack = await publishFirst(before.url);
      const seen = await served(before.url, pack, ...METADATA);

      const beside = await call('migrate', ...given());
      const timestampThere = s3.asked.some(
        ({ method, key }) =>
          method === 'PUT' && key.endsWith('timestamp.json') && key.includes(`program-${opened}/`),
      );
      await endServer(before.child, 'SIGTERM');
      const asked = s3.asked.length;
      const moved = await call('migrate', ...given());
      const copiedAgain = s3.asked
        .slice(asked)
        .filter(({ method, key }) => method === 'PUT' && key.includes('/repository/'));
      const second = await call('migrate', ...given());
      const forgotten = await call('run', '--dir', dir);
      const after = await serve(...given(), '--port', port);

      expect([beside.status, moved.status, second.status, forgotten.status]).toEqual([4, 0, 2, 2]);
      expect([beside.stdout, timestampThere]).toEqual([
        expect.stringContaining('the server still runs'),
        false,
      ]);
      expect(copiedAgain.map(({ key }) => key.split('/').at(-1))).toEqual(['timestamp.json']);
      expect(await served(after.url, pack, ...METADATA)).toEqual(seen);
      expect(await agent.report(1)).toEqual({ status: 200, sequence: 1 });
      expect(await readdir(dir)).toEqual(expect.arrayContaining(['repository.moved', 'repository.json']));
      expect(await readdir(dir)).not.toContain('repository-copied.jsonl');
    },
    LIMIT_MS,
  );

  it(
    'that breaks off, wherever it does, stays where it was and is moved by the next attempt',
    async () => {
      await call('init', '--dir', dir);
      const before = await serve('--dir', dir);
      const pack = await publishFirst(before.url);
      const seen = await served(before.url, pack, ...METADATA);
      await endServer(before.child, 'SIGTERM');

      let attempts = 0;
      for (let puts = 1; ; puts += 2) {
        let left = puts;
        s3.trouble = ({ method }) =>
          method === 'PUT' && left-- <= 0 ? { kind: 'refuse', status: 403, code: 'AccessDenied' } : null;
        const outcome = await call('migrate', ...given());
        if (outcome.status === 0) break;
        attempts++;
        expect(outcome.stderr).toContain('the account may not do that there');
        expect((await call('run', ...given())).stderr).toMatch(/keeps its repository there|may not do that/);
      }
      s3.trouble = () => null;

      expect(attempts).toBeGreaterThan(2);
      const after = await serve(...given());
      expect(await served(after.url, pack, ...METADATA)).toEqual(seen);
    },
    LIMIT_MS,
  );

  it(
    'into a storage that gives other bytes back is refused, and the server goes on where it was',
    async () => {
      await call('init', '--dir', dir);
      const before = await serve('--dir', dir);
      await publishFirst(before.url);
      await endServer(before.child, 'SIGTERM');
      s3.trouble = ({ method, key }) =>
        method === 'GET' && key.includes('/metadata/') ? { kind: 'other-bytes' } : null;

      const refused = await call('migrate', ...given());

      expect([refused.status, refused.stderr]).toEqual([5, expect.stringContaining('other bytes came back')]);
      const after = await serve('--dir', dir);
      expect(await served(after.url, ...METADATA)).toHaveLength(3);
    },
    LIMIT_MS,
  );
});
