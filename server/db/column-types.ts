// Column types that mean the same on both databases.
import { type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely';

export interface ColumnTypes {
  /** Compared by its bytes: cursors go on from a text, whatever language the database speaks. */
  readonly text: 'text' | RawBuilder<string>;
  /** Up to 2^53: SQLite's integers are that large, PostgreSQL's are not. */
  readonly integer: 'integer' | 'bigint';
}

export function columnTypesOf(db: Kysely<unknown>): ColumnTypes {
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter;
  return isPostgres
    ? { text: sql<string>`text collate "C"`, integer: 'bigint' }
    : { text: 'text', integer: 'integer' };
}
