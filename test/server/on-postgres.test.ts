// The server's own suites once more, on a real PostgreSQL: the same queries, the same answers.
import { afterAll, describe, it } from 'vitest';
import { usePostgres } from '../support/databases.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';

const programs = findPostgres();

if (programs === null) {
  describe.skip('PostgreSQL', () => {
    it('is not on this machine', () => undefined);
  });
} else {
  const server = await startPostgres(programs);
  usePostgres(server);
  afterAll(() => server.stop());
  await import('./db/reports.test.ts');
  await import('./db/rows.test.ts');
  await import('./db/audit-chain.test.ts');
  await import('./db/races.test.ts');
  await import('./http/fleet.test.ts');
  await import('./http/tokens.test.ts');
  await import('./http/proposals.test.ts');
}
