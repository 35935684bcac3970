// Publishing and signing again on a real PostgreSQL, where others could publish too.
import { onPostgres } from '../../support/on-postgres.ts';

await onPostgres([
  () => import('../jobs/guard.test.ts'),
  () => import('../jobs/resign.test.ts'),
  () => import('../repository/differences.test.ts'),
  () => import('../repository/halting.test.ts'),
  () => import('../repository/prune.test.ts'),
  () => import('../repository/publisher.test.ts'),
  () => import('../repository/retention.test.ts'),
  () => import('../repository/strange-state.test.ts'),
  () => import('../repository/tuf-client.test.ts'),
]);
