// How many instances run each version: after whatever happened, in whatever order and process, the number that counting them all gives.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type Kysely, sql } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { listRunningVersions } from '../../../server/db/exposure.ts';
import { reportRows } from '../../../server/db/records.ts';
import { writeReports } from '../../../server/db/reports.ts';
import { addRunningVersions, forgetVersions } from '../../../server/db/running-versions.ts';
import { changeStanding } from '../../../server/db/standing.ts';
import type { Database } from '../../../server/db/tables.ts';
import { isPostgres, transact } from '../../../server/db/transact.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { isOnPostgres, openAt } from '../../support/databases.ts';
import { digestOfText, NOW } from '../../support/publications.ts';
import { reportOf } from '../../support/reports.ts';

const COMPONENTS = ['core/auth', 'core/users', 'lab/x'];
const INSTANCES = 6;

let dir: string;
let servers: readonly [Database, Database];
let instances: readonly string[];
let sequence = 0;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-running-'));
  const file = join(dir, 'fairlead.db');
  servers = [await openAt(file, 'beside'), await openAt(file, 'beside')];
  instances = await Promise.all(Array.from({ length: INSTANCES }, (_, i) => enrol(`i${i}`)));
});
afterEach(async () => {
  for (const db of servers) await db.destroy();
  await rm(dir, { recursive: true });
});

async function enrol(name: string): Promise<string> {
  const { code } = await createEnrolment(servers[0], { name, actor: 'test' }, NOW);
  const agent = { code, publicKey: 'A'.repeat(43), hostname: 'host', agentVersion: '0.1.0' };
  return (await redeemEnrolment(servers[0], agent, NOW)).instance;
}

/** Which version of each component; none is not run. */
type Runs = readonly (number | null)[];

type Act =
  | { readonly kind: 'report'; readonly of: readonly (readonly [instance: number, Runs])[] }
  | { readonly kind: 'retire' | 'restore' | 'clear' | 'change' | 'break'; readonly instance: number }
  | { readonly kind: 'tidy' };

const instance = fc.nat(INSTANCES - 1);
const runs = fc.array(fc.option(fc.nat(2)), { minLength: COMPONENTS.length, maxLength: COMPONENTS.length });
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('report' as const),
      of: fc.array(fc.tuple(instance, runs), { minLength: 1 }),
    }),
  },
  fc.record({ kind: fc.constantFrom('retire', 'restore', 'clear', 'change', 'break'), instance }),
  fc.record({ kind: fc.constant('tidy' as const) }),
);

function componentsOf(runs: Runs) {
  return runs.flatMap((version, i) =>
    version === null
      ? []
      : [
          {
            component: COMPONENTS[i] as ComponentKey,
            version: parseVersion(`1.${version}.0`),
            ...{ tree: digestOfText('tree'), health: 'healthy' as const },
          },
        ],
  );
}

async function perform(db: Database, act: Act): Promise<void> {
  const id = 'instance' in act ? (instances[act.instance] ?? '') : '';
  const shut = (to: 'retired' | null) =>
    transact(db, 'committed', (trx) =>
      changeStanding(trx, { id, to, reason: 'x', actor: 'test' }, () => undefined, NOW),
    );
  switch (act.kind) {
    case 'report': {
      const batch = act.of.map(([i, runs]) => ({
        ...{ instance: instances[i] ?? '', key: 'A'.repeat(43), boot: null, received: NOW },
        rows: reportRows(reportOf(++sequence, { components: componentsOf(runs) }), NOW),
      }));
      await transact(db, 'committed', (trx) => writeReports(trx, batch));
      return;
    }
    case 'retire':
      return void (await shut('retired'));
    case 'restore':
      return void (await shut(null));
    // By hands that know of no numbers: those of a person, or of a server that is older.
    case 'clear':
      await db.deleteFrom('instance_components').where('instance', '=', id).execute();
      return;
    case 'change':
      await db
        .updateTable('instance_components')
        .set({ version: '1.1.0' })
        .where('instance', '=', id)
        .execute();
      return;
    case 'break':
      await transact(db, 'committed', async (trx) => {
        await trx.deleteFrom('instance_components').where('instance', '=', id).execute();
        throw new Error('in the middle');
      }).catch(() => undefined);
      return;
    case 'tidy':
      await transact(db, 'committed', forgetVersions);
  }
}

