// Who is exposed: every page in one order, whether few or most of the fleet run what is affected.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ExposedKey,
  listRunning,
  listRunningVersions,
  listSomeRunning,
} from '../../../server/db/exposure.ts';
import { inParts } from '../../../server/db/page.ts';
import type { Database } from '../../../server/db/tables.ts';
import { byCodePoint } from '../../../shared/encoding/canonical.ts';
import { openAt } from '../../support/databases.ts';

/** More than are sorted at once. */
const INSTANCES = 5_300;
const NAMES = ['eins', 'Zwei', 'ärger', 'drei'];

const instances = Array.from({ length: INSTANCES }, (_, i) => ({
  id: `00000000-0000-4000-8000-${String((i * 7_919) % INSTANCES).padStart(12, '0')}`,
  // Many of one name, and none in the order of their ids.
  name: `${NAMES[i % NAMES.length]} ${i % 40}`,
}));
const components = instances.flatMap(({ id, name }, i) => [
  { instance: id, name, component: 'core/auth', version: i % 50 === 0 ? '1.0.0' : '1.1.0' },
  { instance: id, name, component: 'core/users', version: i % 2 === 0 ? '2.0.0' : '2.1.0' },
  // One after the other, in the order of ids.
  { instance: id, name, component: 'lab/x', version: `1.${Math.floor(Number(id.slice(-12)) / 1_000)}.0` },
]);

describe('who is exposed', () => {
  let dir: string;
  let db: Database;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'fairlead-exposure-'));
    db = await openAt(join(dir, 'fairlead.db'));
    const row = {
      public_key: 'key',
      hostname: 'host',
      agent_version: '1',
      enrolled_at: '2026-01-01T00:00:00Z',
      last_sequence: 0,
    };
    for (const part of inParts(instances.map((one) => ({ ...row, ...one })))) {
      await db
        .insertInto('instances')
        .values(part as never)
        .execute();
    }
    const rows = components.map(({ name: _name, ...one }) => one);
    for (const part of inParts(rows))
      await db
        .insertInto('instance_components')
        .values(part as never)
        .execute();
  });
  afterAll(async () => {
    await db.destroy();
    await rm(dir, { recursive: true });
  });

  it.each([
    ['few', [['core/auth', '1.0.0']]],
    [
      'most',
      [
        ['core/auth', '1.1.0'],
        ['core/users', '2.0.0'],
      ],
    ],
    [
      'all, each twice',
      [
        ['core/auth', '1.1.0'],
        ['core/auth', '1.0.0'],
        ['core/users', '2.0.0'],
        ['core/users', '2.1.0'],
      ],
    ],
    [
      'many versions, each by some that follow each other',
      [
        ['lab/x', '1.0.0'],
        ['lab/x', '1.1.0'],
        ['lab/x', '1.3.0'],
        ['lab/x', '1.4.0'],
        ['lab/x', '1.5.0'],
      ],
    ],
    ['nobody', [['core/auth', '9.0.0']]],
  ] as const)('is told page by page, each once: %s', async (_what, affected) => {
    const wanted = new Set(affected.map((one) => one.join(' ')));
    const running = await listRunningVersions(db, ['core/auth', 'core/users', 'lab/x']);
    const versions = running.filter(({ component, version }) => wanted.has(`${component} ${version}`));
    const told: unknown[] = [];
    for (let after: ExposedKey | null = null, page = 0; page < 100; page++) {
      const { entries, next } = await listRunning(db, versions, { limit: 499, after });
      told.push(...entries);
      if (next === null) break;
      after = next;
    }

    const expected = components
      .filter(({ component, version }) => wanted.has(`${component} ${version}`))
      .sort((a, b) => byCodePoint(a.instance, b.instance) || byCodePoint(a.component, b.component));
    expect(told).toEqual(expected);
  });

  it('is shown in part beside each of many lists, and beside no other', async () => {
    const running = await listRunningVersions(db, ['core/auth', 'core/users']);
    const ofOne = (version: string) => running.filter((one) => one.version === version);
    const lists = Array.from({ length: 600 }, (_, i) => [ofOne('1.0.0'), [], ofOne('2.1.0')][i % 3] ?? []);

    const some = await listSomeRunning(db, lists, 20);

    expect(some.map((one) => one.length)).toEqual(lists.map((list) => (list.length === 0 ? 0 : 20)));
    const versions = some.map((one) => [...new Set(one.map(({ version }) => version))]);
    expect(versions).toEqual(lists.map((list) => list.map(({ version }) => version)));
  });

  it('counts every version that somebody runs', async () => {
    const counts = new Map(
      (await listRunningVersions(db, ['core/auth'])).map((one) => [one.version, one.instances]),
    );

    expect(Object.fromEntries(counts)).toEqual({ '1.0.0': 106, '1.1.0': 5_194 });
  });
});
