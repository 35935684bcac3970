// The API on a real PostgreSQL: who may ask, what is answered, and how long anybody waits.
import { onPostgres } from '../../support/on-postgres.ts';

await onPostgres(async () => {
  await import('../http/access.test.ts');
  await import('../http/fleet.test.ts');
  await import('../http/packs.test.ts');
  await import('../http/proposals.test.ts');
  await import('../http/requests.test.ts');
  await import('../http/sign-in.test.ts');
  await import('../http/slow-connections.test.ts');
  await import('../http/tokens.test.ts');
  await import('../http/customers.test.ts');
  await import('../http/turns.test.ts');
});
