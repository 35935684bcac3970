// A repository on its way from one store to another: every file read back and compared by digest, the timestamp last.
import { createHash } from 'node:crypto';
import { FairleadError } from '../../shared/errors/error.ts';
import { forEachBounded } from '../../shared/node/turns.ts';
import { COMMIT, PUBLIC, TIMESTAMP } from './names.ts';
import type { RepositoryStore } from './store.ts';

export interface Copying {
  readonly from: RepositoryStore;
  readonly to: RepositoryStore;
  /** Gives a file of `from`, too large to be read in one piece, under a name of its own that may be taken away. */
  readonly lend: (name: string, use: (file: string) => Promise<void>) => Promise<void>;
  /** What an earlier attempt copied and compared already. */
  readonly done: Progress;
}

/** Names with the tags that the files had when they were copied: one that was written since is copied again. */
export interface Progress {
  has(name: string, tag: string): boolean;
  add(name: string, tag: string): Promise<void>;
}

export interface CopiedFiles {
  readonly files: number;
  /** Of those an earlier attempt had copied. */
  readonly before: number;
}

const PARALLEL_COPIES = 8;

/** All that never changes: may be done while a server still works on `from`. Errors: those of both stores. */
export async function copyForGood(copying: Copying): Promise<CopiedFiles> {
  const names: string[] = [];
  for await (const name of copying.from.list(PUBLIC)) if (name !== TIMESTAMP) names.push(name);
  let before = 0;
  await forEachBounded(names, PARALLEL_COPIES, async (name) => {
    const tag = await copying.from.tagOf(name);
    if (tag === null) return;
    if (copying.done.has(name, tag)) {
      before++;
      return;
    }
    await copyOne(copying, name);
    await copying.done.add(name, tag);
  });
  return { files: names.length, before };
}

/** What shows the rest: nobody may work on either store meanwhile. Errors: as above. */
export async function copyShown({ from, to }: Copying): Promise<void> {
  for (const name of [COMMIT, TIMESTAMP]) {
    const stored = await from.read(name);
    if (stored !== null) await copyBytes(to, name, stored.bytes);
  }
}

/** Packs are streams on both sides; what is there already from an attempt that was cut off is compared all the same. */
async function copyOne({ from, to, lend }: Copying, name: string): Promise<void> {
  const file = await from.open(name);
  if (file === null) return;
  if (file.kind === 'small') {
    await copyBytes(to, name, file.bytes);
    return;
  }
  const ours = await digestOfPieces(await file.read(0, file.size));
  await lend(name, (one) => to.take(name, one));
  if ((await digestIn(to, name)) !== ours) throw damaged(to, name);
}

async function copyBytes(to: RepositoryStore, name: string, bytes: Buffer): Promise<void> {
  await to.write(name, bytes);
  const stored = await to.read(name);
  if (stored === null || !stored.bytes.equals(bytes)) throw damaged(to, name);
}

async function digestIn(store: RepositoryStore, name: string): Promise<string> {
  const file = await store.open(name);
  if (file === null) return '';
  if (file.kind === 'small') return digestOfPieces([file.bytes]);
  return digestOfPieces(await file.read(0, file.size));
}

async function digestOfPieces(pieces: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

function damaged(to: RepositoryStore, name: string): FairleadError {
  const problem = 'it was copied there, and other bytes came back';
  return new FairleadError('server/repository-damaged', { repository: to.place, name, problem });
}
