// Trees that are read before they are asked about: while something else goes on, so that in the end each file is only looked at.
import type { Digest } from '../../../shared/encoding/digest.ts';
import type { ReadAhead, ReleaseFiles, TreeDeviation } from '../../ports/state.ts';
import { createKnownFiles, type KnownFiles } from './known-files.ts';

export interface ReadAheadOptions {
  /** By the clock that files are given their times by. */
  readonly now: () => number;
  /** What is damaged; null: every file is read, but for those of a tree to which nothing can write. */
  readonly damages: (files: ReleaseFiles, known: KnownFiles | null) => Promise<readonly TreeDeviation[]>;
}

/**
 * One tree after the other, in the order in which they will be asked about. What is known of a tree is good for one answer:
 * it runs from then on, and what ran may have written to pages in memory, which moves no time. Of very many files not all
 * are known: the others are read when they are asked about.
 */
export function createReadAhead(all: readonly ReleaseFiles[], { now, damages }: ReadAheadOptions): ReadAhead {
  const ahead = createKnownFiles(now);
  const reading = new Map<Digest, Promise<void>>();
  let last = Promise.resolve();
  for (const files of all) {
    last = last.then(async () => {
      // Whatever is wrong is found again by who asks.
      await damages(files, ahead).catch(() => undefined);
    });
    reading.set(files.tree.digest, last);
  }
  return {
    // Never rejects: see above.
    done: last,
    async damages(files) {
      const read = reading.get(files.tree.digest);
      reading.delete(files.tree.digest);
      // Those behind it in the list start later.
      await read;
      return damages(files, read === undefined ? null : ahead);
    },
  };
}
