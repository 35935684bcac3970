// Who runs what, by the last reports: which versions are out there, and which instances run some of them.
import { byCodePoint } from '../../shared/encoding/canonical.ts';
import type { ExposedComponent } from '../../shared/protocol/fleet.ts';
import type { Version } from '../../shared/version/version.ts';
import { cutPart, inParts, type Page, type Part } from './page.ts';
import type { Database } from './tables.ts';

export interface RunningVersion {
  readonly component: string;
  readonly version: Version;
  /** How many instances run it. */
  readonly instances: number;
}

/** Instance's name, its id, component. */
export type ExposedKey = readonly [string, string, string];

/** Every version of these components that some instance runs. */
export async function listRunningVersions(
  db: Database,
  components: readonly string[],
): Promise<readonly RunningVersion[]> {
  const found: RunningVersion[] = [];
  for (const part of inParts(components)) {
    const rows = await db
      .selectFrom('instance_components')
      .select((select) => ['component', 'version', select.fn.countAll().as('instances')])
      .where('component', 'in', part)
      .groupBy(['component', 'version'])
      .execute();
    for (const { component, version, instances } of rows) {
      found.push({ component, version: version as Version, instances: Number(instances) });
    }
  }
  return found;
}

/** Some instances that run one of these, without a look at the others: an index holds them by version. */
export async function listSomeRunning(
  db: Database,
  versions: readonly RunningVersion[],
  limit: number,
): Promise<readonly ExposedComponent[]> {
  const rows: ExposedComponent[] = [];
  for (const { component, version } of versions) {
    if (rows.length === limit) break;
    const some = db
      .selectFrom('instance_components')
      .select(['instance', 'component', 'version'])
      .where('component', '=', component)
      .where('version', '=', version)
      .orderBy('instance')
      .limit(limit - rows.length)
      .as('c');
    const found = await db
      .selectFrom(some)
      .innerJoin('instances as i', 'i.id', 'c.instance')
      .select(['c.instance', 'i.name', 'c.component', 'c.version'])
      .execute();
    rows.push(...found);
  }
  return rows.sort(byPlace);
}

/** The instances that run one of these, by name. */
export async function listRunning(
  db: Database,
  versions: readonly RunningVersion[],
  page: Page<ExposedKey>,
): Promise<Part<ExposedComponent, ExposedKey>> {
  const rows: ExposedComponent[] = [];
  for (const part of inParts(versions)) rows.push(...(await listFirstRunning(db, part, page)));
  return cutPart(
    rows.sort(byPlace).slice(0, page.limit + 1),
    page.limit,
    ({ name }) => 200 + name.length,
    ({ name, instance, component }): ExposedKey => [name, instance, component],
  );
}

function listFirstRunning(
  db: Database,
  versions: readonly RunningVersion[],
  { limit, after }: Page<ExposedKey>,
): Promise<readonly ExposedComponent[]> {
  return db
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
}

const NOWHERE: ExposedKey = ['', '', ''];

/** As the databases order texts, by their bytes. */
function byPlace(a: ExposedComponent, b: ExposedComponent): number {
  return (
    byCodePoint(a.name, b.name) ||
    byCodePoint(a.instance, b.instance) ||
    byCodePoint(a.component, b.component)
  );
}
