// What the server publishes, in the eyes of somebody else's TUF client.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Updater } from 'tuf-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  advisoryOf,
  capability,
  changeOf,
  firstPublication,
  publicationOf,
  rolloutOf,
  signRole,
  signRoot,
  signTargets,
  testKey,
} from '../../support/publications.ts';
import { addPack, startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;
let base: string;
let home: string;

beforeEach(async () => {
  server = await startTestServer();
  server.now = Date.now();
  base = await server.app.listen({ host: '127.0.0.1', port: 0 });
  home = await mkdtemp(join(tmpdir(), 'fairlead-tuf-'));
  const { publisher } = server.context;
  const first = firstPublication(publisher.onlineKeys);
  await publisher.publish(first, 'test');
  await mkdir(join(home, 'metadata'));
  await mkdir(join(home, 'targets'));
  await writeFile(join(home, 'metadata', 'root.json'), Buffer.from(first.metadata[0]?.bytes ?? '', 'base64'));
});
afterEach(async () => {
  await server.close();
  await rm(home, { recursive: true });
});

describe('tuf-js', () => {
  it('refreshes and downloads every document, byte for byte', async () => {
    const tree = await addPack(server.store, 'console.log(1)');
    const release = capability('1.0.0', tree);
    const rollout = rolloutOf(release, '1.0.0');
    const advisory = advisoryOf('FL-2026-0001');
    const documents = [release, rollout, advisory];
    const metadata = [
      ['releases', signRole('releases', 2, [release, rollout])],
      ['security', signRole('security', 2, [advisory])],
    ] as const;
    await server.context.publisher.publish(
      publicationOf(metadata, documents, [changeOf(release, '1.0.0', tree)]),
      'test',
    );

    const client = createClient();
    await client.refresh();

    for (const { path, bytes } of documents) {
      const info = await client.getTargetInfo(path);
      const file = await client.downloadTarget(info ?? raise(`no ${path}`));
      expect(await readFile(file)).toEqual(Buffer.from(bytes));
    }
  });

  it('follows a new root, and what was signed again', async () => {
    await createClient().refresh();
    const { publisher } = server.context;
    const targetsKey = testKey('new targets');
    const metadata = [
      ['root', signRoot(publisher.onlineKeys, { version: 2, targetsKey })],
      ['targets', signTargets(2, [targetsKey])],
    ] as const;
    await publisher.publish(publicationOf(metadata), 'test');
    server.now += 7 * 60 * 60 * 1000;
    await publisher.resign();

    await createClient().refresh();

    const root = JSON.parse(await readFile(join(home, 'metadata', 'root.json'), 'utf8'));
    const timestamp = JSON.parse(await readFile(join(home, 'metadata', 'timestamp.json'), 'utf8'));
    expect(root.signed.version).toBe(2);
    expect(timestamp.signed.version).toBe(publisher.state()?.timestamp.content.version);
  });
});

/** A new one each time, as a new run of a program would be. */
function createClient(): Updater {
  return new Updater({
    metadataDir: join(home, 'metadata'),
    targetDir: join(home, 'targets'),
    metadataBaseUrl: `${base}/repository/metadata`,
    targetBaseUrl: `${base}/repository/targets`,
  });
}

function raise(message: string): never {
  throw new Error(message);
}
