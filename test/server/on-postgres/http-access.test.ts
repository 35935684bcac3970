// Credentials on a real PostgreSQL: who may ask, and until when.
import { onPostgres } from '../../support/on-postgres.ts';

await onPostgres(async () => {
  await import('../http/access.test.ts');
  await import('../http/downloads.test.ts');
  await import('../hub/hub.test.ts');
  await import('../http/browser-sign-in.test.ts');
  await import('../http/sign-in.test.ts');
  await import('../http/tokens.test.ts');
});
