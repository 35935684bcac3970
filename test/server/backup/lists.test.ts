// What the lists at the place lead to: bytes that the key in force opens, and of two contents under one name the one that was published.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBackingUp } from '../../../server/backup/back-up.ts';
import { createSendCommit, listPublished } from '../../../server/backup/published.ts';
import { readList } from '../../../server/backup/set.ts';
import { nameList } from '../../../server/core/backup-names.ts';
import { loadState } from '../../../server/repository/state.ts';
import type { RepositoryStore, Tag } from '../../../server/repository/store.ts';
import type { TreeRef } from '../../../shared/schema/release.ts';
import { BACKUP_KEY, keepBackups, type RestoredServer, type TestBackups } from '../../support/backups.ts';
import {
  capability,
  changeOf,
  firstPublication,
  publicationOf,
  signRole,
} from '../../support/publications.ts';
import { addPack, startTestServer, type TestServer } from '../../support/server-under-test.ts';
import { namesIn } from '../../support/stores.ts';

const MINUTE_MS = 60_000;
const OTHER_KEY = 'another key of backups, for tests alone';

let server: TestServer;
let tree: TreeRef;
let backups: TestBackups;
let opened: RestoredServer[];

beforeEach(async () => {
  server = await startTestServer();
  await server.bearer('viewer');
  tree = await addPack(server.store, 'console.log(1)');
  backups = keepBackups(server);
  opened = [];
  await server.context.publisher.publish(firstPublication(server.context.publisher.onlineKeys), 'test');
});
afterEach(async () => {
  for (const { db } of opened) await db.destroy();
  await backups.close();
  await server.close();
});

describe('another key in the first line', () => {
  it('has everything sealed anew by the next backup: the old one may go when its own backups have', async () => {
    await backups.backUp();
    for (const lines of [`${OTHER_KEY}\n${BACKUP_KEY}`, OTHER_KEY]) {
      await restart(lines);
      await backups.backUp();
    }

    const { store } = await restore();

    expect(await namesIn(store, 'repository/packs')).toEqual(await namesIn(server.store, 'repository/packs'));
  });

  it('has everything sealed anew by the next publication', async () => {
    await backups.backUp();
    await restart(`${OTHER_KEY}\n${BACKUP_KEY}`);
    await publishSecond('CHG-2');
    const last = (await listPublished(backups.place)).at(-1);

    await restart(OTHER_KEY);

    const files = await readList(backups.place, nameList(last?.list ?? ''));
    for (const [, , object] of files) expect((await backups.place.get(object)).length).toBeGreaterThan(0);
    expect(files.length).toBeGreaterThan(5);
  });
});

describe('a name that held two contents', () => {
  it('is restored with what was published, not with what an abandoned publication left in the backup', async () => {
    const send = server.keepCommit;
    server.keepCommit = async () => {
      throw new Error('killed');
    };
    await expect(publishSecond('CHG-2')).rejects.toThrow('killed');
    await backups.backUp();
    server.now += MINUTE_MS;
    server.keepCommit = send;
    await publishSecond('CHG-3');

    const { store } = await restore();

    const name = 'repository/metadata/2.releases.json';
    expect((await store.read(name))?.bytes).toEqual((await server.store.read(name))?.bytes);
    expect((await loadState(store))?.roles.get('releases')?.content.version).toBe(2);
  });
});

describe('a publication', () => {
  it('reads nothing anew that the last backup has, at a new place and after a restore', async () => {
    await backups.close();
    backups = keepBackups(server);
    await backups.backUp();
    server.now += MINUTE_MS;
    const first = watched(server.store);
    await createSendCommit(first.store, backups.place, () => server.now)(COMMIT);
    expect(first.opened).toEqual([]);

    // Written anew every file has another tag. The first attempt comes before the first backup, and takes too long.
    const restored = watched(retagged(server.store));
    const place = { ...backups.place, put: failing };
    const send = createSendCommit(restored.store, place, () => server.now);
    await expect(send(COMMIT)).rejects.toThrow('it takes longer');
    const { layout, context } = server;
    const of = { layout, address: context.config.database, db: context.db, now: () => server.now };
    server.now += MINUTE_MS;
    await createBackingUp({ ...of, store: retagged(server.store) }, backups.config).backUp();
    restored.opened.length = 0;
    Object.assign(place, { put: backups.place.put });

    await send(COMMIT);
    expect(restored.opened).toEqual([]);
  });
});

const COMMIT = {
  ...({ schema: 'fairlead/commit@1', id: 'sha256:1', actor: 'test' } as const),
  ...{ roots: [], timestamp: null, changes: [] },
};

async function failing(): Promise<never> {
  throw new Error('it takes longer');
}

/** What is opened there. */
function watched(store: RepositoryStore) {
  const opened: string[] = [];
  const open = async (name: string) => {
    opened.push(name);
    return store.open(name);
  };
  return { opened, store: { ...store, open } };
}

function retagged(store: RepositoryStore): RepositoryStore {
  const tagOf = async (name: string) => {
    const tag = await store.tagOf(name);
    return tag === null ? null : (`${tag} anew` as Tag);
  };
  return { ...store, tagOf };
}

/** An hour later, with these lines in the file of the keys. */
async function restart(lines: string): Promise<void> {
  const { address } = backups.config;
  await backups.close();
  server.now += 61 * MINUTE_MS;
  backups = keepBackups(server, address, lines);
}

async function restore(): Promise<RestoredServer> {
  const restored = await backups.restore();
  opened.push(restored);
  return restored;
}

function publishSecond(id: string) {
  const document = capability('1.0.0', tree, id);
  const change = changeOf(document, '1.0.0', tree, 'release', id);
  const signed = signRole('releases', 2, [document]);
  return server.context.publisher.publish(
    publicationOf([['releases', signed]], [document], [change]),
    'test',
  );
}
