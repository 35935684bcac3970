// `fairlead-server drill`: a restore that is tried beside the running server, measured, and gone again.
import { EXIT } from '../../shared/errors/entry.ts';
import { createBackingUp } from '../backup/back-up.ts';
import { drill } from '../backup/drill.ts';
import { openPlace } from '../backup/place.ts';
import { databaseClock } from '../db/neighbours.ts';
import { openOnlineKeys } from '../repository/online-keys.ts';
import { openStore } from '../repository/open-store.ts';
import { passphraseSource, readPassphrase } from '../repository/passphrase.ts';
import { type BackupSettings, becomeOwner, readSource, requireBackup } from './backup-config.ts';
import { findHome, type OnDirectory, openHome } from './home.ts';
import { type CliContext, print } from './options.ts';
import { verifyRepositoryPlace } from './place.ts';

interface DrillSettings extends OnDirectory, BackupSettings {
  readonly passphraseFile?: string;
}

export async function runDrill(context: CliContext, settings: DrillSettings): Promise<number> {
  const config = await requireBackup(settings, context);
  const source = await readSource(passphraseSource(settings.passphraseFile, context.environment));
  await becomeOwner((await findHome(settings, context)).layout);
  const { db, ...home } = await openHome(settings, context);
  const { layout, address, repository } = home;
  const store = openStore(repository);
  const now = await databaseClock(db);
  const place = openPlace(config, layout.backupStaging);
  const { backUp, close } = createBackingUp({ layout, address, db, store, now }, config, place);
  try {
    await verifyRepositoryPlace(home, 'use');
    const { rpoMs, rtoMs, files, entries } = await drill({
      ...{ layout, address, db, store, place, now, backUp },
      openKeys: async (there) => openOnlineKeys(there, await readPassphrase(there, source)),
    });
    print(`restored from ${config.address.place}, proved, and removed again`);
    print(`  RPO  ${seconds(rpoMs)}  of reports would have been lost; no publication and no revocation`);
    print(
      `  RTO  ${seconds(rtoMs)}  with ${files} files of the repository and ${entries} entries of the log behind the copy`,
    );
    return EXIT.ok;
  } finally {
    await close();
    await db.destroy();
    await store.close();
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
