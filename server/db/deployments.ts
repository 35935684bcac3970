// Deployments on the fleet, read back: what was deployed where, when, why, and how it ended.
import { sql } from 'kysely';
import type { FleetDeployment } from '../../shared/protocol/fleet.ts';
import { deploymentOf } from './deployment-row.ts';
import { cutPart, type Page, type Part } from './page.ts';
import type { Database } from './tables.ts';

/** When it started, its record's id, its instance. */
export type DeploymentKey = readonly [string, number, string];

export interface DeploymentFilter extends Page<DeploymentKey> {
  readonly instance?: string | undefined;
  readonly change?: string | undefined;
  /** Only on instances of this customer. */
  readonly customer?: string | undefined;
  /** Only deployments that went back: rollbacks asked for and deployments that ended rolled back. */
  readonly rollbacksOnly?: boolean;
}

interface Found {
  readonly started_at: string;
  readonly record: number;
  readonly instance: string;
  readonly bytes: number;
}

/** Newest first. */
export async function listDeployments(
  db: Database,
  filter: DeploymentFilter,
): Promise<Part<FleetDeployment, DeploymentKey>> {
  // First which, then what: records are long, and those that do not go into the answer are not read.
  const found = await selectKeys(db, filter);
  const { entries: keys, next } = cutPart(
    found,
    filter.limit,
    ({ bytes }) => Number(bytes),
    ({ started_at, record, instance }): DeploymentKey => [started_at, record, instance],
  );
  return { entries: await readDeployments(db, keys), next };
}

/** Null when there is no such deployment. */
export async function findDeployment(
  db: Database,
  instance: string,
  record: number,
): Promise<FleetDeployment | null> {
  const [found] = await readDeployments(db, [{ instance, record }]);
  return found ?? null;
}

function selectKeys(db: Database, filter: DeploymentFilter): Promise<readonly Found[]> {
  const { instance, change, customer, after } = filter;
  // Of one change the index of changes is in this order, of all the one of deployments: neither list sorts anything.
  const column = (name: string) => sql.ref(change === undefined ? `d.${name}` : `carried.${name}`);
  const order = [column('started_at'), column('record'), column('instance')];
  return db
    .selectFrom('deployments as d')
    .select(['d.started_at', 'd.record', 'd.instance', sql<number>`octet_length(d.body)`.as('bytes')])
    .$if(instance !== undefined, (query) => query.where('d.instance', '=', instance ?? ''))
    .$if(customer !== undefined, (query) =>
      query
        .innerJoin('instances as owner', 'owner.id', 'd.instance')
        .where('owner.customer', '=', customer ?? ''),
    )
    .$if(change !== undefined, (query) =>
      query
        .innerJoin('deployment_changes as carried', (join) =>
          join.onRef('carried.instance', '=', 'd.instance').onRef('carried.record', '=', 'd.record'),
        )
        .where('carried.change', '=', change ?? ''),
    )
    .$if(filter.rollbacksOnly === true, (query) => query.where(WENT_BACK))
    .$if(after !== null, (query) =>
      query.where(sql<boolean>`(${sql.join(order)}) < (${sql.join([...(after ?? [])])})`),
    )
    .orderBy(sql`${order[0]} desc, ${order[1]} desc, ${order[2]} desc`)
    .limit(filter.limit + 1)
    .execute();
}

/** Word for word as the index has it: with parameters SQLite would not know that it fits. */
const WENT_BACK = sql<boolean>`(d.state = 'rolled-back' or d.reason = 'rollback')`;

/** In the order of the keys. */
async function readDeployments(
  db: Database,
  keys: readonly Pick<Found, 'instance' | 'record'>[],
): Promise<readonly FleetDeployment[]> {
  if (keys.length === 0) return [];
  const rows = await db
    .selectFrom('deployments')
    .innerJoin('instances', 'instances.id', 'deployments.instance')
    .selectAll('deployments')
    .select('instances.name as instance_name')
    .where((where) =>
      where(
        where.refTuple('deployments.instance', 'deployments.record'),
        'in',
        keys.map(({ instance, record }) => where.tuple(instance, record)),
      ),
    )
    .execute();
  const byKey = new Map(rows.map((row) => [`${row.instance} ${row.record}`, row]));
  return keys.flatMap(({ instance, record }) => {
    const row = byKey.get(`${instance} ${record}`);
    return row === undefined ? [] : [deploymentOf(row)];
  });
}
