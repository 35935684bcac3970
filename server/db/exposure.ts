// Who runs what, by the last reports: which versions are out there, which of them an advisory is about, and which instances run some of them.
import { setImmediate } from 'node:timers/promises';
import { isAffected } from '../../shared/compile/exposure.ts';
import { byCodePoint } from '../../shared/encoding/canonical.ts';
import type { ExposedComponent } from '../../shared/protocol/fleet.ts';
import type { Advisory } from '../../shared/schema/advisory.ts';
import type { Version } from '../../shared/version/version.ts';
import { cutPart, inParts, type Page, type Part } from './page.ts';
import { countRunning } from './running-versions.ts';
import type { Database } from './tables.ts';

export interface RunningVersion {
  readonly component: string;
  readonly version: Version;
  /** How many instances run it. */
  readonly instances: number;
}

/** Instance's id, component. */
export type ExposedKey = readonly [string, string];

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
    const rows = await (customer === undefined ? countRunning(db, part) : countOf(db, part, customer));
    for (const { component, version, instances } of rows) {
      found.push({ component, version: version as Version, instances: Number(instances) });
    }
  }
  return found;
}

function countOf(db: Database, components: readonly string[], customer: string) {
  return running(db, customer)
    .select((select) => ['component', 'version', select.fn.countAll().as('instances')])
    .where('component', 'in', components)
    .groupBy(['component', 'version'])
    .execute();
}

/** The versions that run of every component that one of the advisories names; those of one customer, or all. */
export async function listAffected(
  db: Database,
  advisories: readonly Advisory[],
  customer?: string,
): Promise<readonly RunningVersion[]> {
  const components = advisories.flatMap(({ affected }) => affected.map(({ component }) => component));
  return listRunningVersions(db, [...new Set(components)], customer);
}

/** What runs out there, and how an advisory names it, is for others to say: between so many comparisons others have a turn. */
const COMPARISONS_A_TURN = 2_000;

export async function selectAffected(
  advisory: Advisory,
  running: readonly RunningVersion[],
): Promise<readonly RunningVersion[]> {
  if (advisory.withdrawn) return [];
  const affected: RunningVersion[] = [];
  let comparisons = 0;
  for (const one of running) {
    comparisons += advisory.affected.length;
    if (comparisons > COMPARISONS_A_TURN) {
      comparisons = 0;
      await setImmediate();
    }
    if (isAffected(advisory, one.component, one.version)) affected.push(one);
  }
  return affected;
}

/** Of each list of versions some instances that run one of them, by name; what several lists hold is asked for once. */
export async function listSomeRunning(
  db: Database,
  lists: readonly (readonly RunningVersion[])[],
  limit: number,
  customer?: string,
): Promise<readonly (readonly ExposedComponent[])[]> {
  const wanted = lists.map((versions) => untilEnough(versions, limit));
  const asked = new Map(wanted.flat().map((one) => [versionOf(one), { ...one, limit }]));
  const found = byVersion(await listFirst(db, [...asked.values()], null, customer));
  return wanted.map((versions) =>
    versions
      .flatMap((one) => found.get(versionOf(one)) ?? [])
      .sort(byName)
      .slice(0, limit),
  );
}

/** Of those that instances are counted for, the first that together have so many. */
function untilEnough(versions: readonly RunningVersion[], limit: number): readonly RunningVersion[] {
  let instances = 0;
  return versions.filter((one) => {
    const isNeeded = instances < limit;
    instances += one.instances;
    return isNeeded;
  });
}

/**
 * The instances that run one of these, by their ids, which an index has each version's in; so a page costs the same wherever
 * it begins and however many are affected. Where they are spread unevenly it may hold fewer than it could, and still a next.
 */
export async function listRunning(
  db: Database,
  versions: readonly RunningVersion[],
  { limit, after }: Page<ExposedKey>,
  customer?: string,
): Promise<Part<ExposedComponent, ExposedKey>> {
  const all = versions.reduce((sum, { instances }) => sum + instances, 0);
  const asked = versions.map((one) => ({ ...one, limit: shareOf(one, all, limit + 1) }));
  const rows = [...(await listFirst(db, asked, after, customer))].sort(byPlace);
  const end = whereCut(rows, asked);
  const whole = rows.filter((row) => end === null || byPlace(row, end) <= 0);
  const { entries, next } = cutPart(
    whole.slice(0, limit + 1),
    limit,
    ({ name }) => 200 + name.length,
    placeOf,
  );
  return { entries, next: next ?? (end === null ? null : placeOf(end)) };
}

/** Ids are by chance: of a page each version has about its share of all, and hardly twice that and a few. */
function shareOf({ instances }: RunningVersion, all: number, page: number): number {
  return Math.min(page, Math.ceil((2 * page * instances) / all) + A_FEW);
}

const A_FEW = 8;

/** The first place behind which there may be rows that were not asked for. */
function whereCut(rows: readonly ExposedComponent[], asked: readonly Asked[]): ExposedComponent | null {
  const found = byVersion(rows);
  const cut = asked.flatMap((one) => found.get(versionOf(one))?.at(one.limit - 1) ?? []);
  return cut.sort(byPlace)[0] ?? null;
}

interface Asked extends RunningVersion {
  readonly limit: number;
}

/** SQLite takes five hundred. */
const TERMS_OF_UNION = 250;

/** Of each version so many of its first instances, from behind a place; in one question for many versions. */
async function listFirst(
  db: Database,
  asked: readonly Asked[],
  after: ExposedKey | null,
  customer: string | undefined,
): Promise<readonly ExposedComponent[]> {
  const found: ExposedComponent[] = [];
  for (const part of inParts(asked, TERMS_OF_UNION)) {
    const [first, ...others] = part.map((one) => selectFirst(db, one, after, customer));
    if (first === undefined) break;
    const rows = await db
      .selectFrom(others.reduce((all, one) => all.unionAll(one), first).as('c'))
      .innerJoin('instances as i', 'i.id', 'c.instance')
      .select(['c.instance', 'i.name', 'c.component', 'c.version'])
      .execute();
    found.push(...rows);
  }
  return found;
}

/** In a question of its own: databases take a limit for a part of a union in no other place. */
function selectFirst(
  db: Database,
  { component, version, limit }: Asked,
  after: ExposedKey | null,
  customer: string | undefined,
) {
  const [instance, last] = after ?? ['', ''];
  const first = running(db, customer)
    .select(['instance', 'component', 'version'])
    .where('component', '=', component)
    .where('version', '=', version)
    .where('instance', byCodePoint(component, last) > 0 ? '>=' : '>', instance)
    .orderBy('instance')
    .limit(limit)
    .as('first');
  return db.selectFrom(first).selectAll();
}

function byVersion(rows: readonly ExposedComponent[]): ReadonlyMap<string, readonly ExposedComponent[]> {
  return Map.groupBy(rows, (row) => versionOf(row));
}

function versionOf({ component, version }: Pick<ExposedComponent, 'component' | 'version'>): string {
  return `${component} ${version}`;
}

function placeOf({ instance, component }: ExposedComponent): ExposedKey {
  return [instance, component];
}

/** As the databases order texts, by their bytes. */
function byPlace(a: ExposedComponent, b: ExposedComponent): number {
  return byCodePoint(a.instance, b.instance) || byCodePoint(a.component, b.component);
}

function byName(a: ExposedComponent, b: ExposedComponent): number {
  return byCodePoint(a.name, b.name) || byPlace(a, b);
}
