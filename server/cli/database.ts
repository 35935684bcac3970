// How a command works on a server's directory, beside a running server or without one.
import { FairleadError } from '../../shared/errors/error.ts';
import { isPresent } from '../../shared/node/read-file.ts';
import { openDatabase } from '../db/database.ts';
import type { Database } from '../db/tables.ts';
import { type Layout, layoutOf } from '../repository/layout.ts';

/** What a command meets outside. */
export interface CliContext {
  readonly environment: NodeJS.ProcessEnv;
}

/** What every command on a directory is given. */
export interface OnDirectory {
  readonly dir: string;
}

/** Error: server/not-initialized. */
export async function withDatabase<Result>(
  dir: string,
  use: (db: Database, layout: Layout) => Promise<Result>,
): Promise<Result> {
  const layout = layoutOf(dir);
  await requireInitialized(layout);
  const db = await openDatabase(layout.database);
  return use(db, layout).finally(() => db.destroy());
}

/** Error: server/not-initialized. */
export async function requireInitialized({ dir, database }: Layout): Promise<void> {
  if (!(await isPresent(database))) throw new FairleadError('server/not-initialized', { dir });
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
