// The repository in a directory: durable writes, renames that show in one step, and files that anybody may serve as they are.
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode, toDiskError } from '../../shared/errors/error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../shared/node/durable-file.ts';
import { absentOr, isPresent, readIfPresent } from '../../shared/node/read-file.ts';
import { PUBLIC } from './names.ts';
import {
  type LargeFile,
  MAX_READ_BYTES,
  type RepositoryStore,
  SMALL_BYTES,
  type SmallFile,
  type Tag,
} from './store.ts';

/** The seam where tests let a disk fail. */
export type WriteFile = typeof writeDurably;

/** What the world may read. */
const PUBLIC_MODE = 0o644;
const PUBLIC_DIRECTORY_MODE = 0o755;
const OWN_MODE = 0o600;

export function createDirectoryStore(
  directory: string,
  writeFile: WriteFile = writeDurably,
): RepositoryStore {
  const pathOf = (name: string) => join(directory, name);

  async function write(name: string, bytes: Uint8Array): Promise<void> {
    const path = pathOf(name);
    const isPublic = name.startsWith(PUBLIC);
    await makeDirectory(dirname(path), isPublic ? PUBLIC_DIRECTORY_MODE : undefined);
    await writeFile(path, bytes, isPublic ? PUBLIC_MODE : OWN_MODE);
  }

  return {
    place: directory,
    read: async (name) => {
      // The tag first: what is written in between gets another, so that nobody takes these bytes for it.
      const tag = await tagOf(pathOf(name));
      const bytes = tag === null ? null : await readIfPresent(pathOf(name), MAX_READ_BYTES);
      return tag === null || bytes === null
        ? null
        : { tag, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) };
    },
    tagOf: (name) => tagOf(pathOf(name)),
    open: (name) => openFile(pathOf(name)),
    write,
    replace: async (name, bytes, before) => {
      // Between this look and the rename is a moment: the lock of the directory, or the turn, keeps others out of it.
      if ((await tagOf(pathOf(name))) !== before) return false;
      await write(name, bytes);
      return true;
    },
    clear: async (name, before) => {
      const path = pathOf(name);
      if ((await tagOf(path)) === before) await rm(path, { force: true });
      await syncDirectory(dirname(path));
    },
    take: (name, file) => takeFile(pathOf(name), file),
    list: (prefix) => listFiles(directory, prefix),
    close: async () => undefined,
  };
}

/** A rename brings another inode, and a file of the same inode another time. */
async function tagOf(path: string): Promise<Tag | null> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs}` as Tag;
  } catch (cause) {
    return absentOr(path, cause, null);
  }
}

async function openFile(path: string): Promise<SmallFile | LargeFile | null> {
  const handle = await openIfThere(path);
  if (handle === null) return null;
  let given = false;
  try {
    const found = await handle.stat();
    if (!found.isFile()) return null;
    const { size, mtimeMs } = found;
    if (size <= SMALL_BYTES) {
      const bytes = await handle.readFile();
      return { kind: 'small', bytes, etag: etagOf(bytes) };
    }
    given = true;
    const etag = `"${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}"`;
    const read = async (start: number, end: number) => handle.createReadStream({ start, end: end - 1 });
    return { kind: 'large', size, etag, read, close: () => handle.close() };
  } finally {
    if (!given) await handle.close();
  }
}

/** The same whatever keeps the file: agents ask one server after the other. */
export function etagOf(bytes: Uint8Array): string {
  return `"${createHash('sha256').update(bytes).digest('base64url')}"`;
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'].includes(systemCode(cause))) return null;
    throw cause;
  }
}

/** By a rename; from another file system by a copy that gets its name once it is whole. */
async function takeFile(path: string, file: string): Promise<void> {
  const beside = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    await makeDirectory(dirname(path), PUBLIC_DIRECTORY_MODE);
    if (await isPresent(path)) return;
    await rename(file, path).catch(async (cause: unknown) => {
      await copyAcross(file, beside, cause);
      await rename(beside, path);
    });
    await syncDirectory(dirname(path));
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => undefined);
    throw toDiskError(path, cause);
  }
}

async function copyAcross(file: string, beside: string, cause: unknown): Promise<void> {
  if (systemCode(cause) !== 'EXDEV') throw cause;
  await copyFile(file, beside);
  const handle = await open(beside, 'r+');
  await handle.sync().finally(() => handle.close());
}

async function* listFiles(directory: string, prefix: string): AsyncGenerator<string> {
  const within = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const root = join(directory, within);
  if (!(await isPresent(root))) return;
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    const name = join(entry.parentPath, entry.name).slice(join(directory, '/').length);
    const isHidden = name.split('/').some((part) => part.startsWith('.'));
    if (entry.isFile() && !isHidden && name.startsWith(prefix)) yield name;
  }
}
