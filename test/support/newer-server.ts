// Makes the program that is started with `--import` of this file a newer one: it knows steps of the database that this checkout does not have.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const names = new URL(import.meta.url).searchParams.getAll('step');

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.endsWith('/server/db/migrations.ts')) return loaded;
    const steps = names.map((name) => `MIGRATIONS['${name}'] = ${stepOf(name)};`);
    return { ...loaded, source: `${loaded.source}\n${steps.join('\n')}` };
  },
});

/** A column more, which the program of this checkout can be without. */
function stepOf(name: string): string {
  const source = readFileSync(join(ROOT, 'server/db/migrations.ts'), 'utf8');
  const leaves = [...source.matchAll(/^ {2}'(\d{4}-[\w-]+)':/gm)].map(([, known]) => known).at(-1);
  return `{ leaves: '${leaves}', up: (db) => db.schema.alterTable('enrolments').addColumn('column_${name.slice(0, 4)}', 'text').execute() }`;
}

/** The words that start it so. */
export function asNewer(...steps: readonly string[]): readonly string[] {
  const query = new URLSearchParams(steps.map((step): [string, string] => ['step', step]));
  return ['--import', `${import.meta.url}?${query}`];
}
