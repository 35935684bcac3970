// `fairlead-server migrate`: what an embedded server keeps in its directory, moved: the fleet into PostgreSQL, the repository elsewhere.
import { rename } from 'node:fs/promises';
import { count, EXIT, shellWord } from '../../shared/errors/entry.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { syncDirectory } from '../../shared/node/durable-file.ts';
import { tryLock } from '../../shared/node/lock.ts';
import { isPresent } from '../../shared/node/read-file.ts';
import { fileAddress, type PostgresAddress } from '../core/database-address.ts';
import { readFirstDigest } from '../db/audit-chain.ts';
import { type Copied, copyFleet } from '../db/copy.ts';
import { openAtLength, openDatabase } from '../db/database.ts';
import { type Layout, writeDatabaseMark } from '../repository/layout.ts';
import { asGiven, findHome, verifyPlace } from './home.ts';
import { moveRepository, prepareRepository } from './move-repository.ts';
import { type CliContext, print } from './options.ts';
import { isElsewhere, verifyRepositoryPlace } from './place.ts';

interface MigrateSettings {
  readonly dir: string;
  readonly to?: string;
  readonly toFile?: string;
  readonly repository?: string;
  readonly repositoryFile?: string;
}

/** The server is stopped meanwhile: agents find it gone for some seconds, and ask again. */
export async function migrate(
  context: CliContext,
  { dir, to, toFile, repository, repositoryFile }: MigrateSettings,
): Promise<number> {
  const given = { database: to, databaseFile: toFile, repository, repositoryFile };
  const home = await findHome({ dir, ...given }, context);
  const { layout, address } = home;
  if (address.kind === 'file' && !isElsewhere(home)) throw new FairleadError('server/database-unnamed', {});
  // A fleet that was moved before is named again with the repository that follows it.
  const isMoved = isElsewhere(home) && (await isPresent(layout.databaseMark));
  const moves = { fleet: address.kind === 'postgres' && !isMoved, repository: isElsewhere(home) };
  const here = isMoved ? home : { ...home, address: fileAddress(layout.database) };
  await verifyPlace(here, false);
  if (moves.repository) await verifyRepositoryPlace(home, 'move');
  const lock = await tryLock(layout.lock);
  if (lock === null) {
    // What never changes is copied beside a server that runs, so that it is stopped for a moment only.
    if (moves.repository) await prepareRepository(here);
    throw new FairleadError('server/in-use', { dir: layout.dir });
  }
  try {
    // The mark of the fleet is in its rows: the repository is held against them where they are by then.
    if (address.kind === 'postgres' && moves.fleet) await moveFleet(layout, address);
    if (moves.repository) await moveRepository(moves.fleet ? home : here);
  } finally {
    lock.release();
  }
  print(`next: fairlead-server run --dir ${shellWord(layout.dir)}${asGiven(given)}`);
  return EXIT.ok;
}

async function moveFleet(layout: Layout, address: PostgresAddress): Promise<void> {
  const began = performance.now();
  const copied = await move(layout, address);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const rows = Object.values(copied).reduce((sum, one) => sum + one, 0);
  print(`${address.place} holds the fleet of ${layout.dir} now: ${count(rows, 'row')} in ${seconds} s`);
  print(
    `  ${count(copied.instances ?? 0, 'instance')}, ${count(copied.audit ?? 0, 'entry', 'entries')} of the log`,
  );
  print(`  what the file held is kept in ${layout.database}.moved`);
}

/** From the mark on the database counts; what is killed before it has moved nothing. */
async function move(layout: Layout, address: PostgresAddress): Promise<Copied> {
  const from = await openDatabase(fileAddress(layout.database));
  let copied: Copied;
  try {
    const target = await openAtLength(address);
    copied = await copyFleet(from, target, address.place).finally(() => target.destroy());
    const first = await readFirstDigest(from);
    if (first !== null) await writeDatabaseMark(layout, { place: address.place, first });
  } finally {
    await from.destroy();
  }
  for (const companion of ['', '-wal', '-shm']) {
    const file = layout.database + companion;
    if (await isPresent(file)) await rename(file, `${layout.database}.moved${companion}`);
  }
  await syncDirectory(layout.dir);
  return copied;
}
