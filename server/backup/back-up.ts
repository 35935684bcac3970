// One backup by one process of all: whoever makes it has the lock, the place is the fleet's, and what came of it is written down.
import { formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { tryLock } from '../../shared/node/lock.ts';
import { readFirstDigest } from '../db/audit-chain.ts';
import { clearBackupMark, writeBackupMark } from '../db/backup-marks.ts';
import { transact, tryHold } from '../db/transact.ts';
import { readBackupPlace, writeBackupPlace } from '../repository/layout.ts';
import { type BackupConfig, type BackupPlace, claimPlace, openPlace } from './place.ts';
import { type BackedUp, createTaking, type Taken } from './take.ts';

export interface BackingUp {
  /** Errors: backup/*, disk/*, server/database-*. */
  backUp(): Promise<Taken>;
  close(): Promise<void>;
}

/** `place` is closed with it. */
export function createBackingUp(
  server: Omit<BackedUp, 'place'>,
  config: BackupConfig,
  place: BackupPlace = openPlace(config, server.layout.backupStaging),
): BackingUp {
  const taking = createTaking({ ...server, place });
  return {
    backUp: () =>
      alone(server, async () => {
        await claimHere(server, config);
        const taken = await taking.take();
        await note(server, taken);
        return taken;
      }),
    close: () => place.close(),
  };
}

/** The mark comes after the claim: from then on an empty place is a disk that is not there. */
export async function claimHere(
  { db, layout }: Pick<BackedUp, 'db' | 'layout'>,
  { address }: BackupConfig,
): Promise<void> {
  const first = await readFirstDigest(db);
  if (first === null) throw new Error('a fleet has the entry of its first token');
  const known = await readBackupPlace(layout);
  await claimPlace(address, first, known === address.place);
  if (known !== address.place) await writeBackupPlace(layout, address.place);
}

/** The command beside a running server, or two servers on one database, would take away what the other has just put there. */
async function alone<Result>(
  { layout, address, db }: Pick<BackedUp, 'layout' | 'address' | 'db'>,
  work: () => Promise<Result>,
): Promise<Result> {
  if (address.kind === 'file') {
    const lock = await tryLock(layout.backupLock);
    if (lock === null) throw new FairleadError('backup/busy', {});
    return work().finally(() => lock.release());
  }
  return db.connection().execute(async (held) => {
    const release = await tryHold(held, 'backup');
    if (release === null) throw new FairleadError('backup/busy', {});
    return work().finally(release);
  });
}

async function note({ db }: Pick<BackedUp, 'db'>, taken: Taken): Promise<void> {
  const { set, tookMs } = taken;
  await transact(db, 'committed', async (trx) => {
    const mark = { at: formatInstantMs(set.at), tookMs: Math.round(tookMs), bytes: set.bytes };
    await writeBackupMark(trx, 'backup', mark);
    await clearBackupMark(trx, 'failed');
  });
}
