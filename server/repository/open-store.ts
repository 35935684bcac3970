// The store behind an address: the one place that knows both kinds, and the proof that one does what publishing needs of it.
import { randomUUID } from 'node:crypto';
import { equalBytes, utf8 } from '../../shared/encoding/bytes.ts';
import { assertNever, FairleadError } from '../../shared/errors/error.ts';
import type { RepositoryAddress } from '../core/repository-address.ts';
import { createDirectoryStore } from './directory-store.ts';
import { createS3Client } from './s3-client.ts';
import { createS3Store } from './s3-store.ts';
import type { RepositoryStore, Tag } from './store.ts';

/** The caller closes it. Nothing is asked of it yet. */
export function openStore(address: RepositoryAddress): RepositoryStore {
  switch (address.kind) {
    case 'directory':
      return createDirectoryStore(address.path);
    case 's3':
      return createS3Store(createS3Client(address));
    default:
      return assertNever(address);
  }
}

/**
 * A store that passes over the conditions of a write would let a process that was overtaken write over what came after it,
 * and one that answers with older bytes would have it sign on them. Errors: server/repository-*, disk/*.
 */
export async function verifyStore(store: RepositoryStore): Promise<void> {
  const name = `probe-${randomUUID()}.json`;
  const [first, second] = [utf8('"first"\n'), utf8('"second"\n')];
  if (!(await store.replace(name, first, null))) throw unfit(store, 'it has what nobody wrote');
  const tag = await store.tagOf(name);
  if (tag === null) throw unfit(store, 'what was just written is not there');
  const other = `"${randomUUID().replaceAll('-', '')}"` as Tag;
  if (await store.replace(name, second, null)) throw unfit(store, 'it writes over what it was told to leave');
  if (await store.replace(name, second, other)) throw unfit(store, 'it writes over what is another by now');
  const stored = await store.read(name);
  if (stored === null || !equalBytes(stored.bytes, first))
    throw unfit(store, 'it gives other bytes than it was given');
  await store.clear(name, tag);
}

function unfit({ place: repository }: RepositoryStore, problem: string): FairleadError {
  const remedy =
    'use a storage that honours If-None-Match and If-Match when it writes, and shows at once what it took';
  return new FairleadError('server/repository-unusable', { repository, problem, remedy });
}
