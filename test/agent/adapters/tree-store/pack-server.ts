// A server of packs in memory: what it serves, what was asked of it, and how it fails.
import { writeFileSync } from 'node:fs';
import type { FetchPack } from '../../../../agent/adapters/tree-store/downloads.ts';
import { type Digest, hexOf } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';

export interface PackServer {
  readonly fetchPack: FetchPack;
  serve(tree: Digest, pack: Uint8Array): void;
  /** The next download ends with this error after half of the bytes. */
  failNext(error: unknown): void;
  /** The next download does not end before it is told to. */
  dripNext(): void;
  /** The limits of the downloads so far. */
  readonly downloads: readonly { readonly treeHex: string; readonly maxBytes: number }[];
}

export function createPackServer(): PackServer {
  const packs = new Map<string, Uint8Array>();
  const downloads: { treeHex: string; maxBytes: number }[] = [];
  let drips = false;
  let failure: { readonly error: unknown } | null = null;
  return {
    downloads,
    serve: (tree, pack) => packs.set(hexOf(tree), pack),
    failNext(error) {
      failure = { error };
    },
    dripNext() {
      drips = true;
    },
    async fetchPack(treeHex, file, { maxBytes, signal }) {
      downloads.push({ treeHex, maxBytes });
      if (drips) {
        drips = false;
        await new Promise<void>((resolve) => {
          if (signal?.aborted === true) resolve();
          signal?.addEventListener('abort', () => resolve());
        });
        throw unreachable();
      }
      const pack = packs.get(treeHex);
      if (pack === undefined) throw unreachable();
      if (failure !== null) {
        const { error } = failure;
        failure = null;
        writeFileSync(file, pack.subarray(0, pack.length >> 1));
        throw error;
      }
      writeFileSync(file, pack);
    },
  };
}

export function unreachable(): FairleadError {
  return new FairleadError('transport/unreachable', { url: 'http://127.0.0.1/packs', problem: 'ECONNRESET' });
}
