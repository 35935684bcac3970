// Credentials on a real PostgreSQL: who may ask, and until when.
import { onPostgres } from '../../support/on-postgres.ts';

await onPostgres([
  () => import('../http/access.test.ts'),
  () => import('../http/downloads.test.ts'),
  () => import('../hub/hub.test.ts'),
  () => import('../http/browser-sign-in.test.ts'),
  () => import('../http/passes.test.ts'),
  () => import('../http/sign-in.test.ts'),
  () => import('../http/tokens.test.ts'),
]);
