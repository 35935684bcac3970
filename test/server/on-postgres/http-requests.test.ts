// Requests on a real PostgreSQL: what is read of them, and how long anybody waits.
import { onPostgres } from '../../support/on-postgres.ts';

await onPostgres([
  () => import('../http/examples.test.ts'),
  () => import('../http/held-database.test.ts'),
  () => import('../http/limits.test.ts'),
  () => import('../http/metrics.test.ts'),
  () => import('../http/packs.test.ts'),
  () => import('../http/patches.test.ts'),
  () => import('../http/plain-posts.test.ts'),
  () => import('../http/receipts.test.ts'),
  () => import('../http/requests.test.ts'),
  () => import('../http/slow-connections.test.ts'),
  () => import('../http/turns.test.ts'),
]);
