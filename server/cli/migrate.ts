// `fairlead-server migrate`: the fleet of an embedded server into a PostgreSQL database, with the same tokens, agents and log.
import { rename } from 'node:fs/promises';
import { count, EXIT, shellWord } from '../../shared/errors/entry.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { syncDirectory } from '../../shared/node/durable-file.ts';
import { tryLock } from '../../shared/node/lock.ts';
import { isPresent } from '../../shared/node/read-file.ts';
import type { PostgresAddress } from '../core/database-address.ts';
import { fileAddress } from '../core/database-address.ts';
import { readFirstDigest } from '../db/audit-chain.ts';
import { type Copied, copyFleet } from '../db/copy.ts';
import { openAtLength, openDatabase } from '../db/database.ts';
import { type Layout, writeDatabaseMark } from '../repository/layout.ts';
import { findHome, verifyPlace } from './home.ts';
import { type CliContext, print } from './options.ts';

interface MigrateSettings {
  readonly dir: string;
  readonly to?: string;
  readonly toFile?: string;
}

/** The server is stopped meanwhile: agents find it gone for some seconds, and ask again. */
export async function migrate(context: CliContext, { dir, to, toFile }: MigrateSettings): Promise<number> {
  const { layout, address } = await findHome({ dir, database: to, databaseFile: toFile }, context);
  if (address.kind === 'file') throw new FairleadError('server/database-unnamed', {});
  await verifyPlace({ layout, address: fileAddress(layout.database) }, false);
  const lock = await tryLock(layout.lock);
  if (lock === null) throw new FairleadError('server/in-use', { dir: layout.dir });
  const began = performance.now();
  const copied = await move(layout, address).finally(() => lock.release());
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const rows = Object.values(copied).reduce((sum, one) => sum + one, 0);
  print(`${address.place} holds the fleet of ${layout.dir} now: ${count(rows, 'row')} in ${seconds} s`);
  print(
    `  ${count(copied.instances ?? 0, 'instance')}, ${count(copied.audit ?? 0, 'entry', 'entries')} of the log`,
  );
  print(`  what the file held is kept in ${layout.database}.moved`);
  const given = toFile === undefined ? '' : ` --database-file ${shellWord(toFile)}`;
  print(
    `next: fairlead-server run --dir ${shellWord(layout.dir)}${given || ` --database ${shellWord(to ?? '')}`}`,
  );
  return EXIT.ok;
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
