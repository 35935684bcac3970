// `fairlead-server backup`: one more now, beside the running server or without one; and which there are.
import { formatInstant } from '../../shared/encoding/instant.ts';
import { count, EXIT, formatBytes } from '../../shared/errors/entry.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { createBackingUp } from '../backup/back-up.ts';
import type { BackupPlace } from '../backup/place.ts';
import type { SetName } from '../core/backup-names.ts';
import { type Archive, readArchive } from '../db/archive.ts';
import { databaseClock } from '../db/neighbours.ts';
import { openStore } from '../repository/open-store.ts';
import { type BackupSettings, becomeOwner, requireBackup } from './backup-config.ts';
import { findHome, type OnDirectory, openHome } from './home.ts';
import { type CliContext, print } from './options.ts';
import { verifyRepositoryPlace } from './place.ts';

export async function backup(context: CliContext, settings: OnDirectory & BackupSettings): Promise<number> {
  const config = await requireBackup(settings, context);
  await becomeOwner((await findHome(settings, context)).layout);
  const { db, ...home } = await openHome(settings, context);
  const { layout, address, repository } = home;
  const store = openStore(repository);
  try {
    await verifyRepositoryPlace(home, 'use');
    const backingUp = createBackingUp({ layout, address, db, store, now: await databaseClock(db) }, config);
    const { set, tookMs, removed } = await backingUp.backUp().finally(() => backingUp.close());
    const seconds = (tookMs / 1000).toFixed(1);
    const what =
      address.kind === 'file' ? formatBytes(set.bytes) : 'without the fleet, which is in PostgreSQL';
    print(`backup ${set.sequence} is at ${config.address.place}: ${what}, in ${seconds} s`);
    if (address.kind === 'postgres') print(`  ${describeArchive(await readArchive(db))}`);
    if (removed > 0) print(`  ${count(removed, 'older one')} went`);

    return EXIT.ok;
  } finally {
    await db.destroy();
    await store.close();
  }
}

function describeArchive(archive: Archive | null): string {
  if (archive === null) return 'PostgreSQL keeps no archive of its log: what its own backups lack is lost';
  const failed = archive.failed === null ? '' : `; the last attempt failed, on ${archive.failed}`;
  return `PostgreSQL archived last ${Math.round(archive.ageMs / 1000)} s ago${failed}`;
}

/** Newest last, where a person looks. */
export function printSets(sets: readonly SetName[]): number {
  for (const { sequence, at, bytes } of sets)
    print(`${String(sequence).padStart(9)}  ${formatInstant(at)}  ${formatBytes(bytes)}`);
  print(`${count(sets.length, 'backup')}; the newest is restored unless --set names another`);
  return EXIT.ok;
}

/** Error: backup/none. */
export function chooseSet(place: BackupPlace, sets: readonly SetName[], wanted?: number): SetName {
  const found = wanted === undefined ? sets.at(-1) : sets.find(({ sequence }) => sequence === wanted);
  if (found !== undefined) return found;
  throw new FairleadError('backup/none', { place: place.place, wanted: wanted?.toString() ?? '' });
}
