// Rows, reports, tokens, the audit chain, jobs and races, on a real PostgreSQL: the same queries, the same answers.
import { onPostgres } from '../../support/on-postgres.ts';

await onPostgres([
  () => import('../db/analytics.test.ts'),
  () => import('../db/audit-chain.test.ts'),
  () => import('../db/events.test.ts'),
  () => import('../db/exposure.test.ts'),
  () => import('../db/heartbeats.test.ts'),
  () => import('../db/holders.test.ts'),
  () => import('../db/instances.test.ts'),
  () => import('../db/ledger-heads.test.ts'),
  () => import('../db/proposal-races.test.ts'),
  () => import('../db/lists.test.ts'),
  () => import('../db/races.test.ts'),
  () => import('../db/report-statements.test.ts'),
  () => import('../db/reports.test.ts'),
  () => import('../db/rows.test.ts'),
  () => import('../db/running-versions.test.ts'),
  () => import('../db/spans.test.ts'),
  () => import('../db/steps.test.ts'),
  () => import('../db/tidy.test.ts'),
  () => import('../db/tokens.test.ts'),
  () => import('../jobs/alerts.test.ts'),
  () => import('../jobs/mail.test.ts'),
  () => import('../jobs/outbox.test.ts'),
  () => import('../jobs/processes.test.ts'),
  () => import('../jobs/run.test.ts'),
]);
