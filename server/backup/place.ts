// The place of the backups: sealed before a byte leaves, opened after the last one came back, and one fleet's alone.
import { createHmac, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { durationMs } from '../../shared/encoding/instant.ts';
import { FairleadError, isFairleadError, toDiskError } from '../../shared/errors/error.ts';
import { makeDirectory } from '../../shared/node/durable-file.ts';
import { removeIdle } from '../../shared/node/set-aside.ts';
import { digest } from '../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { FLEET, PREFIXES } from '../core/backup-names.ts';
import type { RepositoryAddress } from '../core/repository-address.ts';
import { openStore, verifyStore } from '../repository/open-store.ts';
import type { RepositoryStore } from '../repository/store.ts';
import type { BackupKeys } from './keys.ts';
import { type Bytes, collect, seal, sealBytes, unseal } from './sealed.ts';

/** Where backups go, and what seals them. */
export interface BackupConfig {
  readonly address: RepositoryAddress;
  readonly keys: BackupKeys;
}

/** Everything of it throws backup/place-failed where the place does not do what it should. */
export interface BackupPlace {
  /** For people. */
  readonly place: string;
  readonly keys: BackupKeys;
  /** Hexadecimal, and of this key alone. */
  nameOf(content: string | Uint8Array): string;
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Seals as it comes, through a file that goes again; answers how many bytes stand there now. */
  putLarge(name: string, plain: Bytes): Promise<number>;
  /** Errors: backup/missing, backup/key-unknown, backup/damaged. */
  get(name: string): Promise<Buffer>;
  /** As above, in pieces that count once the end is there. */
  read(name: string): AsyncGenerator<Buffer>;
  has(name: string): Promise<boolean>;
  list(prefix: string): Promise<readonly string[]>;
  remove(name: string): Promise<void>;
  /** What was cut off on its way here goes, once nothing came to it for an hour: others may be sending beside this process. */
  tidy(): Promise<void>;
  /**
   * That it is still what was claimed, and no empty directory where a disk should be mounted. Errors: backup/foreign,
   * backup/place-lost.
   */
  verify(first: string): Promise<void>;
  /** What may still be written; null where nobody knows. */
  room(): Promise<number | null>;
  close(): Promise<void>;
}

const STAGING = '.staging';

/** `staging` is a directory of this server alone; the caller closes the place. */
export function openPlace(
  { address, keys }: BackupConfig,
  staging: string,
  store: RepositoryStore = openStore(address),
): BackupPlace {
  const { place } = store;
  const nameKey = keys.current.secret;
  // In the directory itself, hidden: the last step is a rename then, and no copy.
  const halfway = address.kind === 'directory' ? join(address.path, STAGING) : staging;

  async function putLarge(name: string, plain: Bytes): Promise<number> {
    await makeDirectory(halfway);
    const file = join(halfway, `.${randomUUID()}.tmp`);
    let bytes = 0;
    const count = async function* () {
      for await (const piece of seal(keys.current, name, plain)) {
        bytes += piece.length;
        yield piece;
      }
    };
    try {
      await pipeline(
        Readable.from(count()),
        createWriteStream(file, { flags: 'wx', mode: 0o600, flush: true }),
      );
      await store.take(name, file);
      return bytes;
    } catch (cause) {
      throw cause instanceof Error && 'syscall' in cause ? toDiskError(file, cause) : cause;
    } finally {
      await rm(file, { force: true });
    }
  }

  async function* read(name: string): AsyncGenerator<Buffer> {
    const file = await store.open(name);
    if (file === null) throw new FairleadError('backup/missing', { place, name });
    yield* unseal(keys, name, file.kind === 'small' ? [file.bytes] : await file.read(0, file.size));
  }

  const told = <Result>(work: Promise<Result>) => work.catch((cause: unknown) => fail(place, cause));
  return {
    ...{ place, keys },
    nameOf: (content) => createHmac('sha256', nameKey).update('name ').update(content).digest('hex'),
    put: (name, bytes) =>
      told(sealBytes(keys.current, name, bytes).then((sealed) => store.write(name, sealed))),
    putLarge: (name, plain) => told(putLarge(name, plain)),
    get: (name) => told(collect(read(name))),
    read: async function* (name) {
      try {
        yield* read(name);
      } catch (cause) {
        fail(place, cause);
      }
    },
    has: (name) => told(store.tagOf(name).then((tag) => tag !== null)),
    list: (prefix) => told(namesIn(store, prefix)),
    remove: (name) => told(removeFrom(store, name)),
    tidy: () => told(tidy(address, staging)),
    verify: (first) => told(verifyClaim(store, first)),
    room: () => told(roomOf(address)),
    close: () => store.close(),
  };
}

const fleetMark = z.strictObject({ schema: z.literal('fairlead/backups@1'), first: digest });

/**
 * Makes an empty place the fleet's, or finds that it is. `isKnown` says that it was before: one that is empty now is a disk
 * that is not mounted, and nothing is written into the directory below it. Errors: backup/foreign, backup/place-lost, backup/place-failed.
 */
export async function claimPlace(address: RepositoryAddress, first: string, isKnown: boolean): Promise<void> {
  const store = openStore(address);
  try {
    const found = await readFleet(store);
    if (found === first) return;
    if (found !== null || (!isKnown && (await namesIn(store, 'sets/')).length > 0))
      throw new FairleadError('backup/foreign', { place: store.place });
    if (isKnown) throw new FairleadError('backup/place-lost', { place: store.place });
    await verifyStore(store);
    const mark = { schema: 'fairlead/backups@1', first };
    if (!(await store.replace(FLEET, utf8(`${JSON.stringify(mark)}\n`), null)))
      throw new FairleadError('backup/foreign', { place: store.place });
  } catch (cause) {
    fail(store.place, cause);
  } finally {
    await store.close();
  }
}

async function verifyClaim(store: RepositoryStore, first: string): Promise<void> {
  const found = await readFleet(store);
  if (found === first) return;
  throw new FairleadError(found === null ? 'backup/place-lost' : 'backup/foreign', { place: store.place });
}

async function readFleet(store: RepositoryStore): Promise<string | null> {
  const stored = await store.read(FLEET);
  return stored === null ? null : parseDocumentBytes(fleetMark, stored.bytes, FLEET).first;
}

async function namesIn(store: RepositoryStore, prefix: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of store.list(prefix)) names.push(name);
  return names.sort();
}

async function removeFrom(store: RepositoryStore, name: string): Promise<void> {
  const tag = await store.tagOf(name);
  if (tag !== null) await store.clear(name, tag);
}

const IDLE_MS = durationMs('PT1H');

/** What a bucket has of an upload that did not arrive whole shows in none of its lists. */
async function tidy(address: RepositoryAddress, staging: string): Promise<void> {
  await removeIdle(staging, IDLE_MS);
  if (address.kind !== 'directory') return;
  for (const name of [STAGING, ...PREFIXES]) await removeIdle(join(address.path, name), IDLE_MS);
}

/** A tenth of a disk stays free: others may write there. */
async function roomOf(address: RepositoryAddress): Promise<number | null> {
  if (address.kind !== 'directory') return null;
  const { bavail, blocks, bsize } = await statfs(address.path);
  return bsize * Math.max(0, bavail - blocks / 10);
}

/** What a store says of a repository is no help to who looks after backups. */
function fail(place: string, cause: unknown): never {
  if (isFairleadError(cause) && cause.code.startsWith('backup/')) throw cause;
  const problem = cause instanceof Error ? cause.message : String(cause);
  throw new FairleadError('backup/place-failed', { place, problem }, { cause });
}
