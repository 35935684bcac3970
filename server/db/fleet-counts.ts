// How a change fares on the fleet: each instance once, by its newest deployment that carried the change, with causes.
import { type FleetCounts, isSurroundings } from '../../shared/change/change.ts';
import { type EpochMs, formatInstant } from '../../shared/encoding/instant.ts';
import type { DeploymentState } from '../../shared/schema/deployment.ts';
import { IN_SERVICE } from './instances.ts';
import type { Database } from './tables.ts';

/** A deployment ends within hours; one that was not heard of for a day is silence. */
const SILENT_AFTER_MS = 86_400_000;
const FAILED: readonly DeploymentState[] = ['rolled-back', 'abandoned', 'inconsistent'];
const ENDED: readonly DeploymentState[] = ['committed', ...FAILED];
export async function countDeployments(db: Database, change: string, now: EpochMs): Promise<FleetCounts> {
  const rows = await newestOf(db, change)
    .select((select) => ['state', select.fn.countAll().as('total')])
    .groupBy('state')
    .execute();
  const counts = { committed: 0, rolledBack: 0, inProgress: 0, failed: 0 };
  for (const { state, total } of rows) counts[outcomeOf(state)] += Number(total);
  const environment = counts.rolledBack + counts.failed === 0 ? 0 : await countSurroundings(db, change);
  const silent = counts.inProgress === 0 ? 0 : await countSilent(db, change, now);
  return {
    ...counts,
    ...(environment === 0 ? {} : { environment }),
    ...(silent === 0 ? {} : { silent }),
  };
}

function newestOf(db: Database, change: string) {
  const newest = db
    .selectFrom('deployment_changes')
    .select((select) => ['instance', select.fn.max('record').as('record')])
    .where('change', '=', change)
    .groupBy('instance')
    .as('newest');
  // What is retired neither fails a change nor keeps it waiting.
  return db
    .selectFrom('deployments')
    .innerJoin('instances', 'instances.id', 'deployments.instance')
    .where(IN_SERVICE)
    .innerJoin(newest, (join) =>
      join
        .onRef('newest.instance', '=', 'deployments.instance')
        .onRef('newest.record', '=', 'deployments.record'),
    );
}

async function countSurroundings(db: Database, change: string): Promise<number> {
  const rows = await newestOf(db, change)
    .select((select) => ['failure_code', select.fn.countAll().as('total')])
    .where('state', 'in', FAILED)
    .where('failure_code', 'is not', null)
    .groupBy('failure_code')
    .execute();
  const excused = rows.filter(({ failure_code: code }) => isSurroundings(code ?? ''));
  return excused.reduce((sum, { total }) => sum + Number(total), 0);
}

async function countSilent(db: Database, change: string, now: EpochMs): Promise<number> {
  const { total } = await newestOf(db, change)
    .select((select) => select.fn.countAll().as('total'))
    .where('state', 'not in', ENDED)
    .where('updated_at', '<', formatInstant(now - SILENT_AFTER_MS))
    .executeTakeFirstOrThrow();
  return Number(total);
}

function outcomeOf(state: DeploymentState): 'committed' | 'rolledBack' | 'failed' | 'inProgress' {
  switch (state) {
    case 'committed':
      return 'committed';
    case 'rolled-back':
      return 'rolledBack';
    case 'abandoned':
    case 'inconsistent':
      return 'failed';
    default:
      return 'inProgress';
  }
}
