// Where the backups of a server go and what seals them, as it was typed or stands in the environment.
import { stat } from 'node:fs/promises';
import { FairleadError } from '../../shared/errors/error.ts';
import { readNamed, readSecret } from '../../shared/node/named-file.ts';
import { type BackupKeys, parseBackupKeys } from '../backup/keys.ts';
import type { BackupConfig } from '../backup/place.ts';
import type { Layout } from '../repository/layout.ts';
import type { PassphraseSource } from '../repository/passphrase.ts';
import { credentialPath, findSecret, placeAt, typedPlace } from './home.ts';
import type { CliContext } from './options.ts';

export interface BackupSettings {
  readonly backup?: string | undefined;
  readonly backupFile?: string | undefined;
  readonly backupKeyFile?: string | undefined;
}

const PLACE = { variable: 'FAIRLEAD_SERVER_BACKUP', credential: 'fairlead-backup' };
const KEY = { variable: 'FAIRLEAD_SERVER_BACKUP_KEY', credential: 'fairlead-backup-key' };
const MAX_KEY_BYTES = 64 << 10;

/** Null where none are kept. Errors: server/repository-address, server/keys-shown, backup/no-key, backup/key-unfit, file/*. */
export async function findBackup(
  settings: BackupSettings,
  { environment }: CliContext,
): Promise<BackupConfig | null> {
  const { backup, backupFile, backupKeyFile } = settings;
  const place =
    typedPlace('--backup', backup) ?? (await findSecret({ ...PLACE, file: backupFile }, environment));
  if (place === null) return null;
  const address = await placeAt(place, environment);
  return { address, keys: await findKeys(backupKeyFile, environment) };
}

/** Errors: as above, and backup/no-place. */
export async function requireBackup(settings: BackupSettings, context: CliContext): Promise<BackupConfig> {
  const found = await findBackup(settings, context);
  if (found === null) throw new FairleadError('backup/no-place', {});
  return found;
}

/**
 * What root makes in the directory, and at the place, the account of the service could neither write nor remove: from here on
 * this process is the one whose directory it is. Whatever only root may read was read before.
 */
export async function becomeOwner({ dir }: Layout): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(dir);
  if (uid === 0) return;
  process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

/** Its file, read now: who goes on may not be allowed to. Errors: file/*. */
export async function readSource(source: PassphraseSource): Promise<PassphraseSource> {
  if (source.file === undefined) return source;
  return { file: undefined, environment: await readSecret(source.file) };
}

async function findKeys(file: string | undefined, environment: NodeJS.ProcessEnv): Promise<BackupKeys> {
  const path =
    file ?? (environment[KEY.variable] === undefined ? await credentialPath(KEY, environment) : null);
  if (path !== null) {
    const text = new TextDecoder().decode(await readNamed(path, MAX_KEY_BYTES));
    return parseBackupKeys(text, path);
  }
  const given = environment[KEY.variable];
  if (given === undefined) throw new FairleadError('backup/no-key', {});
  return parseBackupKeys(given, `$${KEY.variable}`);
}
