// Backups of a server under test, and servers put together from them in directories of their own.
import { join } from 'node:path';
import { type BackingUp, createBackingUp } from '../../server/backup/back-up.ts';
import { parseBackupKeys } from '../../server/backup/keys.ts';
import { sendLog } from '../../server/backup/log.ts';
import { type BackupConfig, type BackupPlace, openPlace } from '../../server/backup/place.ts';
import { createSendCommit } from '../../server/backup/published.ts';
import { type Restored, type Restoring, restoreServer } from '../../server/backup/restore.ts';
import { readSet } from '../../server/backup/set.ts';
import { listSets } from '../../server/backup/take.ts';
import { fileAddress } from '../../server/core/database-address.ts';
import { directoryAddress, type RepositoryAddress } from '../../server/core/repository-address.ts';
import { readBackupMark } from '../../server/db/backup-marks.ts';
import type { Database } from '../../server/db/tables.ts';
import { layoutOf } from '../../server/repository/layout.ts';
import type { RepositoryStore } from '../../server/repository/store.ts';
import { temporaryDirectory } from './directories.ts';
import { testKey } from './publications.ts';
import type { TestServer } from './server-under-test.ts';
import { storeAt } from './stores.ts';

export const BACKUP_KEY = 'a key of backups, for tests alone';

export interface TestBackups extends BackingUp {
  readonly config: BackupConfig;
  readonly place: BackupPlace;
  /** Sends what the log holds since the last backup or call. */
  keepLog(): Promise<void>;
  /** The newest one unless a number is given. */
  restore(wanted?: number, changes?: Partial<Restoring>): Promise<RestoredServer>;
}

export interface RestoredServer {
  readonly db: Database;
  readonly store: RepositoryStore;
  readonly dir: string;
  readonly restored: Restored;
}

/** From now on what `server` publishes goes there first. */
export function keepBackups(
  server: TestServer,
  address: RepositoryAddress = directoryAddress(temporaryDirectory()),
  text = BACKUP_KEY,
): TestBackups {
  const { context, layout, store } = server;
  const now = () => server.now;
  const config = { address, keys: parseBackupKeys(text, 'a test') };
  const backedUp = { layout, address: context.config.database, db: context.db, store, now };
  const quick = address.kind === 'directory' ? storeAt(address.path) : undefined;
  const place = openPlace(config, layout.backupStaging, quick);
  const backingUp = createBackingUp(backedUp, config, place);
  const send = createSendCommit(store, place, now);
  server.keepCommit = send;
  return {
    ...{ config, place },
    ...backingUp,
    keepLog: async () => {
      const mark = await readBackupMark(context.db, 'log');
      await sendLog(place, context.db, mark?.count ?? 0, now());
    },
    restore: async (wanted, changes = {}) => {
      const sets = await listSets(place);
      const name = wanted === undefined ? sets.at(-1) : sets.find(({ sequence }) => sequence === wanted);
      if (name === undefined) throw new Error('there is no such backup');
      const dir = join(temporaryDirectory(), 'restored');
      const restoredLayout = layoutOf(dir);
      const there = storeAt(dir);
      const openKeys = async () => ({ snapshot: testKey('snapshot'), timestamp: testKey('timestamp') });
      const database = fileAddress(restoredLayout.database);
      const restoring = {
        place,
        layout: restoredLayout,
        address: database,
        store: there,
        now,
        openKeys,
        ...changes,
      };
      const { db, restored } = await restoreServer(restoring, name, await readSet(place, name.name));
      return { db, store: there, dir, restored };
    },
  };
}
