// The trust directory: metadata files by name, what is written durable together, and documents that may be lost.
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toDiskError } from '../../../shared/errors/error.ts';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import { isMomentary, isNoFile, namesIfPresent, readIfPresent } from '../../../shared/node/read-file.ts';
import { HISTORY_DIRECTORY } from '../../core/repository-names.ts';
import type { DocumentCache, TrustStore } from '../../ports/state.ts';
import { createWaitingFiles } from './waiting-files.ts';

/** Also clears what a killed write left behind. Errors: disk/*. */
export async function openTrustStore(directory: string): Promise<TrustStore> {
  await openDirectory(directory);
  await Promise.all(
    [HISTORY_DIRECTORY, DOCUMENTS_DIRECTORY].map((name) => openDirectory(join(directory, name))),
  );
  const waiting = createWaitingFiles(directory);
  return {
    directory,
    async read(file) {
      const next = waiting.of(file);
      // As damaged bytes are: passed over, and replaced by what is fetched and verified.
      return next === undefined ? await readUnless(isNoFile, join(directory, file)) : next;
    },
    write: waiting.write,
    remove: waiting.remove,
    flush: waiting.flush,
    rootVersions: async () => {
      const names = await readdir(join(directory, HISTORY_DIRECTORY));
      const kept = new Set([...waiting.names(), ...names].map((name) => name.split('/').at(-1) ?? name));
      const versions = [...kept].flatMap((name) => ROOT_NAME.exec(name)?.[1] ?? []);
      return versions.map(Number).sort((a, b) => a - b);
    },
    documents: openDocuments(join(directory, DOCUMENTS_DIRECTORY)),
  };
}

const DOCUMENTS_DIRECTORY = 'documents';

/** Neither atomic nor durable: what a kill or a power cut tears no longer has its hash, and is fetched again. */
function openDocuments(directory: string): DocumentCache {
  let written = 0;
  return {
    names: async () => new Set(await readdir(directory).catch(() => [])),
    read: (sha256) => readUnless((error) => !isMomentary(error), join(directory, sha256)),
    async write(sha256, bytes) {
      const path = join(directory, sha256);
      // Two paths may hold the same bytes, and are fetched at once: each writes under a name of its own.
      const own = join(directory, `.${sha256}.${written++}.tmp`);
      try {
        await writeFile(own, bytes, { mode: 0o600, flag: 'wx' });
        await rename(own, path).catch(async () => {
          // Of what may lie there, only a directory keeps its place: written into, a pipe would be waited for, a link followed.
          await rm(path, { recursive: true, force: true });
          await rename(own, path);
        });
      } catch (cause) {
        throw toDiskError(directory, cause, bytes.length);
      }
    },
    async keepOnly(sha256s) {
      const unused = (await readdir(directory)).filter((name) => !sha256s.has(name));
      await Promise.all(unused.map((name) => rm(join(directory, name), { recursive: true, force: true })));
    },
  };
}

/** Null also where reading fails in a way that loses nothing: the bytes are signed, and the server has them. */
async function readUnless(isLost: (error: unknown) => boolean, path: string): Promise<Uint8Array | null> {
  return await readIfPresent(path).catch((error: unknown) => {
    if (isLost(error)) return null;
    throw error;
  });
}

/** Mostly it is there. */
async function openDirectory(directory: string): Promise<void> {
  const names = await readdir(directory).catch(async () => {
    await makeDirectory(directory);
    return await readdir(directory);
  });
  const leftovers = names.filter((name) => name.startsWith('.') && name.endsWith('.tmp'));
  await Promise.all(leftovers.map((name) => rm(join(directory, name), { recursive: true, force: true })));
}

/** The bytes of every root that this install ever trusted, for who only reads: nothing is made or cleared. Errors: disk/unreadable. */
export async function readKeptRoots(directory: string): Promise<readonly Uint8Array[]> {
  const names = await namesIfPresent(join(directory, HISTORY_DIRECTORY));
  const roots: Uint8Array[] = [];
  for (const name of names.filter((one) => ROOT_NAME.test(one))) {
    const bytes = await readIfPresent(join(directory, HISTORY_DIRECTORY, name));
    if (bytes !== null) roots.push(bytes);
  }
  return roots;
}

const ROOT_NAME = /^([1-9]\d{0,14})\.root\.json$/;
