// Requests on a real PostgreSQL: what is read of them, and how long anybody waits.
import { onPostgres } from '../../support/on-postgres.ts';

await onPostgres(async () => {
  await import('../http/examples.test.ts');
  await import('../http/hot.test.ts');
  await import('../http/limits.test.ts');
  await import('../http/packs.test.ts');
  await import('../http/requests.test.ts');
  await import('../http/slow-connections.test.ts');
  await import('../http/turns.test.ts');
});
