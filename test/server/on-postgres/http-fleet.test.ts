// The fleet's API on a real PostgreSQL: instances, whose they are, and what is proposed to them.
import { onPostgres } from '../../support/on-postgres.ts';

await onPostgres([
  () => import('../http/compliance.test.ts'),
  () => import('../http/analytics.test.ts'),
  () => import('../http/fleet.test.ts'),
  () => import('../http/proposals.test.ts'),
  () => import('../http/rollouts.test.ts'),
  () => import('../http/customers.test.ts'),
  () => import('../http/enforce.test.ts'),
  () => import('../http/events.test.ts'),
  () => import('../http/instances.test.ts'),
  () => import('../http/receipts.test.ts'),
]);
