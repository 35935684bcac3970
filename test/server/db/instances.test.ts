// The fleet in rows: who is asked for by a name, and who runs what by the newest word of each.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { listRunningVersions } from '../../../server/db/exposure.ts';
import { countInstances, findInstanceKey, listInstances } from '../../../server/db/instances.ts';
import { reportRows } from '../../../server/db/records.ts';
import { writeReports } from '../../../server/db/reports.ts';
import type { Database } from '../../../server/db/tables.ts';
import { transact } from '../../../server/db/transact.ts';
import type { Report } from '../../../shared/protocol/report.ts';
import { openAt } from '../../support/databases.ts';
import { digestOfText, NOW } from '../../support/publications.ts';
import { reportOf } from '../../support/reports.ts';

let dir: string;
let db: Database;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-instances-'));
  db = await openAt(join(dir, 'fairlead.db'));
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

async function enrol(name: string, key = 'A'): Promise<string> {
  const { code } = await createEnrolment(db, { name, actor: 'test' }, NOW);
  const agent = { code, publicKey: key.repeat(43), hostname: name, agentVersion: '0.1.0' };
  return (await redeemEnrolment(db, agent, NOW)).instance;
}

async function report(instance: string, sequence: number, components: Record<string, string>): Promise<void> {
  const running = Object.entries(components).map(([component, version]) => ({
    ...{ component, version, tree: digestOfText(component), health: 'healthy' },
  })) as unknown as Report['components'];
  const rows = reportRows(reportOf(sequence, { components: running }), NOW);
  await transact(db, 'committed', (trx) =>
    writeReports(trx, [{ instance, key: 'A'.repeat(43), boot: null, rows, received: NOW }]),
  );
}

describe('the instances', () => {
  it('are listed by name, then by id, page by page', async () => {
    const ids = [await enrol('b'), await enrol('a'), await enrol('a')];
    const all = await listInstances(db, { limit: 10, after: null });
    const [first, second] = all.entries;

    expect(all.entries.map(({ name }) => name)).toEqual(['a', 'a', 'b']);
    expect(all.entries.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(all.next).toBeNull();
    const page = await listInstances(db, { limit: 2, after: null });
    expect([page.entries, page.next]).toEqual([
      [first, second],
      ['a', second?.id],
    ]);
    expect((await listInstances(db, { limit: 2, after: page.next })).entries).toEqual(all.entries.slice(2));
    expect(await countInstances(db)).toBe(3);
  });

  it('are found by their name or their id, and no others with them', async () => {
    const [one, other] = [await enrol('one'), await enrol('other')];
    const named = async (name: string) =>
      (await listInstances(db, { limit: 10, after: null, named: name })).entries;

    expect((await named('one')).map(({ id }) => id)).toEqual([one]);
    expect((await named(other)).map(({ name }) => name)).toEqual(['other']);
    expect(await named('nobody')).toEqual([]);
    expect(await named('')).toEqual([]);
  });

  it('have each the key they were enrolled with', async () => {
    const one = await enrol('one', 'B');

    expect([await findInstanceKey(db, one), await findInstanceKey(db, 'nobody')]).toEqual([
      { public_key: 'B'.repeat(43), standing: null, standing_since: null },
      null,
    ]);
  });
});

describe('what runs', () => {
  const running = async () =>
    (await listRunningVersions(db, ['core/auth', 'core/api']))
      .map(({ component, version, instances }) => `${component} ${version} ${instances}`)
      .toSorted();

  it('is what each instance said last: no more and no less', async () => {
    const [one, other] = [await enrol('one'), await enrol('other')];
    await report(one, 1, { 'core/auth': '1.0.0', 'core/api': '1.0.0' });
    await report(other, 1, { 'core/auth': '1.0.0' });
    expect(await running()).toEqual(['core/api 1.0.0 1', 'core/auth 1.0.0 2']);

    await report(one, 2, { 'core/auth': '1.0.1' });
    expect(await running()).toEqual(['core/auth 1.0.0 1', 'core/auth 1.0.1 1']);

    await report(one, 3, { 'core/auth': '1.0.1' });
    await report(other, 2, {});
    expect(await running()).toEqual(['core/auth 1.0.1 1']);
  });

  it('is not what an older report says that comes late', async () => {
    const one = await enrol('one');
    await report(one, 2, { 'core/auth': '1.0.1' });
    await report(one, 1, { 'core/auth': '1.0.0' });

    expect(await running()).toEqual(['core/auth 1.0.1 1']);
  });
});
