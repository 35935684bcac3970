// Deployments on the fleet, read back: what was deployed where, when, why, and how it ended.
import type { FleetDeployment } from '../../shared/protocol/fleet.ts';
import type { ChangeStatusReply } from '../../shared/protocol/publication.ts';
import type { DeploymentRecord, DeploymentState } from '../../shared/schema/deployment.ts';
import type { Database, Page, Tables } from './tables.ts';

export interface DeploymentFilter extends Page {
  readonly instance?: string | undefined;
  readonly change?: string | undefined;
  /** Only deployments that went back: rollbacks asked for and deployments that ended rolled back. */
  readonly rollbacksOnly?: boolean;
}

export type DeploymentCounts = ChangeStatusReply['counts'];

/** Newest first. */
export async function listDeployments(
  db: Database,
  filter: DeploymentFilter,
): Promise<readonly FleetDeployment[]> {
  const { instance, change } = filter;
  const rows = await db
    .selectFrom('deployments')
    .innerJoin('instances', 'instances.id', 'deployments.instance')
    .selectAll('deployments')
    .select('instances.name as instance_name')
    .$if(instance !== undefined, (query) => query.where('deployments.instance', '=', instance ?? ''))
    .$if(change !== undefined, (query) =>
      query
        .innerJoin('deployment_changes as carried', (join) =>
          join
            .onRef('carried.instance', '=', 'deployments.instance')
            .onRef('carried.record', '=', 'deployments.record'),
        )
        .where('carried.change', '=', change ?? ''),
    )
    .$if(filter.rollbacksOnly === true, (query) =>
      query.where((where) =>
        where.or([where('state', '=', 'rolled-back'), where('reason', '=', 'rollback')]),
      ),
    )
    .orderBy('deployments.started_at', 'desc')
    .orderBy('deployments.record', 'desc')
    .orderBy('deployments.instance')
    .limit(filter.limit)
    .offset(filter.offset)
    .execute();
  return rows.map(toDeployment);
}

/** Each instance counts once, by its newest deployment that carried the change. */
export async function countDeployments(db: Database, change: string): Promise<DeploymentCounts> {
  const newest = db
    .selectFrom('deployment_changes')
    .select((select) => ['instance', select.fn.max('record').as('record')])
    .where('change', '=', change)
    .groupBy('instance')
    .as('newest');
  const rows = await db
    .selectFrom('deployments')
    .innerJoin(newest, (join) =>
      join
        .onRef('newest.instance', '=', 'deployments.instance')
        .onRef('newest.record', '=', 'deployments.record'),
    )
    .select((select) => ['state', select.fn.countAll().as('total')])
    .groupBy('state')
    .execute();
  const counts = { committed: 0, rolledBack: 0, inProgress: 0, failed: 0 };
  for (const { state, total } of rows) counts[outcomeOf(state)] += Number(total);
  return counts;
}

function outcomeOf(state: DeploymentState): keyof DeploymentCounts {
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

function toDeployment(row: Tables['deployments'] & { readonly instance_name: string }): FleetDeployment {
  return {
    instance: row.instance,
    instanceName: row.instance_name,
    state: row.state,
    started: row.started_at,
    updated: row.updated_at,
    record: JSON.parse(row.body) as DeploymentRecord,
  };
}
