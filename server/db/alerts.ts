// Alerts: events of one kind about one thing within a while are one alert with a count, told when it begins and each time it is ten times as many.
import { randomUUID } from 'node:crypto';
import { durationMs, type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { type AlertModel, isAtLeast, type Severity } from '../../shared/protocol/alerts.ts';
import type { AlertRow } from './outbox-row.ts';
import { cutPart, type Page, type Part } from './page.ts';
import type { Database, DatabaseTransaction } from './tables.ts';

/** What comes later than that after the last is another alert. */
export const QUIET_MS = durationMs('PT1H');
/** So is what still comes after so long: it is told again. */
export const LONGEST_MS = durationMs('P1D');
/** Of one kind within an hour; all others are one alert together. */
export const MOST_BEGUN = 50;
const ALL_OTHERS = 'and more';
/** Some of whom it is about. */
const SOME_INSTANCES = 10;
export const KEPT_ALERTS = 10_000;
const LONGEST_ABOUT = 300;

/** One event's part. */
export interface NewAlarm {
  readonly kind: string;
  readonly severity: Severity;
  readonly about: string;
  readonly text: string;
  readonly instance: AlertModel['instances'][number] | null;
}

/** Answers those to be told now. By one caller at a time; see tell.ts. */
export async function foldAlarms(
  trx: DatabaseTransaction,
  alarms: readonly NewAlarm[],
  now: EpochMs,
): Promise<readonly AlertModel[]> {
  const told: AlertModel[] = [];
  for (const group of groupsOf(alarms)) {
    const alert = await fold(trx, group, now);
    if (alert !== null) told.push(alert);
  }
  return told;
}

function groupsOf(alarms: readonly NewAlarm[]): readonly (readonly NewAlarm[])[] {
  const groups = Map.groupBy(alarms, ({ kind, about }) => `${kind} ${about}`);
  return [...groups.values()];
}

async function fold(
  trx: DatabaseTransaction,
  group: readonly NewAlarm[],
  now: EpochMs,
): Promise<AlertModel | null> {
  const [first] = group;
  const last = group.at(-1);
  if (first === undefined || last === undefined) return null;
  const about = sanitizeLine(first.about, LONGEST_ABOUT);
  const known =
    (await findOpen(trx, first.kind, about, now)) ??
    ((await countBegun(trx, first.kind, now)) < MOST_BEGUN ? null : await openOthers(trx, first.kind, now));
  const before = known ?? begin(first.kind, known === null ? about : ALL_OTHERS, now);
  const count = Number(before.count) + group.length;
  const isTold = Number(before.told) === 0 || count >= Number(before.told) * 10;
  const row: AlertRow = {
    ...before,
    ...{ count, told: isTold ? count : Number(before.told), text: last.text, last_at: formatInstantMs(now) },
    severity: group.reduce<Severity>(
      (most, { severity }) => (isAtLeast(severity, most) ? severity : most),
      before.severity,
    ),
    instances: JSON.stringify(someOf(before, group)),
  };
  await trx
    .insertInto('alerts')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();
  return isTold ? modelOf(row) : null;
}

function begin(kind: string, about: string, now: EpochMs): AlertRow {
  const at = formatInstantMs(now);
  return {
    ...{ id: randomUUID(), kind, about, severity: 'info', text: '', count: 0, told: 0 },
    ...{ instances: '[]', first_at: at, last_at: at },
  };
}

function findOpen(trx: DatabaseTransaction, kind: string, about: string, now: EpochMs) {
  return trx
    .selectFrom('alerts')
    .selectAll()
    .where('kind', '=', kind)
    .where('about', '=', about)
    .where('last_at', '>', formatInstantMs(now - QUIET_MS))
    .where('first_at', '>', formatInstantMs(now - LONGEST_MS))
    .orderBy('last_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

async function openOthers(trx: DatabaseTransaction, kind: string, now: EpochMs): Promise<AlertRow> {
  return (await findOpen(trx, kind, ALL_OTHERS, now)) ?? begin(kind, ALL_OTHERS, now);
}

async function countBegun(trx: DatabaseTransaction, kind: string, now: EpochMs): Promise<number> {
  const { begun } = await trx
    .selectFrom('alerts')
    .select((select) => select.fn.countAll().as('begun'))
    .where('kind', '=', kind)
    .where('first_at', '>', formatInstantMs(now - QUIET_MS))
    .executeTakeFirstOrThrow();
  return Number(begun);
}

function someOf({ instances }: AlertRow, group: readonly NewAlarm[]): AlertModel['instances'] {
  const known = JSON.parse(instances) as AlertModel['instances'];
  const all = [...known, ...group.flatMap(({ instance }) => instance ?? [])];
  return [...new Map(all.map((one) => [one.id, one])).values()].slice(0, SOME_INSTANCES);
}

/** When it last went on, and its id. */
export type AlertKey = readonly [string, string];

/** Those that went on last come first. */
export async function listAlerts(
  db: Database,
  { limit, after }: Page<AlertKey>,
): Promise<Part<AlertModel, AlertKey>> {
  const rows = await db
    .selectFrom('alerts')
    .selectAll()
    .$if(after !== null, (query) =>
      query.where((where) =>
        where(where.refTuple('last_at', 'id'), '<', where.tuple(...(after ?? ['', '']))),
      ),
    )
    .orderBy('last_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  const { entries, next } = cutPart(
    rows,
    limit,
    (row) => JSON.stringify(row).length,
    ({ last_at, id }): AlertKey => [last_at, id],
  );
  return { entries: entries.map(modelOf), next };
}

function modelOf({ told: _, ...row }: AlertRow): AlertModel {
  return { ...row, count: Number(row.count), instances: JSON.parse(row.instances) };
}

/** The oldest go. */
export async function pruneAlerts(trx: DatabaseTransaction): Promise<void> {
  await trx
    .deleteFrom('alerts')
    .where('last_at', '<', (where) =>
      where
        .selectFrom('alerts')
        .select('last_at')
        .orderBy('last_at', 'desc')
        .offset(KEPT_ALERTS - 1)
        .limit(1),
    )
    .execute();
}
