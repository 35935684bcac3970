// Target documents by their SHA-256: fetched once, verified at every reading, a cache that may be lost.
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DOCUMENT_LIMITS } from '../../../shared/encoding/json.ts';
import { toDiskError } from '../../../shared/errors/system-error.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { verifyFile } from '../../../shared/trust/target.ts';
import type { HttpClient } from '../server/http-client.ts';
import { present } from './metadata-source.ts';
import { joinUrl, targetUrlPath } from './names.ts';
import { orNull } from './root-chain.ts';

/** A document that verified metadata lists. */
export interface DocumentRef {
  readonly path: string;
  /** SHA-256, lower-case hexadecimal. */
  readonly sha256: string;
  readonly length: number;
}

/** True when both name the same bytes in the same place. */
export function isSameDocument(a: DocumentRef | undefined, b: DocumentRef): boolean {
  return a?.path === b.path && a.sha256 === b.sha256 && a.length === b.length;
}

export interface Documents {
  /** From the cache or else from the network. Errors: trust/*, transport/*, disk/*. */
  obtain(ref: DocumentRef): Promise<Uint8Array>;
  /** Removes cached documents that none of these refer to. */
  keepOnly(refs: readonly DocumentRef[]): Promise<void>;
}

const CONCURRENT_DOWNLOADS = 8;

/** `directory` is there already; `url` is the directory of the targets, in a consistent snapshot. */
export function createDocuments(directory: string, url: string, http: Pick<HttpClient, 'get'>): Documents {
  return {
    async obtain(ref) {
      const cached = await readIfPresent(join(directory, ref.sha256));
      if (cached !== null && orNull(() => verified(cached, ref)) !== null) return cached;
      const at = joinUrl(url, targetUrlPath(ref.path, ref.sha256));
      const maxBytes = Math.min(ref.length, DOCUMENT_LIMITS.maxBytes);
      const bytes = verified(present(at, await http.get(at, { maxBytes })), ref);
      await cache(directory, ref.sha256, bytes);
      return bytes;
    },
    async keepOnly(refs) {
      const kept = new Set(refs.map((ref) => ref.sha256));
      const unused = (await readdir(directory)).filter((name) => !kept.has(name));
      await Promise.all(unused.map((name) => rm(join(directory, name), { force: true })));
    },
  };
}

/** As many as can be had, and why the others cannot. */
export async function obtainAll(
  documents: Documents,
  refs: readonly DocumentRef[],
): Promise<{ readonly obtained: ReadonlyMap<string, Uint8Array>; readonly failures: readonly unknown[] }> {
  const obtained = new Map<string, Uint8Array>();
  const failures: unknown[] = [];
  const queue = refs.values();
  const work = async () => {
    for (const ref of queue) {
      try {
        obtained.set(ref.path, await documents.obtain(ref));
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_DOWNLOADS }, work));
  return { obtained, failures };
}

function verified(bytes: Uint8Array, { path, sha256, length }: DocumentRef): Uint8Array {
  verifyFile(bytes, { length, hashes: new Map([['sha256', sha256]]) }, path);
  return bytes;
}

/** Neither atomic nor durable: what a kill or a power cut tears no longer has its hash, and is fetched again. */
async function cache(directory: string, name: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(join(directory, name), bytes, { mode: 0o600 });
  } catch (cause) {
    throw toDiskError(directory, cause, bytes.length);
  }
}
