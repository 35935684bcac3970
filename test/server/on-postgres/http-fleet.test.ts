// The fleet's API on a real PostgreSQL: instances, whose they are, and what is proposed to them.
import { onPostgres } from '../../support/on-postgres.ts';

await onPostgres(async () => {
  await import('../http/fleet.test.ts');
  await import('../http/proposals.test.ts');
  await import('../http/customers.test.ts');
  await import('../http/enforce.test.ts');
  await import('../http/instances.test.ts');
});
