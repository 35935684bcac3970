// The trust directory: metadata files by name, each write durable before it returns.
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toDiskError } from '../../../shared/errors/system-error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { HISTORY_DIRECTORY } from '../../core/repository-names.ts';
import type { DocumentCache, TrustStore } from '../../ports/trust-store.ts';

/** Also clears what a killed write left behind. Errors: disk/*. */
export async function openTrustStore(directory: string): Promise<TrustStore> {
  await makeDirectory(join(directory, HISTORY_DIRECTORY));
  await makeDirectory(join(directory, DOCUMENTS_DIRECTORY));
  for (const each of [directory, join(directory, HISTORY_DIRECTORY)]) await removeLeftovers(each);
  return {
    directory,
    read: (file) => readIfPresent(join(directory, file)),
    write: (file, bytes) => writeDurably(join(directory, file), bytes),
    remove: (file) => removeDurably(directory, file),
    rootVersions: async () => {
      const names = await readdir(join(directory, HISTORY_DIRECTORY));
      const versions = names.flatMap((name) => /^([1-9]\d{0,14})\.root\.json$/.exec(name)?.[1] ?? []);
      return versions.map(Number).sort((a, b) => a - b);
    },
    documents: openDocuments(join(directory, DOCUMENTS_DIRECTORY)),
  };
}

const DOCUMENTS_DIRECTORY = 'documents';

/** Neither atomic nor durable: what a kill or a power cut tears no longer has its hash, and is fetched again. */
function openDocuments(directory: string): DocumentCache {
  return {
    read: (sha256) => readIfPresent(join(directory, sha256)),
    async write(sha256, bytes) {
      try {
        await writeFile(join(directory, sha256), bytes, { mode: 0o600 });
      } catch (cause) {
        throw toDiskError(directory, cause, bytes.length);
      }
    },
    async keepOnly(sha256s) {
      const unused = (await readdir(directory)).filter((name) => !sha256s.has(name));
      await Promise.all(unused.map((name) => rm(join(directory, name), { force: true })));
    },
  };
}

async function removeDurably(directory: string, file: string): Promise<void> {
  try {
    await rm(join(directory, file), { force: true });
    await syncDirectory(directory);
  } catch (cause) {
    throw toDiskError(join(directory, file), cause);
  }
}

async function removeLeftovers(directory: string): Promise<void> {
  const names = await readdir(directory);
  const leftovers = names.filter((name) => name.startsWith('.') && name.endsWith('.tmp'));
  await Promise.all(leftovers.map((name) => rm(join(directory, name), { force: true })));
}
