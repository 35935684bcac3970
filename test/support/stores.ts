// Where a suite's repository is: in a directory without waiting for its disk, or in a bucket for those who asked for it.
import { createHash } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import type { RepositoryAddress } from '../../server/core/repository-address.ts';
import { directoryAddress } from '../../server/core/repository-address.ts';
import { createDirectoryStore, type WriteFile } from '../../server/repository/directory-store.ts';
import { openStore } from '../../server/repository/open-store.ts';
import type { RepositoryStore } from '../../server/repository/store.ts';
import type { S3Server } from './s3-server.ts';

let s3: S3Server | null = null;

/** From now on, in this test file, every directory's repository is in a bucket of this server. */
export function useS3(server: S3Server): void {
  s3 = server;
}

/** The same directory twice is the same place. */
export function repositoryOf(dir: string): RepositoryAddress {
  if (s3 === null) return directoryAddress(dir);
  return s3.address(createHash('sha256').update(dir).digest('hex').slice(0, 16));
}

export function storeAt(dir: string): RepositoryStore {
  return s3 === null ? createDirectoryStore(dir, writeQuickly) : openStore(repositoryOf(dir));
}

/** Old or new, as the durable write, but without waiting for the disk: no test cuts the power. */
const writeQuickly: WriteFile = async (path, bytes, mode = 0o600) => {
  await writeFile(`${path}.tmp`, bytes, { mode });
  await rename(`${path}.tmp`, path);
};

/** `before` is called with the name before each write, and may throw, or wait. */
export function watchWrites(
  store: RepositoryStore,
  before: (name: string) => Promise<void>,
): RepositoryStore {
  return {
    ...store,
    write: async (name, bytes) => {
      await before(name);
      await store.write(name, bytes);
    },
    replace: async (name, bytes, tag) => {
      await before(name);
      return store.replace(name, bytes, tag);
    },
  };
}

/** Everything that stands there, by its name. */
export async function namesIn(store: RepositoryStore, prefix = ''): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of store.list(prefix)) names.push(name);
  return names.sort();
}
