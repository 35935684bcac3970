// A server's directory, the database that goes with it and its secrets: found by what was given, and never mixed up with another's.
import { join, resolve } from 'node:path';
import { shellWord } from '../../shared/errors/entry.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { readNamed, readSecret } from '../../shared/node/named-file.ts';
import { isPresent } from '../../shared/node/read-file.ts';
import {
  type DatabaseAddress,
  fileAddress,
  holdsPassword,
  parsePostgresAddress,
} from '../core/database-address.ts';
import {
  directoryAddress,
  environmentOfProfile,
  holdsSecret,
  isS3,
  parseS3Address,
  type RepositoryAddress,
  verifyPath,
} from '../core/repository-address.ts';
import { readFirstDigest } from '../db/audit-chain.ts';
import { openDatabase } from '../db/database.ts';
import type { Database } from '../db/tables.ts';
import { type Layout, layoutOf, readDatabaseMark } from '../repository/layout.ts';
import type { CliContext } from './options.ts';

/** What every command on a directory is given. */
export interface OnDirectory {
  readonly dir: string;
  readonly database?: string | undefined;
  readonly databaseFile?: string | undefined;
  readonly repository?: string | undefined;
  readonly repositoryFile?: string | undefined;
}

export interface Home {
  readonly layout: Layout;
  readonly address: DatabaseAddress;
  readonly repository: RepositoryAddress;
}

const DATABASE = { variable: 'FAIRLEAD_SERVER_DATABASE', credential: 'fairlead-database' };
const REPOSITORY = { variable: 'FAIRLEAD_SERVER_REPOSITORY', credential: 'fairlead-repository' };

/**
 * What was typed goes first, then the environment, then a credential of the unit; without any of them database and
 * repository are in the directory. Errors: server/database-address, server/password-shown, server/repository-address,
 * server/keys-shown, file/*.
 */
export async function findHome(given: OnDirectory, { environment }: CliContext): Promise<Home> {
  const { dir, database, databaseFile, repository, repositoryFile } = given;
  const layout = layoutOf(resolve(dir));
  const address =
    typedDatabase(database) ?? (await findSecret({ ...DATABASE, file: databaseFile }, environment));
  const place =
    typedPlace('--repository', repository) ??
    (await findSecret({ ...REPOSITORY, file: repositoryFile }, environment));
  return {
    layout,
    address: address === null ? fileAddress(layout.database) : parsePostgresAddress(address),
    repository: await placeAt(place ?? layout.dir, environment),
  };
}

function typedDatabase(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (holdsPassword(parsePostgresAddress(text))) throw new FairleadError('server/password-shown', {});
  return text;
}

export function typedPlace(flag: string, text: string | undefined): string | null {
  if (text !== undefined && holdsSecret(text)) throw new FairleadError('server/keys-shown', { flag });
  return text ?? null;
}

/** Errors: server/repository-address, file/*. */
export async function placeAt(text: string, environment: NodeJS.ProcessEnv): Promise<RepositoryAddress> {
  if (!isS3(text)) {
    verifyPath(text);
    return directoryAddress(resolve(text));
  }
  const { AWS_SHARED_CREDENTIALS_FILE: file, AWS_PROFILE: profile = 'default' } = environment;
  if (file === undefined || environment.AWS_ACCESS_KEY_ID !== undefined)
    return parseS3Address(text, environment);
  const keys = environmentOfProfile(new TextDecoder().decode(await readNamed(file)), profile);
  return parseS3Address(text, { ...environment, ...keys });
}

/** As it was typed: no form that is taken holds a secret. */
export function asGiven(given: Omit<OnDirectory, 'dir'>): string {
  const words = [
    ['--database', given.database],
    ['--database-file', given.databaseFile],
    ['--repository', given.repository],
    ['--repository-file', given.repositoryFile],
  ] as const;
  return words.map(([flag, value]) => (value === undefined ? '' : ` ${flag} ${shellWord(value)}`)).join('');
}

/**
 * The database of a directory that `init` made. The caller ends with `destroy()`. Errors: those of `findHome`,
 * server/not-initialized, server/database-*.
 */
export async function openHome(
  settings: OnDirectory,
  context: CliContext,
): Promise<Home & { readonly db: Database }> {
  const home = await findHome(settings, context);
  await verifyPlace(home, false);
  return { ...home, db: await openVerified(home) };
}

/** The caller ends with `destroy()`. Errors: server/database-*. */
export async function openVerified(home: Home): Promise<Database> {
  const db = await openDatabase(home.address);
  try {
    await verifyFleet(db, home);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** Another kind of database than the directory's would begin an empty fleet beside the real one. */
export async function verifyPlace(
  { layout, address }: Pick<Home, 'layout' | 'address'>,
  mayBegin: boolean,
): Promise<void> {
  const { dir } = layout;
  const mark = await readDatabaseMark(layout);
  if (address.kind === 'file' && mark !== null) {
    throw new FairleadError('server/database-elsewhere', { dir, database: mark.place });
  }
  const isEmbedded = await isPresent(layout.database);
  if (address.kind === 'postgres' && mark === null && isEmbedded)
    throw new FairleadError('server/database-embedded', { dir });
  if (!mayBegin && mark === null && !isEmbedded) throw new FairleadError('server/not-initialized', { dir });
}

/** One that was given by mistake would know none of the agents. Error: server/database-foreign. */
export async function verifyFleet(db: Database, { layout, address }: Home): Promise<void> {
  const mark = await readDatabaseMark(layout);
  if (mark === null || address.kind === 'file' || (await readFirstDigest(db)) === mark.first) return;
  throw new FairleadError('server/database-foreign', { dir: layout.dir, database: address.place });
}

/** Errors: those of `openHome` and of `use`. */
export async function withDatabase<Result>(
  settings: OnDirectory,
  context: CliContext,
  use: (db: Database, layout: Layout) => Promise<Result>,
): Promise<Result> {
  const { db, layout } = await openHome(settings, context);
  return use(db, layout).finally(() => db.destroy());
}

export interface SecretPlaces {
  /** Typed on the command line. */
  readonly file: string | undefined;
  /** Of the environment. */
  readonly variable: string;
  /** Of systemd's LoadCredential. */
  readonly credential: string;
}

/** Null where it stands in none of them. Errors: file/*. */
export async function findSecret(
  { file, variable, credential }: SecretPlaces,
  environment: NodeJS.ProcessEnv,
): Promise<string | null> {
  if (file !== undefined) return readSecret(file);
  const given = environment[variable];
  if (given !== undefined) return given;
  const path = await credentialPath({ credential }, environment);
  return path === null ? null : readSecret(path);
}

/** Null where the service manager handed over none of this name. */
export async function credentialPath(
  { credential }: Pick<SecretPlaces, 'credential'>,
  { CREDENTIALS_DIRECTORY: directory }: NodeJS.ProcessEnv,
): Promise<string | null> {
  const path = directory === undefined ? null : join(directory, credential);
  return path !== null && (await isPresent(path)) ? path : null;
}
