// Which database a suite runs on: the embedded file, or a real PostgreSQL for those who asked for it.
import { type DatabaseAddress, fileAddress } from '../../server/core/database-address.ts';
import { openDatabase, type Place } from '../../server/db/database.ts';
import type { Database } from '../../server/db/tables.ts';
import type { Postgres } from './postgres.ts';

let postgres: Postgres | null = null;
const addresses = new Map<string, Promise<DatabaseAddress>>();

/** From now on, in this test file, every place is a database of this server. */
export function usePostgres(server: Postgres): void {
  postgres = server;
}

/** Known where tests are named: those of one database alone are not even named on the other. */
export function isOnPostgres(): boolean {
  return postgres !== null;
}

/** The same place twice is the same database. */
export async function openAt(file: string, place: Place = 'inline'): Promise<Database> {
  return openDatabase(await locationOf(file), place);
}

export function locationOf(file: string): Promise<DatabaseAddress> {
  if (postgres === null) return Promise.resolve(fileAddress(file));
  const known = addresses.get(file) ?? postgres.create();
  addresses.set(file, known);
  return known;
}
