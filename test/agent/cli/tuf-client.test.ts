// The tuf-client program over HTTP: exit statuses, what it prints, and the files a conformance suite looks at.
import { spawn } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { subdirectory, temporaryDirectory } from '../../support/directories.ts';
import { serveHttp } from '../../support/http-server.ts';
import { DAY_MS, RepositorySimulator } from '../../support/repository-simulator.ts';

const PROGRAM = new URL('../../../agent/cli/tuf-client.ts', import.meta.url).pathname;

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: readonly string[]): Promise<Run> {
  const child = spawn(process.execPath, [PROGRAM, ...args]);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })));
}

/** The repository as of the real clock, served, and a client directory of its own. */
async function set(change: (repository: RepositorySimulator) => void = () => undefined) {
  const repository = new RepositorySimulator();
  const expires = formatInstant(Date.now() + 30 * DAY_MS);
  for (const signed of repository.signed.values()) signed.expires = expires;
  repository.published.clear();
  for (const role of ['targets', 'snapshot', 'timestamp', 'root']) repository.publish(role);
  change(repository);
  const url = await serveHttp((request, response) => {
    const { status, bytes } = repository.answer(request.url ?? '');
    response.writeHead(status).end(bytes);
  });
  const directory = temporaryDirectory();
  const root = join(directory, 'initial_root.json');
  writeFileSync(root, repository.initialRoot());
  const metadata = subdirectory(directory, 'metadata');
  const targets = subdirectory(directory, 'targets');
  return {
    repository,
    metadata,
    targets,
    init: () => run('--metadata-dir', metadata, 'init', root),
    refresh: () => run('--metadata-url', `${url}/metadata/`, '--metadata-dir', metadata, 'refresh'),
    download: (name: string) =>
      run(
        ...['--metadata-url', `${url}/metadata/`, '--metadata-dir', metadata, '--target-name', name],
        ...['--target-dir', targets, '--target-base-url', `${url}/targets/`, 'download'],
      ),
  };
}

const SILENT_SUCCESS = { status: 0, stdout: '', stderr: '' };

describe('init and refresh', () => {
  it('leave the trusted files under their plain names', async () => {
    const { repository, metadata, init, refresh } = await set();

    expect(await init()).toEqual(SILENT_SUCCESS);
    expect(repository.requests).toEqual([]);
    expect(await refresh()).toEqual(SILENT_SUCCESS);

    const files = readdirSync(metadata).filter((name) => name.endsWith('.json'));
    expect(files.sort()).toEqual(['root.json', 'snapshot.json', 'targets.json', 'timestamp.json']);
    expect(readFileSync(join(metadata, 'root.json'))).toEqual(Buffer.from(repository.current('root')));
  });

  it('refuse a first root that is not signed, and ask for nothing then', async () => {
    const { repository, metadata, init, refresh } = await set((made) => {
      const root = JSON.parse(Buffer.from(made.initialRoot()).toString());
      root.signatures[0].sig = 'b1'.repeat(64);
      made.published.set('root', [Buffer.from(JSON.stringify(root))]);
    });

    expect((await init()).status).toBe(1);
    expect((await refresh()).status).toBe(1);
    expect(repository.requests).toEqual([]);
    expect(existsSync(join(metadata, 'root.json'))).toBe(false);
  });

  it('exit with 1 and one line on a refusal', async () => {
    const { repository, init, refresh } = await set();
    repository.signers.set('timestamp', []);
    repository.publish('timestamp');
    await init();

    const refused = await refresh();

    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('go by the system clock', async () => {
    const { repository, init, refresh } = await set();
    repository.timestamp.expires = formatInstant(Date.now() - 1000);
    repository.publish('timestamp');
    await init();

    expect((await refresh()).status).toBe(1);
  });

  it.each<readonly string[][]>([[['refresh']], [['--unknown', 'refresh']]])(
    'explain their use to %j',
    async (args) => {
      const refused = await run(...args);

      expect(refused).toMatchObject({ status: 1, stdout: '' });
      expect(refused.stderr).toContain('usage');
    },
  );
});

describe('download', () => {
  it('brings what the metadata lists, and asks for it once', async () => {
    const { repository, targets, init, download } = await set((made) => {
      made.addTarget('targets', 'path/to/a file?.txt', 'content', ['sha256', 'sha512']);
      made.publish('targets', 'snapshot', 'timestamp');
    });
    await init();

    expect(await download('path/to/a file?.txt')).toEqual(SILENT_SUCCESS);
    expect(await download('path/to/a file?.txt')).toEqual(SILENT_SUCCESS);

    const names = readdirSync(targets);
    expect(names).toHaveLength(1);
    expect(readFileSync(join(targets, names[0]!), 'utf8')).toBe('content');
    expect(repository.requests.filter((name) => name.includes('a file?.txt'))).toHaveLength(1);
  });

  it('replaces an older content under the same name, and only by the right one', async () => {
    const { repository, targets, init, download } = await set((made) => {
      made.addTarget('targets', 'file', 'old');
      made.publish('targets', 'snapshot', 'timestamp');
    });
    await init();
    await download('file');
    repository.addTarget('targets', 'file', 'new');
    repository.publish('targets', 'snapshot', 'timestamp');
    const { sha256 } = repository.targets.targets.file.hashes;

    repository.serve('file', Buffer.from('bad'), [sha256]);
    expect((await download('file')).status).toBe(1);
    expect(readFileSync(join(targets, 'file'), 'utf8')).toBe('old');

    repository.serve('file', Buffer.from('new'), [sha256]);
    expect((await download('file')).status).toBe(0);
    expect(readFileSync(join(targets, 'file'), 'utf8')).toBe('new');
  });

  it('brings the metadata up to date even for a target that is not there', async () => {
    const { repository, init, download } = await set();
    await init();

    expect((await download('nonexistent')).status).toBe(1);
    expect(repository.requests).toEqual(['root 2', 'timestamp', 'snapshot 1', 'targets 1']);
  });

  it('keeps nothing of a file that is longer than listed', async () => {
    const { repository, targets, init, download } = await set((made) => {
      made.addTarget('targets', 'file', 'content');
      made.publish('targets', 'snapshot', 'timestamp');
    });
    const { sha256 } = repository.targets.targets.file.hashes;
    repository.serve('file', Buffer.from('longer than listed'), [sha256]);
    await init();

    expect((await download('file')).status).toBe(1);
    expect(readdirSync(targets)).toEqual([]);
  });
});

it('gives an ECDSA signature no weight, however well it verifies: Ed25519 is the one scheme', async () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { repository, metadata, init, refresh } = await set();
  const key = {
    keytype: 'ecdsa',
    scheme: 'ecdsa-sha2-nistp256',
    keyval: { public: pair.publicKey.export({ format: 'pem', type: 'spki' }) },
  };
  repository.root.keys.foreign = key;
  repository.root.roles.timestamp = { keyids: ['foreign'], threshold: 1 };
  repository.publish('root');
  const signed = { ...repository.timestamp, version: 7 };
  const sig = sign('sha256', canonicalize(signed), pair.privateKey).toString('hex');
  const timestamp = JSON.stringify({ signatures: [{ keyid: 'foreign', sig }], signed });
  repository.publishAs('timestamp', Buffer.from(timestamp));
  await init();

  expect(await refresh()).toMatchObject({ status: 1, stdout: '' });
  expect(existsSync(join(metadata, 'timestamp.json'))).toBe(false);
});
