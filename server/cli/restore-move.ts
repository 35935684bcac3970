// How a restored server gets into its directory: nothing of what was there is removed, and until the last step nothing there starts as a server.
import { randomUUID } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../shared/node/durable-file.ts';
import { isPresent } from '../../shared/node/read-file.ts';
import { layoutOf } from '../repository/layout.ts';

/** Where it is put together. */
export const RESTORING = '.restoring';
/** From when what stood in the directory was put aside until all is in its place: whatever is there is ours. */
const MOVING = '.restoring-moves';
const REPLACED = '.replaced';
/** The lock that this process holds, and what a file system has of its own. */
const NOT_OURS = /^(?:\.restoring.*|\.replaced.*|lock\.db.*|lost\+found)$/;

/** Error: restore/occupied, unless what is there may be put aside, or is what an earlier attempt left. */
export async function beginMove(dir: string, mayReplace: boolean): Promise<void> {
  const isEmpty = (await entriesOf(dir)).length === 0;
  if (!isEmpty && !mayReplace && !(await isPresent(join(dir, MOVING))))
    throw new FairleadError('restore/occupied', { dir });
  await rm(join(dir, RESTORING), { recursive: true, force: true });
}

/** What makes it a server comes last: the database, or the mark of where that is. Errors: disk/*. */
export async function moveIn(dir: string): Promise<void> {
  const from = join(dir, RESTORING);
  await putAside(dir);
  await writeDurably(join(dir, MOVING), utf8(''));
  const { database, databaseMark } = layoutOf(from);
  const last = [database, databaseMark];
  const names = (await readdir(from)).map((name) => join(from, name)).filter((path) => !last.includes(path));
  for (const path of [...names, ...last]) {
    if (!(await isPresent(path))) continue;
    // Everything before it must have arrived for good.
    if (last.includes(path)) await syncDirectory(dir);
    await rename(path, join(dir, path.slice(from.length + 1)));
  }
  await syncDirectory(dir);
  await rm(from, { recursive: true, force: true });
  await rm(join(dir, MOVING), { force: true });
  await syncDirectory(dir);
}

/** What makes it a server goes first, so that no half of it starts. */
async function putAside(dir: string): Promise<void> {
  const names = await entriesOf(dir);
  if (names.length === 0) return;
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  // Never one that is there: what an attempt before put aside would be written over by what that one put in its place.
  const aside = join(dir, `${REPLACED}-${stamp}-${randomUUID().slice(0, 8)}`);
  await makeDirectory(aside);
  const { database, databaseMark } = layoutOf(dir);
  const first = [database, databaseMark].map((path) => path.slice(dir.length + 1));
  for (const name of names.toSorted((a, b) => Number(first.includes(b)) - Number(first.includes(a))))
    await rename(join(dir, name), join(aside, name));
  await syncDirectory(aside);
  await syncDirectory(dir);
}

async function entriesOf(dir: string): Promise<readonly string[]> {
  return (await readdir(dir)).filter((name) => !NOT_OURS.test(name));
}
