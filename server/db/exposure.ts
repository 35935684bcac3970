// Who runs what, by the last reports: which versions are out there, and which instances run some of them.
import type { ExposedComponent } from '../../shared/protocol/fleet.ts';
import type { Version } from '../../shared/version/version.ts';
import { cutPart, type Page, type Part } from './page.ts';
import type { Database } from './tables.ts';

export interface RunningVersion {
  readonly component: string;
  readonly version: Version;
  /** How many instances run it. */
  readonly instances: number;
}

/** Instance's name, its id, component. */
export type ExposedKey = readonly [string, string, string];

/** Every version that some instance runs. */
export async function listRunningVersions(db: Database): Promise<readonly RunningVersion[]> {
  const rows = await db
    .selectFrom('instance_components')
    .select((select) => ['component', 'version', select.fn.countAll().as('instances')])
    .groupBy(['component', 'version'])
    .execute();
  return rows.map((row) => ({ ...row, version: row.version as Version, instances: Number(row.instances) }));
}

/** The instances that run one of these, by name. */
export async function listRunning(
  db: Database,
  versions: readonly RunningVersion[],
  { limit, after }: Page<ExposedKey>,
): Promise<Part<ExposedComponent, ExposedKey>> {
  if (versions.length === 0) return { entries: [], next: null };
  const rows = await db
    .selectFrom('instance_components as c')
    .innerJoin('instances as i', 'i.id', 'c.instance')
    .select(['c.instance', 'i.name', 'c.component', 'c.version'])
    .where((where) =>
      where(
        where.refTuple('c.component', 'c.version'),
        'in',
        versions.map(({ component, version }) => where.tuple(component, version)),
      ),
    )
    .$if(after !== null, (query) =>
      query.where((where) =>
        where(where.refTuple('i.name', 'i.id', 'c.component'), '>', where.tuple(...(after ?? NOWHERE))),
      ),
    )
    .orderBy('i.name')
    .orderBy('i.id')
    .orderBy('c.component')
    .limit(limit + 1)
    .execute();
  return cutPart(
    rows,
    limit,
    ({ name }) => 200 + name.length,
    ({ name, instance, component }): ExposedKey => [name, instance, component],
  );
}

const NOWHERE: ExposedKey = ['', '', ''];
