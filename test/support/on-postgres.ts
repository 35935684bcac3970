// Suites once more on a real PostgreSQL: every place that they name is a database of it, from here to the end of the file.
import { afterAll, describe, it } from 'vitest';
import { usePostgres } from './databases.ts';
import { findPostgres, startPostgres } from './postgres.ts';
import { runAgain, type Suites } from './suites-again.ts';

const STOP_MS = 120_000;

/** Where the machine has no PostgreSQL they are skipped, and the reporter says so. */
export async function onPostgres(suites: Suites): Promise<void> {
  const programs = findPostgres();
  if (programs === null) {
    describe.skip('PostgreSQL', () => it('is not on this machine', () => undefined));
    return;
  }
  const server = await startPostgres(programs);
  usePostgres(server);
  afterAll(() => server.stop(), STOP_MS);
  runAgain(suites);
}