/** Instances that are retired, or not, may do nothing of it. */
const refused = (error: unknown) => {
  if (!isFairleadError(error, 'instance/retired', 'instance/standing')) throw error;
};

const numbersOf = (rows: readonly { component: string; version: string; instances: unknown }[]) =>
  rows.map((row) => `${row.component}@${row.version} ${Number(row.instances)}`).sort();

async function countAll(db: Database): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('instance_components')
    .select((select) => ['component', 'version', select.fn.countAll().as('instances')])
    .groupBy(['component', 'version'])
    .execute();
  return numbersOf(rows);
}

it('is right after any acts of two servers at once', async () => {
  const steps = fc.array(fc.array(act, { minLength: 1, maxLength: 4 }), { minLength: 3, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      for (const step of steps) {
        await Promise.all(step.map((act, i) => perform(servers[i % 2] as Database, act).catch(refused)));
      }
      expect(numbersOf(await listRunningVersions(servers[0], COMPONENTS))).toEqual(
        await countAll(servers[1]),
      );
    }),
    { numRuns: 12 },
  );
}, 120_000);

it('is kept of nothing that nobody runs any more', async () => {
  for (const server of servers) {
    for (const version of [0, 1, 2]) {
      const of = instances.map((_, i): readonly [number, Runs] => [i, [version, version, null]]);
      await perform(server, { kind: 'report', of });
    }
  }
  await transact(servers[0], 'committed', forgetVersions);

  const rows = await servers[0].selectFrom('running_versions').select(['component', 'version']).execute();
  expect(new Set(rows.map(({ component, version }) => `${component} ${version}`))).toEqual(
    new Set(['core/auth 1.2.0', 'core/users 1.2.0']),
  );
});

it('is right from the first moment where rows stood before anybody counted', async () => {
  const [db] = servers;
  await perform(db, { kind: 'report', of: instances.map((_, i) => [i, [i % 2, 0, null]]) });
  if (isPostgres(db)) await sql`drop function count_running() cascade`.execute(db);
  else
    for (const name of ['added', 'gone', 'changed'])
      await sql`drop trigger ${sql.ref(`running_${name}`)}`.execute(db);
  await sql`drop table running_versions`.execute(db);

  await transact(db, 'committed', (trx) => addRunningVersions(trx as unknown as Kysely<unknown>));

  expect(numbersOf(await listRunningVersions(db, COMPONENTS))).toEqual([
    'core/auth@1.0.0 3',
    'core/auth@1.1.0 3',
    'core/users@1.0.0 6',
  ]);
  await perform(db, { kind: 'clear', instance: 0 });
  expect(numbersOf(await listRunningVersions(db, COMPONENTS))).toEqual(await countAll(db));
});

// The file has one writer at a time.
if (isOnPostgres()) {
  it('holds up no other transaction that counts the same versions', async () => {
    const [db, other] = servers;
    const of = instances.map((_, i): readonly [number, Runs] => [i, [0, 0, 0]]);
    await perform(db, { kind: 'report', of });

    await db.transaction().execute(async (trx) => {
      await trx
        .deleteFrom('instance_components')
        .where('instance', '=', instances[0] ?? '')
        .execute();
      // One that waited would wait for the end of this one, which waits for it.
      for (const i of [1, 2]) await perform(other, { kind: 'change', instance: i });
    });

    expect(numbersOf(await listRunningVersions(db, COMPONENTS))).toEqual(await countAll(db));
  });
}
