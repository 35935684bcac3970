// Publishing and signing again on a real PostgreSQL, where others could publish too.
import { onPostgres } from '../../support/on-postgres.ts';

await onPostgres(async () => {
  await import('../jobs/resign.test.ts');
  await import('../repository/publisher.test.ts');
  await import('../repository/strange-state.test.ts');
  await import('../repository/tuf-client.test.ts');
});
