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

/** What instances run: those of one customer, or all. */
function running(db: Database, customer: string | undefined) {
  return db.selectFrom('instance_components as c').$if(customer !== undefined, (query) =>
    query.where(
      'c.instance',
      'in',
      db
        .selectFrom('instances')
        .select('id')
        .where('customer', '=', customer ?? ''),
    ),
  );
}

/** Every version of these components that some instance runs. */
export async function listRunningVersions(
  db: Database,
  components: readonly string[],
  customer?: string,
): Promise<readonly RunningVersion[]> {
  const found: RunningVersion[] = [];
  for (const part of inParts(components)) {
    const rows = await running(db, customer)
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

/** Of each list of versions some instances that run one of them, without a look at the others, in one question for many. */
export async function listSomeRunning(
  db: Database,
  lists: readonly (readonly RunningVersion[])[],
  limit: number,
  customer?: string,
): Promise<readonly (readonly ExposedComponent[])[]> {
  const wanted = lists.flatMap((versions, list) =>
    untilEnough(versions, limit).map((version) => ({ ...version, list })),
  );
  const found = lists.map((): ExposedComponent[] => []);
  for (const part of inParts(wanted, TERMS_OF_UNION)) {
    const [first, ...others] = part.map((one) => selectSome(db, one, limit, customer));
    if (first === undefined) break;
    const some = others.reduce((all, one) => all.unionAll(one), first).as('c');
    const rows = await db
      .selectFrom(some)
      .innerJoin('instances as i', 'i.id', 'c.instance')
      .select(['c.list', 'c.instance', 'i.name', 'c.component', 'c.version'])
      .execute();
    for (const { list, ...row } of rows) found[Number(list)]?.push(row);
  }
  return found.map((rows) => rows.sort(byPlace).slice(0, limit));
}

/** SQLite takes five hundred. */
const TERMS_OF_UNION = 250;

/** Of those that instances are counted for, the first that together have so many. */
function untilEnough(versions: readonly RunningVersion[], limit: number): readonly RunningVersion[] {
  let instances = 0;
  return versions.filter((one) => {
    const isNeeded = instances < limit;
    instances += one.instances;
    return isNeeded;
  });
}

/** In a question of its own: databases take a limit for a part of a union in no other place. */
function selectSome(
  db: Database,
  { component, version, list }: RunningVersion & { readonly list: number },
  limit: number,
  customer: string | undefined,
) {
  const some = running(db, customer)
    .select((select) => ['instance', 'component', 'version', select.lit(list).as('list')])
    .where('component', '=', component)
    .where('version', '=', version)
    .orderBy('instance')
    .limit(limit)
    .as('some');
  return db.selectFrom(some).selectAll();
}

/** The instances that run one of these, by name. */
export async function listRunning(
  db: Database,
  versions: readonly RunningVersion[],
  page: Page<ExposedKey>,
  customer?: string,
): Promise<Part<ExposedComponent, ExposedKey>> {
  const many = versions.reduce((sum, { instances }) => sum + instances, 0) > FEW;
  const rows = await (many ? walkByName : gather)(db, versions, page, customer);
  return cutPart(
    rows.slice(0, page.limit + 1),
    page.limit,
    ({ name }) => 200 + name.length,
    ({ name, instance, component }): ExposedKey => [name, instance, component],
  );
}

/** So few rows are sorted sooner than their places among all instances are found. */
const FEW = 5_000;
/** Instances looked at in one go. */
const STRIDE = 1_000;

/** Of many: by name from where the page begins, until there are enough. */
async function walkByName(
  db: Database,
  versions: readonly RunningVersion[],
  { limit, after }: Page<ExposedKey>,
  customer: string | undefined,
): Promise<readonly ExposedComponent[]> {
  const affected = new Map(versions.map((one) => [`${one.component} ${one.version}`, one]));
  const components = [...new Set(versions.map(({ component }) => component))];
  const rows: ExposedComponent[] = [];
  let from: readonly [string, string] | null = after === null ? null : [after[0], after[1]];
  for (;;) {
    const stride = await db
      .selectFrom('instances')
      .select(['id', 'name'])
      .$if(customer !== undefined, (query) => query.where('customer', '=', customer ?? ''))
      .$if(from !== null, (query) =>
        query.where((where) => where(where.refTuple('name', 'id'), '>=', where.tuple(...(from ?? ['', ''])))),
      )
      .orderBy('name')
      .orderBy('id')
      .limit(STRIDE + 1)
      .execute();
    const names = new Map(stride.slice(0, STRIDE).map(({ id, name }) => [id, name]));
    for (const part of inParts([...names.keys()])) {
      for (const one of await listOf(db, part, components)) {
        const row = { ...one, name: names.get(one.instance) ?? '' };
        if (affected.has(`${one.component} ${one.version}`) && isBehind(row, after)) rows.push(row);
      }
    }
    const next = stride[STRIDE];
    if (rows.length > limit || next === undefined) return rows.sort(byPlace);
    from = [next.name, next.id];
  }
}

function listOf(db: Database, instances: readonly string[], components: readonly string[]) {
  const narrow = components.length <= MOST_NAMED;
  return db
    .selectFrom('instance_components')
    .select(['instance', 'component', 'version'])
    .where('instance', 'in', instances)
    .$if(narrow, (query) => query.where('component', 'in', components))
    .execute();
}

/** An advisory that names more is held against all that an instance runs. */
const MOST_NAMED = 50;

function isBehind(row: ExposedComponent, after: ExposedKey | null): boolean {
  if (after === null) return true;
  const [name, instance, component] = after;
  return byPlace(row, { ...row, name, instance, component: component as ExposedComponent['component'] }) > 0;
}

/** Of few: all of them, in order. */
async function gather(
  db: Database,
  versions: readonly RunningVersion[],
  page: Page<ExposedKey>,
  customer: string | undefined,
): Promise<readonly ExposedComponent[]> {
  const rows: ExposedComponent[] = [];
  for (const part of inParts(versions)) rows.push(...(await listFirstRunning(db, part, page, customer)));
  return rows.sort(byPlace);
}

function listFirstRunning(
  db: Database,
  versions: readonly RunningVersion[],
  { limit, after }: Page<ExposedKey>,
  customer: string | undefined,
): Promise<readonly ExposedComponent[]> {
  return running(db, customer)
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
