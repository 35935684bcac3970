// A database that a newer server has changed: an older one goes on where the newer one left it working, and refuses where not.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readAudit } from '../../../server/db/audit.ts';
import { createEnrolment } from '../../../server/db/enrolments.ts';
import { MIGRATIONS } from '../../../server/db/migrations.ts';
import { judgeSteps, type Step, type Steps, takeSteps } from '../../../server/db/steps.ts';
import type { Database } from '../../../server/db/tables.ts';
import { openAt } from '../../support/databases.ts';
import { NOW } from '../../support/publications.ts';

let dir: string;
let file: string;
const opened: Database[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-steps-'));
  file = join(dir, 'fairlead.db');
});
afterEach(async () => {
  for (const db of opened.splice(0)) await db.destroy();
  await rm(dir, { recursive: true });
});

async function open(): Promise<Database> {
  const db = await openAt(file, 'beside');
  opened.push(db);
  return db;
}

const NEWEST = Object.keys(MIGRATIONS).sort().at(-1) ?? '';

function adding(column: string, leaves?: string): Step {
  return {
    up: async (db) => db.schema.alterTable('enrolments').addColumn(column, 'text').execute(),
    ...(leaves === undefined ? {} : { leaves }),
  };
}

/** A newer server was here. */
async function changed(steps: Steps): Promise<void> {
  await takeSteps(await open(), { ...MIGRATIONS, ...steps });
}

const namesOf = async (db: Database) =>
  (await sql<{ name: string }>`select name from kysely_migration`.execute(db)).rows.map(({ name }) => name);

it('works on as before where every newer step left it working, and takes none of them back', async () => {
  const newer = { '9001-note': adding('note', NEWEST), '9002-more': adding('more', NEWEST) };
  await changed(newer);

  const older = await open();
  await createEnrolment(older, { name: 'one', actor: 'test' }, NOW);

  expect((await readAudit(older, 0, 10)).entries).toHaveLength(1);
  expect(await namesOf(older)).toContain('9002-more');
  expect(await judgeSteps(older, file, { ...MIGRATIONS, ...newer })).toBe('today');
});

it.each([
  ['says nothing of older servers', adding('note'), ['9001-note']],
  [
    'left those working that know a step which this one does not',
    adding('note', '9000-other'),
    ['9001-note'],
  ],
] as const)('refuses, naming the step, where one %s', async (_, step, steps) => {
  await changed({ '9000-other': adding('other', NEWEST), '9001-note': step });

  await expect(open()).rejects.toMatchObject({ code: 'server/database-newer', data: { steps } });
});

it('refuses what took another line: steps that only this server knows are missing', async () => {
  const db = await open();
  await takeSteps(db, { ...MIGRATIONS, '9002-theirs': adding('theirs', NEWEST) });

  const ours = { ...MIGRATIONS, '9001-ours': adding('ours', NEWEST) };

  await expect(judgeSteps(db, file, ours)).rejects.toMatchObject({
    data: { steps: ['9002-theirs'] },
  });
});

it('believes nothing of a step that failed', async () => {
  const db = await open();
  const failing: Step = { up: () => Promise.reject(new Error('midway')), leaves: NEWEST };

  await expect(
    takeSteps(db, { ...MIGRATIONS, '9001-note': adding('note', NEWEST), '9002-bad': failing }),
  ).rejects.toThrow('midway');

  expect(await judgeSteps(await open(), file, MIGRATIONS)).toBe('today');
});
