// The repository of an embedded server on its way to another place: begun beside the running server, resumed after a kill, shown last.
import { randomUUID } from 'node:crypto';
import { appendFile, copyFile, link, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { count } from '../../shared/errors/entry.ts';
import { syncDirectory } from '../../shared/node/durable-file.ts';
import { absentOr, isPresent } from '../../shared/node/read-file.ts';
import { directoryAddress } from '../core/repository-address.ts';
import { type CopiedFiles, type Copying, copyForGood, copyShown, type Progress } from '../repository/copy.ts';
import { writeRepositoryMark } from '../repository/layout.ts';
import { PUBLIC } from '../repository/names.ts';
import { openStore } from '../repository/open-store.ts';
import { type Home, openVerified } from './home.ts';
import { print } from './options.ts';
import { claimStore } from './place.ts';

/** Copies what never changes, while a server may still work here. Errors: server/repository-*, disk/*. */
export async function prepareRepository(home: Home): Promise<void> {
  const copied = await copying(home, copyForGood);
  print(`${home.repository.place} holds ${described(copied)}; the server still runs`);
  print('  stop it and give the same command again: what is left takes a moment');
}

/** From the mark in the directory on the other place counts; what is killed before it has moved nothing. */
export async function moveRepository(home: Home): Promise<void> {
  const { layout, repository } = home;
  const copied = await copying(home, async (one) => {
    const files = await copyForGood(one);
    await copyShown(one);
    return files;
  });
  await writeRepositoryMark(layout, repository.place);
  for (const name of ['repository', 'commit.json']) {
    const path = join(layout.dir, name);
    if (await isPresent(path)) await rename(path, `${path}.moved`);
  }
  await rm(progressFile(home), { force: true });
  await syncDirectory(layout.dir);
  print(`${repository.place} holds the repository of ${layout.dir} now: ${described(copied)}`);
  print(`  what the directory held is kept in ${layout.repository}.moved`);
}

function described({ files, before }: CopiedFiles): string {
  return `${count(files, 'file')}, each compared by its digest, ${before} of them before`;
}

async function copying<Result>(home: Home, use: (copying: Copying) => Promise<Result>): Promise<Result> {
  const { dir } = home.layout;
  const from = openStore(directoryAddress(dir));
  const to = openStore(home.repository);
  try {
    const db = await openVerified(home);
    await claimStore(to, db, home).finally(() => db.destroy());
    const done = await readProgress(home);
    return await use({ from, to, done, lend: (name, take) => lendFile(join(dir, name), take) });
  } finally {
    await to.close();
  }
}

/** By a second name for the same bytes, where the file system has that. */
async function lendFile(path: string, use: (file: string) => Promise<void>): Promise<void> {
  const lent = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    await link(path, lent).catch(() => copyFile(path, lent));
    await use(lent);
  } finally {
    await rm(lent, { force: true });
  }
}

function progressFile({ layout: { dir } }: Home): string {
  return join(dir, 'repository-copied.jsonl');
}

/** A line for each file; one for another place, or cut off in its middle, counts for nothing. */
async function readProgress(home: Home): Promise<Progress> {
  const path = progressFile(home);
  const { place } = home.repository;
  const text = await readFile(path, 'utf8').catch((cause: unknown) => absentOr(path, cause, ''));
  const known = new Set(text.split('\n'));
  const lineOf = (name: string, tag: string) => JSON.stringify([place, name.slice(PUBLIC.length), tag]);
  return {
    has: (name, tag) => known.has(lineOf(name, tag)),
    add: (name, tag) => appendFile(path, `${lineOf(name, tag)}\n`, { mode: 0o600 }),
  };
}
