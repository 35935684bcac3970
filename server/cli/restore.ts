// `fairlead-server restore`: a server out of its backups, put together aside and moved into its directory last of all.
import { join } from 'node:path';
import { formatInstant } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { count, EXIT, shellWord } from '../../shared/errors/entry.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { makeDirectory } from '../../shared/node/durable-file.ts';
import { type Lock, tryLock } from '../../shared/node/lock.ts';
import { type BackupPlace, openPlace } from '../backup/place.ts';
import { noteRestored, type Restored, restoreServer } from '../backup/restore.ts';
import { type BackupSet, readSet } from '../backup/set.ts';
import { listSets } from '../backup/take.ts';
import type { SetName } from '../core/backup-names.ts';
import { directoryAddress } from '../core/repository-address.ts';
import { type Layout, layoutOf } from '../repository/layout.ts';
import { openOnlineKeys } from '../repository/online-keys.ts';
import { openStore } from '../repository/open-store.ts';
import { type PassphraseSource, passphraseSource, readPassphrase } from '../repository/passphrase.ts';
import { chooseSet, printSets } from './backup.ts';
import { type BackupSettings, becomeOwner, readSource, requireBackup } from './backup-config.ts';
import { asGiven, findHome, type Home, type OnDirectory, verifyFleet } from './home.ts';
import { type CliContext, print } from './options.ts';
import { claimRepository, isElsewhere } from './place.ts';
import { beginMove, moveIn, RESTORING } from './restore-move.ts';

interface RestoreSettings extends OnDirectory, BackupSettings {
  readonly passphraseFile?: string;
  readonly set?: number;
  readonly list?: boolean;
  readonly replace?: boolean;
}

export async function restore(context: CliContext, settings: RestoreSettings): Promise<number> {
  const config = await requireBackup(settings, context);
  const home = await findHome(settings, context);
  const place = openPlace(config, join(home.layout.dir, RESTORING));
  try {
    const sets = await listSets(place);
    if (settings.list === true) return printSets(sets);
    const name = chooseSet(place, sets, settings.set);
    const source = await readSource(passphraseSource(settings.passphraseFile, context.environment));
    return await inDirectory(home.layout, async () => {
      await beginMove(home.layout.dir, settings.replace === true);
      await restoreHere(settings, { home, place, name, source });
      return EXIT.ok;
    });
  } finally {
    await place.close();
  }
}

/** Errors: server/in-use, disk/*. */
async function inDirectory<Result>(layout: Layout, work: () => Promise<Result>): Promise<Result> {
  await makeDirectory(layout.dir);
  await becomeOwner(layout);
  const lock: Lock | null = await tryLock(layout.lock);
  if (lock === null) throw new FairleadError('server/in-use', { dir: layout.dir });
  return work().finally(() => lock.release());
}

interface Chosen {
  readonly home: Home;
  readonly place: BackupPlace;
  readonly name: SetName;
  readonly source: PassphraseSource;
}

async function restoreHere(settings: RestoreSettings, { home, place, name, source }: Chosen): Promise<void> {
  const began = performance.now();
  const set = await readSet(place, name.name);
  const { dir } = home.layout;
  const layout = layoutOf(join(dir, RESTORING));
  const address = home.address.kind === 'file' ? { ...home.address, path: layout.database } : home.address;
  verifyKind(home, set);
  const elsewhere = isElsewhere(home);
  const repository = elsewhere ? home.repository : directoryAddress(layout.dir);
  const store = openStore(repository);
  const openKeys = async () => openOnlineKeys(layout, await readPassphrase(layout, source));
  try {
    const options = { place, layout, address, store, openKeys, now: Date.now };
    const { db, restored } = await restoreServer(options, name, set);
    const inPlace = { layout, address, repository };
    await verifyFleet(db, inPlace)
      .then(() => noteRestored(db, name, restored.replayed, Date.now()))
      .then(() =>
        claimRepository(db, elsewhere ? inPlace : { ...inPlace, repository: directoryAddress(layout.dir) }),
      )
      .finally(() => db.destroy());
    await moveIn(dir);
    tell(dir, name, restored, performance.now() - began);
    print(`next: fairlead-server run --dir ${shellWord(dir)}${asGiven(settings)}`);
  } finally {
    await store.close();
  }
}

/** A fleet in PostgreSQL has its rows there, and one in a file has a copy of it. */
function verifyKind({ address }: Home, set: BackupSet): void {
  const isEmbedded = set.database !== null;
  if (isEmbedded === (address.kind === 'file')) return;
  throw new FairleadError('restore/other-database', { isEmbedded });
}

const MOST_TOLD = 50;

function tell(dir: string, { sequence, at }: SetName, restored: Restored, ms: number): void {
  const { replayed, files, publications } = restored;
  print(`${dir} holds the server of backup ${sequence}, in ${(ms / 1000).toFixed(1)} s`);
  print(
    `  the fleet of ${formatInstant(at)}, and ${count(replayed.entries, 'entry', 'entries')} of the log since`,
  );
  print(`  ${count(files, 'file')} of the repository, ${count(publications, 'publication')} since`);
  if (replayed.isBroken)
    print(
      '  the log at the place ends where a part of it does not continue what is here: give backups another place',
    );
  print('lost: reports since then, which installs send again as they stand');
  for (const entry of replayed.lost.slice(0, MOST_TOLD)) {
    print(
      sanitizeLine(
        `lost: ${entry.at} ${entry.action} ${entry.subject}, by ${entry.actor}: to be done again`,
        400,
      ),
    );
  }
  const more = replayed.lostCount - Math.min(replayed.lost.length, MOST_TOLD);
  if (more > 0) print(`lost: ${more} more, which the log has: GET /api/v1/audit`);
}
