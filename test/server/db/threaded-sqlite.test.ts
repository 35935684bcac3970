// The embedded file in threads of its own: the same rows, and nobody else waits for it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileAddress } from '../../../server/core/database-address.ts';
import { openDatabase } from '../../../server/db/database.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { reportRows } from '../../../server/db/records.ts';
import { takeReports } from '../../../server/db/reports.ts';
import type { Database } from '../../../server/db/tables.ts';
import { transact } from '../../../server/db/transact.ts';
import { isDatabaseBusy, isFairleadError } from '../../../shared/errors/error.ts';
import { firstPublication, NOW } from '../../support/publications.ts';
import { reportOf } from '../../support/reports.ts';
import { startTestServer } from '../../support/server-under-test.ts';

const KEY = 'A'.repeat(43);

let dir: string;
let file: string;
let db: Database;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-threads-'));
  file = join(dir, 'fairlead.db');
  db = await openDatabase(fileAddress(file), 'beside');
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

const countAudit = async (on = db) => (await on.selectFrom('audit').select('sequence').execute()).length;

describe('transactions', () => {
  it('take turns, however many begin at once', async () => {
    const names = Array.from({ length: 30 }, (_, i) => `instance ${i}`);

    await Promise.all(names.map((name) => createEnrolment(db, { name, actor: 'test' }, NOW)));

    expect(await countAudit()).toBe(30);
  });

  it('see their own writes, and nobody else does until they end', async () => {
    const seen = await transact(db, 'committed', async (trx) => {
      await trx
        .insertInto('changes')
        .values({ id: 'CHG-1', component: 'a/b', version: '1.0.0', updated_at: '', body: '{}' })
        .execute();
      const inside = await trx.selectFrom('changes').select('id').execute();
      const outside = await db.selectFrom('changes').select('id').execute();
      return [inside.length, outside.length];
    });

    expect(seen).toEqual([1, 0]);
    expect(await db.selectFrom('changes').select('id').execute()).toHaveLength(1);
  });

  it('of a batch of reports are one question to the thread, in its turn, and tell each sender its own', async () => {
    const { code } = await createEnrolment(db, { name: 'one', actor: 'test' }, NOW);
    const agent = { code, publicKey: KEY, hostname: 'host', agentVersion: '0.1.0' };
    const { instance } = await redeemEnrolment(db, agent, NOW);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let before: Promise<void> = Promise.resolve();
    await new Promise<void>((begun) => {
      before = transact(db, 'committed', async (trx) => {
        await trx.updateTable('instances').set({ name: 'another' }).execute();
        begun();
        await held;
      });
    });
    const rows = reportRows(reportOf(1), NOW);
    const batch = [KEY, 'B'.repeat(43)].map((key) => ({ instance, key, boot: null, rows, received: NOW }));

    const taking = takeReports(db, batch);
    release();

    const [taken, refused] = await taking;
    expect(taken).toEqual({ sequence: 1, isHeld: true, mark: null, twins: null, witnessed: null });
    expect(isFairleadError(refused, 'auth/refused')).toBe(true);
    await before;
    const row = await db.selectFrom('instances').selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({ name: 'another', last_sequence: 1 });
  });

  it('that fail leave nothing, and the next one works', async () => {
    await expect(
      transact(db, 'committed', async (trx) => {
        await sql`delete from nothing`.execute(trx);
      }),
    ).rejects.toThrow('nothing');

    await createEnrolment(db, { name: 'one', actor: 'test' }, NOW);

    expect(await countAudit()).toBe(1);
  });
});

describe('a lock that another program holds', () => {
  it('stops no turn of the loop, no reader and no file; the writer says that the database is busy', async () => {
    const server = await startTestServer();
    await server.context.publisher.publish(firstPublication(server.context.publisher.onlineKeys), 'test');
    const delay = monitorEventLoopDelay({ resolution: 5 });
    const holder = new DatabaseSync(file);
    holder.exec('BEGIN EXCLUSIVE');
    delay.enable();

    const writing = createEnrolment(db, { name: 'one', actor: 'test' }, NOW).then(
      () => null,
      (error: unknown) => error,
    );
    const url = '/repository/metadata/timestamp.json';
    const served = (await server.app.inject({ url })).statusCode;
    const read = await countAudit();
    const outcome = await writing;
    delay.disable();
    holder.close();

    expect([served, read]).toEqual([200, 0]);
    expect(isDatabaseBusy(outcome)).toBe(true);
    // The writer waited five seconds; on a busy machine a turn may be late, but never by seconds.
    expect(delay.max / 1e6).toBeLessThan(2_000);
    await createEnrolment(db, { name: 'two', actor: 'test' }, NOW);
    expect(await countAudit()).toBe(1);
    await server.close();
  }, 30_000);
});
