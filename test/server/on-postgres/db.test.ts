// Rows, reports, tokens, the audit chain, jobs and races, on a real PostgreSQL: the same queries, the same answers.
import { onPostgres } from '../../support/on-postgres.ts';

await onPostgres(async () => {
  await import('../db/audit-chain.test.ts');
  await import('../db/exposure.test.ts');
  await import('../db/instances.test.ts');
  await import('../db/proposal-races.test.ts');
  await import('../db/lists.test.ts');
  await import('../db/races.test.ts');
  await import('../db/reports.test.ts');
  await import('../db/rows.test.ts');
  await import('../db/tidy.test.ts');
  await import('../db/tokens.test.ts');
  await import('../jobs/processes.test.ts');
  await import('../jobs/run.test.ts');
});
