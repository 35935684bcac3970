// The steps that a database has taken: those that are missing are taken, and whether this program may work on what a newer one made of it.
import { sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { FairleadError, systemCode } from '../../shared/errors/error.ts';
import type { Database } from './tables.ts';

export interface Step extends Migration {
  /**
   * The newest step that a program must know to go on working on what this one leaves. It finds what it asks for, may write
   * what it writes, and what it leaves out does no harm. Without it no older program works on it.
   */
  readonly leaves?: string;
}

export type Steps = Readonly<Record<string, Step>>;

/**
 * `today`: nothing is missing. `behind`: some steps are. `ahead`: a newer program took more, and left this one working.
 * Error: server/database-newer.
 */
export type Standing = 'today' | 'behind' | 'ahead';

export async function judgeSteps(db: Database, place: string, steps: Steps): Promise<Standing> {
  const taken = await namesOf(db, 'kysely_migration');
  const unknown = taken.filter((name) => !(name in steps));
  const isWhole = Object.keys(steps).every((name) => taken.includes(name));
  if (unknown.length === 0) return isWhole ? 'today' : 'behind';
  const leaves = await readLeaves(db);
  const foreign = unknown.filter((name) => !((leaves.get(name) ?? name) in steps));
  // Steps that only we know would come between or after those of somebody else.
  if (foreign.length > 0 || !isWhole) {
    throw new FairleadError('server/database-newer', { database: place, steps: isWhole ? foreign : unknown });
  }
  return 'ahead';
}

/** For a database that is `behind`. Errors: those of the database. */
export async function takeSteps(db: Database, steps: Steps): Promise<void> {
  const provider = {
    getMigrations: async () =>
      Object.fromEntries(Object.entries(steps).map(([name, step]) => [name, declaring(name, step)])),
  };
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error !== undefined) throw error;
}

/** What it leaves is told by the very transaction that takes it, for programs that do not know it. */
function declaring(name: string, { up, leaves }: Step): Migration {
  if (leaves === undefined) return { up };
  return {
    up: async (db) => {
      await up(db);
      await db.schema
        .createTable('step_leaves')
        .ifNotExists()
        .addColumn('name', 'text', (c) => c.primaryKey())
        .addColumn('leaves', 'text', (c) => c.notNull())
        .execute();
      await sql`insert into step_leaves (name, leaves) values (${name}, ${leaves})`.execute(db);
    },
  };
}

async function readLeaves(db: Database): Promise<ReadonlyMap<string, string>> {
  const rows = await rowsOf<{ readonly name: string; readonly leaves: string }>(db, 'step_leaves');
  return new Map(rows.map(({ name, leaves }) => [name, leaves]));
}

async function namesOf(db: Database, table: string): Promise<readonly string[]> {
  return (await rowsOf<{ readonly name: string }>(db, table)).map(({ name }) => name);
}

/** None where there is no such table yet. Errors: those of a database that cannot be asked at all. */
async function rowsOf<Row>(db: Database, table: string): Promise<readonly Row[]> {
  try {
    return (await sql<Row>`select * from ${sql.table(table)}`.execute(db)).rows;
  } catch (cause) {
    const code = systemCode(cause);
    // https://www.postgresql.org/docs/current/errcodes-appendix.html; SQLite says it in its words.
    if (code === '42P01' || code.startsWith('no such table: ')) return [];
    throw cause;
  }
}
