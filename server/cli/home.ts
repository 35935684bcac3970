// A server's directory, the database that goes with it and its secrets: found by what was given, and never mixed up with another's.
import { join, resolve } from 'node:path';
import { FairleadError } from '../../shared/errors/error.ts';
import { readSecret } from '../../shared/node/named-file.ts';
import { isPresent } from '../../shared/node/read-file.ts';
import {
  type DatabaseAddress,
  fileAddress,
  holdsPassword,
  parsePostgresAddress,
} from '../core/database-address.ts';
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
}

export interface Home {
  readonly layout: Layout;
  readonly address: DatabaseAddress;
}

const PLACES = { variable: 'FAIRLEAD_SERVER_DATABASE', credential: 'fairlead-database' };

/**
 * What was typed goes first, then the environment, then a credential of the unit; without any of them it is the file in
 * the directory. Errors: server/database-address, server/password-shown, file/*.
 */
export async function findHome(
  { dir, database, databaseFile }: OnDirectory,
  { environment }: CliContext,
): Promise<Home> {
  const layout = layoutOf(resolve(dir));
  const text = typed(database) ?? (await findSecret({ ...PLACES, file: databaseFile }, environment));
  return { layout, address: text === null ? fileAddress(layout.database) : parsePostgresAddress(text) };
}

function typed(database: string | undefined): string | null {
  if (database === undefined) return null;
  if (holdsPassword(parsePostgresAddress(database))) throw new FairleadError('server/password-shown', {});
  return database;
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
export async function verifyPlace({ layout, address }: Home, mayBegin: boolean): Promise<void> {
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
  const directory = environment.CREDENTIALS_DIRECTORY;
  const path = directory === undefined ? null : join(directory, credential);
  return path !== null && (await isPresent(path)) ? readSecret(path) : null;
}
