// Parts: a list is read in bounded ones, each saying where it goes on, and rows are written in bounded ones.
import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Tables } from './tables.ts';
import { isPostgres } from './transact.ts';

/** At most `limit` entries, from behind the entry with this key; null begins. */
export interface Page<Key> {
  readonly limit: number;
  readonly after: Key | null;
}

export interface Part<Entry, Key> {
  readonly entries: readonly Entry[];
  /** The key of the last entry when more follow. */
  readonly next: Key | null;
}

/** What one answer may hold; a single larger entry still goes out alone. */
export const MAX_PART_BYTES = 2 ** 20;

/** Cuts rows, of which one more than `limit` was read, to what goes into one answer. */
export function cutPart<Row, Key>(
  rows: readonly Row[],
  limit: number,
  bytesOf: (row: Row) => number,
  keyOf: (row: Row) => Key,
  maxBytes = MAX_PART_BYTES,
): Part<Row, Key> {
  let bytes = 0;
  let taken = 0;
  for (const row of rows) {
    bytes += bytesOf(row);
    if (taken === limit || (taken > 0 && bytes > maxBytes)) break;
    taken++;
  }
  const entries = rows.slice(0, taken);
  const last = entries.at(-1);
  return { entries, next: last === undefined || taken === rows.length ? null : keyOf(last) };
}

const ROWS_A_STATEMENT = 1_000;

/** Rows to write, in parts: a statement takes so many parameters and no more. */
export function inParts<Row>(rows: readonly Row[], size = ROWS_A_STATEMENT): readonly (readonly Row[])[] {
  const count = Math.ceil(rows.length / size);
  return Array.from({ length: count }, (_, i) => rows.slice(i * size, (i + 1) * size));
}

/** For an upsert: these columns as the new row has them. */
export function asInserted<Row extends object>(
  row: Row,
): { readonly [Column in keyof Row]: RawBuilder<never> } {
  const columns = Object.keys(row).map((column) => [column, sql.ref<never>(`excluded.${column}`)]);
  return Object.fromEntries(columns) as { readonly [Column in keyof Row]: RawBuilder<never> };
}

/**
 * Rows as one parameter: a statement over them has one text however many there are, and is prepared once. Each is a `value` of
 * which `->>` takes a part.
 */
export function elementsOf(
  db: Kysely<Tables>,
  rows: readonly (readonly (string | number | null)[])[],
): RawBuilder<unknown> {
  const text = JSON.stringify(rows);
  return isPostgres(db) ? sql`jsonb_array_elements(${text}::jsonb)` : sql`json_each(${text})`;
}

/**
 * To look for however many: `where(isAmong(db, 'id', ids))`. PostgreSQL takes an array for few, and so goes by an index even
 * where it planned while the table was small, or has counted nothing of it yet.
 */
export function isAmong(
  db: Kysely<Tables>,
  column: 'id' | 'instance',
  ids: readonly string[],
): RawBuilder<SqlBool> {
  const different = [...new Set(ids)];
  const named = sql.ref(column);
  if (isPostgres(db)) return sql`${named} = any(${different}::text[])`;
  return sql`${named} in (select element.value->>0 from ${elementsOf(
    db,
    different.map((id) => [id]),
  )} as element)`;
}
