// A release server in a temporary directory, with a clock the test moves and a disk the test can let fail.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { type Context, createContext, type Opening, toConfig } from '../../server/context.ts';
import { findChange, recordPublication } from '../../server/db/changes.ts';
import type { Place } from '../../server/db/database.ts';
import { inPublishingTurn } from '../../server/db/publishing.ts';
import { admitToken } from '../../server/db/tokens.ts';
import { createApp } from '../../server/http/app.ts';
import type { Commit } from '../../server/repository/commit.ts';
import type { Layout } from '../../server/repository/layout.ts';
import { packName } from '../../server/repository/names.ts';
import { createPublisher, type LocalPublisher } from '../../server/repository/publisher.ts';
import type { Published } from '../../server/repository/state.ts';
import type { RepositoryStore } from '../../server/repository/store.ts';
import { writePack } from '../../server/vendor/workspace/pack-writer.ts';
import { readTree } from '../../server/vendor/workspace/tree-reader.ts';
import { hexOf } from '../../shared/encoding/digest.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import type { TokenRole } from '../../shared/protocol/fleet.ts';
import type { MailSettings } from '../../shared/schema/mail.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { treeRefOf } from '../../shared/tree/tree-index.ts';
import { locationOf } from './databases.ts';
import { NOW, testKey } from './publications.ts';
import { repositoryOf, storeAt, watchWrites } from './stores.ts';

/** Never sealed here: that costs a tenth of a second each time. */
const ONLINE_KEYS = {
  snapshot: testKey('snapshot'),
  timestamp: testKey('timestamp'),
  halts: testKey('server-halts'),
};

export interface TestServer {
  readonly context: Context & { readonly publisher: LocalPublisher };
  readonly app: FastifyInstance;
  readonly layout: Layout;
  /** Of the repository, without the failures. */
  readonly store: RepositoryStore;
  /** Moved by the test. */
  now: EpochMs;
  /** The nth durable write from now on fails, and all after it; null lets everything pass. */
  failWriteAfter: number | null;
  /** Asked before a publication is shown; it may throw. */
  keepCommit: (commit: Commit) => Promise<void>;
  /** A token's header for a role. */
  bearer(role: TokenRole): Promise<{ readonly authorization: string }>;
  /** Ends this process's part, as a kill would leave it, and starts the next on the same directory. */
  restart(): Promise<TestServer>;
  close(): Promise<void>;
}

/** `place` is where its queries run on the embedded file: in this thread, unless a test is about others waiting. */
export async function startTestServer(
  directory?: string,
  place: Place = 'inline',
  mail: MailSettings | null = null,
): Promise<TestServer> {
  const dir = directory ?? (await mkdtemp(join(tmpdir(), 'fairlead-server-')));
  const settings = {
    ...{ dir, passphraseFile: undefined, host: '127.0.0.1', port: 0 },
    // Receivers of tests are on this machine.
    webhookNetworks: ['127.0.0.0/8'],
  };
  const embedded = toConfig(settings, {});
  const database = await locationOf(embedded.layout.database);
  const config = { ...embedded, database, repository: repositoryOf(dir) };
  const store = storeAt(dir);
  const failing = watchWrites(store, async () => {
    if (server.failWriteAfter !== null && server.failWriteAfter-- <= 0) throw new Error('the disk failed');
  });
  const log = pino({ level: 'silent' }, { write: () => undefined });
  const server = {
    now: NOW,
    failWriteAfter: null as number | null,
    keepCommit: async (_commit: Commit) => undefined,
  };
  const now = () => server.now;
  const openPublisher = async ({ db, store }: Opening, onChange: (published: Published) => void) => {
    publisher = await createPublisher({
      ...{ store, keys: ONLINE_KEYS, now, onChange },
      findChange: (id) => findChange(db, id),
      inTurn: (work) => inPublishingTurn(db, work),
      recordCommit: (commit, turn) => recordPublication(db, commit, turn.id, now()),
      keepCommit: (commit) => server.keepCommit(commit),
    });
    return publisher;
  };
  let publisher: LocalPublisher | undefined;
  const sealing = async () => new Uint8Array(32).fill(9);
  const opened = await createContext(config, {
    ...{ now, log, store: failing, openPublisher, sealing, database: place, mail },
  });
  if (publisher === undefined) throw new Error('the context opens its publisher');
  const context = { ...opened, publisher };
  const app = await createApp(context);
  return Object.assign(server, {
    context,
    app,
    layout: config.layout,
    store,
    bearer: async (role: TokenRole) => {
      const text = `flt_test-${role}`;
      const expires = server.now + 60 * 60 * 1000;
      await admitToken(context.db, { text, name: role, role, expires, actor: 'test' }, server.now);
      return { authorization: `Bearer ${text}` };
    },
    restart: async () => {
      await stop(app, context);
      return startTestServer(dir);
    },
    close: async () => {
      await stop(app, context);
      await rm(dir, { recursive: true, force: true });
    },
  });
}

/** Puts a pack of one small file into the repository, as an upload would. */
export async function addPack(store: RepositoryStore, content: string): Promise<TreeRef> {
  const { tree, pack } = await makePack(content);
  await store.write(packName(hexOf(tree.digest)), pack);
  return tree;
}

interface Pack {
  readonly tree: TreeRef;
  readonly pack: Buffer;
}

const packs = new Map<string, Promise<Pack>>();

/** The tree and the pack of a directory with one file, made once for each content. */
export function makePack(content: string): Promise<Pack> {
  const made = packs.get(content) ?? writeOnePack(content);
  packs.set(content, made);
  return made;
}

async function writeOnePack(content: string): Promise<Pack> {
  const work = await mkdtemp(join(tmpdir(), 'fairlead-pack-'));
  const source = join(work, 'source');
  await mkdir(source);
  await writeFile(join(source, 'server.js'), content);
  const index = await readTree(source);
  await writePack(source, index, join(work, 'full.pack'));
  const pack = await readFile(join(work, 'full.pack'));
  await rm(work, { recursive: true });
  return { tree: treeRefOf(index), pack };
}

async function stop(app: FastifyInstance, context: Context): Promise<void> {
  await app.close();
  await context.db.destroy();
  await context.store.close();
}
