// What the counts of ended deployments say, grouped as somebody asks.
import { sql } from 'kysely';
import type { DeploymentDimension, DeploymentGroup } from '../../shared/protocol/analytics.ts';
import { usualPercentiles } from '../core/durations.ts';
import type { DeploymentStatRow, Outcome } from './analytics-row.ts';
import type { Database } from './tables.ts';

export interface DeploymentQuestion {
  /** The first and the last day, as `2026-11-29`. */
  readonly from: string;
  readonly to: string;
  readonly component?: string | undefined;
  readonly version?: string | undefined;
  readonly by: readonly DeploymentDimension[];
  /** Of groups: those with most deployments, or the last days. */
  readonly limit: number;
}

type Row = Pick<DeploymentStatRow, 'reason' | 'outcome' | 'step' | 'deployments'> &
  Partial<Pick<DeploymentStatRow, DeploymentDimension>>;

/** By size, or by day where days are asked for. */
export async function summarizeDeployments(
  db: Database,
  question: DeploymentQuestion,
): Promise<{ readonly groups: readonly DeploymentGroup[]; readonly more: boolean }> {
  const { by, limit } = question;
  const groups = new Map<string, Row[]>();
  for (const row of await selectStats(db, question)) {
    const key = by.map((dimension) => row[dimension]).join('\n');
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push({ ...row, step: Number(row.step), deployments: Number(row.deployments) });
  }
  const all = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rows]) => groupOf(rows, by));
  const bySize = all.toSorted((a, b) => b.deployments - a.deployments);
  if (!by.includes('day')) return { groups: bySize.slice(0, limit), more: all.length > limit };
  const inTime = all.toSorted((a, b) => ((a.day ?? '') < (b.day ?? '') ? -1 : 1));
  return { groups: inTime.slice(-limit), more: all.length > limit };
}

/** Of one group more than is asked for, each with its steps. */
function selectStats(db: Database, question: DeploymentQuestion): Promise<readonly Row[]> {
  const { by, limit } = question;
  const asked = inQuestion(db, question);
  const rows = asked
    .select(['reason', 'outcome', 'step', ...by])
    .select(sql<number>`sum(deployments)`.as('deployments'))
    .groupBy(['reason', 'outcome', 'step', ...by]);
  if (by.length === 0) return rows.execute();
  const order = by.includes('day') ? sql`day desc` : sql`sum(deployments) desc`;
  const largest = asked
    .select(by)
    .groupBy(by)
    .orderBy(order)
    .orderBy(sql.join(by.map((dimension) => sql.ref(dimension))))
    .limit(limit + 1);
  const dimensions = sql.join(by.map((dimension) => sql.ref(dimension)));
  return rows.where(sql<boolean>`(${dimensions}) in (${largest})`).execute();
}

function inQuestion(db: Database, { from, to, component, version }: DeploymentQuestion) {
  return db
    .selectFrom('deployment_stats')
    .where('day', '>=', from)
    .where('day', '<=', to)
    .$if(component !== undefined, (query) => query.where('component', '=', component ?? ''))
    .$if(version !== undefined, (query) => query.where('version', '=', version ?? ''));
}

function groupOf(rows: readonly Row[], by: readonly DeploymentDimension[]): DeploymentGroup {
  const forward = rows.filter(({ reason }) => reason !== 'rollback');
  const of = (outcome: Outcome) => sum(forward.filter((row) => row.outcome === outcome));
  const [committed, rolledBack, failed] = [of('committed'), of('rolled-back'), of('failed')];
  const deployments = sum(forward);
  const sentBack = sum(
    rows.filter(({ reason, outcome }) => reason === 'rollback' && outcome === 'committed'),
  );
  return {
    ...Object.fromEntries(by.map((dimension) => [dimension, rows[0]?.[dimension]])),
    ...{ deployments, committed, rolled_back: rolledBack, failed, environment: of('environment') },
    sent_back: sentBack,
    success_permille: permilleOf(committed, committed + rolledBack + failed),
    rollback_permille: permilleOf(rolledBack + sentBack, deployments),
    duration_ms: usualPercentiles(
      forward
        .filter(({ outcome }) => outcome === 'committed')
        .map((row) => ({ step: row.step, count: row.deployments })),
    ),
  };
}

function permilleOf(part: number, of: number): number | null {
  return of === 0 ? null : Math.round((1_000 * part) / of);
}

function sum(rows: readonly Row[]): number {
  return rows.reduce((total, { deployments }) => total + deployments, 0);
}
