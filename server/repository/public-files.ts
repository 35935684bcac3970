// The signed repository as the world reads it: small files from memory, large ones from disk, and never a directory.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError, systemCode } from '../../shared/errors/error.ts';
import { readIfPresent } from '../../shared/node/read-file.ts';
import { type Advisory, advisory } from '../../shared/schema/advisory.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { type Layout, targetFile } from './layout.ts';
import type { AdvisoryRef } from './state.ts';

export interface SmallFile {
  readonly kind: 'small';
  readonly bytes: Buffer;
  /** Quoted, as it stands in headers. */
  readonly etag: string;
}

export interface LargeFile {
  readonly kind: 'large';
  /** Whoever gets it closes it. */
  readonly handle: FileHandle;
  readonly size: number;
  readonly etag: string;
}

export interface PublicFiles {
  /** By its path below the repository; null when nothing is published under it. Error: what the disk says. */
  find(path: string): Promise<SmallFile | LargeFile | null>;
  /** Something was published: what is remembered of names whose content may change is looked at again. */
  changed(): void;
}

/** Metadata, targets and packs have no other names; what is on its way in begins with a dot. */
const PATH = /^(?:metadata|targets|packs)(?:\/[A-Za-z0-9_~@+^-][A-Za-z0-9_.~@+^-]*){1,8}$/;
/** A version or a digest stands in the name: these bytes never change. */
const FOR_GOOD = /\/(?:\d+\.[a-z][a-z0-9-]*\.json|[0-9a-f]{64}\.[^/]+)$/;

const SMALL_BYTES = 256 * 1024;
const MEMORY_BYTES = 32 * 2 ** 20;
/** What an entry costs besides its bytes. */
const ENTRY_BYTES = 512;
/** Another process may publish into the same directory: so long, at most, is an answer older than the disk. */
export const RECHECK_MS = 1_000;

interface Entry {
  readonly file: SmallFile | null;
  /** Null for what never changes. */
  readonly checked: number | null;
}

/** `now` is any clock that only goes forward, in milliseconds. */
export function createPublicFiles(directory: string, now: () => number): PublicFiles {
  const memory = new Map<string, Entry>();
  let held = 0;

  function recall(path: string): Entry | undefined {
    const entry = memory.get(path);
    if (entry === undefined || entry.checked === null || now() - entry.checked < RECHECK_MS) return entry;
    forget(path);
    return undefined;
  }

  function forget(path: string): void {
    held -= costOf(path, memory.get(path));
    memory.delete(path);
  }

  function keep(path: string, file: SmallFile | null): void {
    forget(path);
    const entry = { file, checked: file !== null && FOR_GOOD.test(path) ? null : now() };
    memory.set(path, entry);
    held += costOf(path, entry);
    // The oldest goes first: what is asked for often is soon back.
    for (const old of memory.keys()) {
      if (held <= MEMORY_BYTES) return;
      forget(old);
    }
  }

  return {
    find: async (path) => {
      if (path.length > 600 || !PATH.test(path)) return null;
      const known = recall(path);
      if (known !== undefined) return known.file;
      const found = await read(join(directory, path));
      if (found?.kind !== 'large') keep(path, found);
      return found;
    },
    changed: () => {
      for (const [path, { checked }] of memory) if (checked !== null) forget(path);
    },
  };
}

function costOf(path: string, entry: Entry | undefined): number {
  return entry === undefined ? 0 : ENTRY_BYTES + path.length + (entry.file?.bytes.length ?? 0);
}

async function read(path: string): Promise<SmallFile | LargeFile | null> {
  const handle = await openIfThere(path);
  if (handle === null) return null;
  let given = false;
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) return null;
    if (stat.size <= SMALL_BYTES) {
      const bytes = await handle.readFile();
      return { kind: 'small', bytes, etag: `"${createHash('sha256').update(bytes).digest('base64url')}"` };
    }
    given = true;
    const etag = `"${stat.size.toString(36)}-${Math.floor(stat.mtimeMs).toString(36)}"`;
    return { kind: 'large', handle, size: stat.size, etag };
  } finally {
    if (!given) await handle.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'].includes(systemCode(cause))) return null;
    throw cause;
  }
}

/** Error: disk/unreadable when the published document is missing. */
export async function readAdvisory(layout: Layout, { path, sha256 }: AdvisoryRef): Promise<Advisory> {
  const file = targetFile(layout, path, sha256);
  const bytes = await readIfPresent(file);
  if (bytes === null) {
    throw new FairleadError('disk/unreadable', { path: file, problem: 'the file is missing' });
  }
  return parseDocumentBytes(advisory, bytes, path);
}
