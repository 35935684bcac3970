// Reports: durable before they are acknowledged, many in one transaction, and each instance its own.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAudit } from '../../../server/db/audit.ts';
import { type DeploymentKey, listDeployments } from '../../../server/db/deployments.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { countDeployments } from '../../../server/db/fleet-counts.ts';
import { createGroupCommit } from '../../../server/db/group-commit.ts';
import { countTwins, findInstance } from '../../../server/db/instances.ts';
import { type ReceivedReport, reportRows } from '../../../server/db/records.ts';
import { type Received, writeReports } from '../../../server/db/reports.ts';
import type { Database } from '../../../server/db/tables.ts';
import { transact } from '../../../server/db/transact.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { Report } from '../../../shared/protocol/report.ts';
import { openAt } from '../../support/databases.ts';
import { NOW } from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';

const KEY = 'A'.repeat(43);
let dir: string;
let db: Database;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-reports-'));
  db = await openAt(join(dir, 'fairlead.db'));
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

describe('group commit', () => {
  it('answers only once another connection can read what was written', async () => {
    const instance = await enrol('one');
    const reader = await openAt(join(dir, 'fairlead.db'));

    await commit().submit({
      instance,
      key: KEY,
      boot: null,
      rows: reportRows(reportOf(1), NOW),
      received: NOW,
    });

    expect((await findInstance(reader, instance))?.report?.sequence).toBe(1);
    await reader.destroy();
  });

  it('puts what arrives together into few transactions, each answered with its own result', async () => {
    const instances = await Promise.all(Array.from({ length: 20 }, (_, i) => enrol(`instance ${i}`)));
    const transactions = new Set<Database>();
    const group = createGroupCommit((received: readonly ReceivedReport[]) =>
      transact(db, 'committed', (trx) => {
        transactions.add(trx);
        return writeReports(trx, received);
      }),
    );

    const answers = await Promise.all(
      instances.map((instance, i) =>
        group.submit({
          instance,
          key: KEY,
          boot: null,
          rows: reportRows(reportOf(i + 1), NOW),
          received: NOW,
        }),
      ),
    );

    expect(answers.map(({ sequence }) => sequence)).toEqual(instances.map((_, i) => i + 1));
    expect(transactions.size).toBeLessThan(3);
  });

  it('asks a database that is gone once, not once for each', async () => {
    const away = new FairleadError('server/database-away', { database: 'db/x', seconds: 5 });
    let attempts = 0;
    const group = createGroupCommit<number, number>(async () => {
      attempts++;
      throw away;
    });

    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => group.submit(i)));

    expect(new Set(outcomes.map((one) => one.status === 'rejected' && one.reason))).toEqual(new Set([away]));
    expect(attempts).toBe(1);
  });

  it('lets a report that cannot be written fail alone', async () => {
    const group = commit();
    const good = await enrol('one');

    const outcomes = await Promise.allSettled(
      ['nobody', good].map((instance) =>
        group.submit({ instance, key: KEY, boot: null, rows: reportRows(reportOf(1), NOW), received: NOW }),
      ),
    );

    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });

  it('goes on after a failure', async () => {
    const group = commit();
    await group
      .submit({ instance: 'nobody', key: KEY, boot: null, rows: reportRows(reportOf(1), NOW), received: NOW })
      .catch(() => undefined);

    const taken = await group.submit({
      instance: await enrol('one'),
      key: KEY,
      boot: null,
      rows: reportRows(reportOf(1), NOW),
      received: NOW,
    });
    expect(taken.sequence).toBe(1);
  });
});

describe('a report', () => {
  it('that repeats or comes late changes nothing', async () => {
    const instance = await enrol('one');
    await send(instance, reportOf(5, { channel: 'frozen' }));

    const answers = [await send(instance, reportOf(5)), await send(instance, reportOf(3))];

    expect(answers).toEqual([5, 5]);
    expect((await findInstance(db, instance))?.channel).toBe('frozen');
  });

  it('pushes out the oldest of a bounded history', async () => {
    const instance = await enrol('one');
    for (let sequence = 1; sequence <= 64; sequence++) await send(instance, reportOf(sequence));

    const kept = await db.selectFrom('reports').select('sequence').orderBy('sequence').execute();

    expect(kept).toHaveLength(50);
    expect(kept.at(-1)?.sequence).toBe(64);
  });
});

describe('what one instance may keep', () => {
  it('is looked at in time, whichever numbers it chooses', async () => {
    const instance = await enrol('one');
    let most = 0;
    // None of them divides by eight.
    for (let i = 0; i < 70; i++) {
      await send(instance, reportOf(Math.floor(i / 2) * 8 + (i % 2) + 1));
      const kept = await db
        .selectFrom('reports')
        .select('sequence')
        .where('instance', '=', instance)
        .execute();
      most = Math.max(most, kept.length);
    }

    expect(most).toBeLessThan(58);
  });

  it('is bounded in bytes, whatever it reports', async () => {
    const instance = await enrol('one');
    const component = reportOf(1).components[0] as Report['components'][number];
    const components = Array.from({ length: 1_000 }, () => component);
    for (let sequence = 1; sequence <= 20; sequence++)
      await send(instance, reportOf(sequence, { components }));

    const kept = await db.selectFrom('reports').select(['sequence', 'body']).orderBy('sequence').execute();

    expect(kept.reduce((sum, { body }) => sum + body.length, 0)).toBeLessThan(600_000);
    expect(kept.at(-1)?.sequence).toBe(20);
  });

  it('is bounded in deployments: the oldest go, with the changes they carried', async () => {
    const instance = await enrol('one');
    const other = await enrol('two');
    await send(other, reportOf(1, { records: [recordOf(1, 'committed')] }));
    for (let from = 1; from <= 1_101; from += 100) {
      const records = Array.from({ length: 100 }, (_, i) => ({ ...recordOf(1, 'committed'), id: from + i }));
      await send(instance, reportOf(from, { records }));
    }

    const kept = await db
      .selectFrom('deployments')
      .select('record')
      .where('instance', '=', instance)
      .execute();
    const changes = await db.selectFrom('deployment_changes').selectAll().execute();

    expect(kept).toHaveLength(1_000);
    expect(Math.max(...kept.map(({ record }) => record))).toBe(1_200);
    expect(changes).toHaveLength(1_001);
  });

  it('is bounded in bytes of deployments, yet the newest stays however long it is', async () => {
    const instance = await enrol('one');
    const long = 'x'.repeat(900_000);
    for (let id = 1; id <= 8; id++) {
      const record = { ...recordOf(1, 'rolled-back'), id, failure: { code: 'x', message: long } };
      await send(instance, reportOf(id, { records: [record] }));
    }

    const kept = await db.selectFrom('deployments').select('record').orderBy('record').execute();

    expect(kept.map(({ record }) => record)).toEqual([5, 6, 7, 8]);
  });
});

describe('two agents with one identity', () => {
  const HOUR = 3_600_000;

  async function hearInTurns(boots: string): Promise<string> {
    const instance = await enrol('one');
    // A copy counts on from where it was copied: its numbers repeat those of the other.
    for (const [i, boot] of [...boots].entries()) {
      await send(instance, reportOf(Math.floor(i / 2) + 1), `boot-${boot}`, NOW + i * HOUR);
    }
    return instance;
  }

  it('are noticed by the starts that take turns, also where their numbers say nothing new', async () => {
    const instance = await hearInTurns('abab');

    expect((await findInstance(db, instance))?.twinsHeard).toBe(formatInstantMs(NOW + 3 * HOUR));
    expect(await countTwins(db, NOW + 4 * HOUR)).toBe(1);
    expect(await countTwins(db, NOW + 40 * HOUR)).toBe(0);
    const { entries } = await readAudit(db, 0, 100);
    expect(entries.filter(({ action }) => action === 'identity.twinned')).toHaveLength(1);
  });

  it('are not seen in one that is restarted, nor in one that does not say', async () => {
    const restarted = await hearInTurns('aabbcc');
    await send(restarted, reportOf(9));

    expect(await findInstance(db, restarted)).not.toHaveProperty('twinsHeard');
  });

  it('are written down once, however long they go on', async () => {
    await hearInTurns('abababababab');

    const { entries } = await readAudit(db, 0, 100);
    expect(entries.filter(({ action }) => action === 'identity.twinned')).toHaveLength(1);
  });
});

describe('deployments', () => {
  it('are read in parts of about a megabyte, none twice and none left out', async () => {
    const instance = await enrol('a');
    const records = Array.from({ length: 9 }, (_, i) => ({
      ...recordOf(i + 1, 'rolled-back'),
      failure: { code: 'x', message: 'x'.repeat(300_000) },
    }));
    for (const record of records) await send(instance, reportOf(record.id, { records: [record] }));

    const parts: number[][] = [];
    for (let after: DeploymentKey | null = null; ; ) {
      const part = await listDeployments(db, { limit: 100, after });
      parts.push(part.entries.map(({ record }) => record.id));
      if (part.next === null) break;
      after = part.next;
    }

    expect(parts).toEqual([
      [9, 8, 7],
      [6, 5, 4],
      [3, 2, 1],
    ]);
  });

  it('count each instance once, by its newest record that carried the change', async () => {
    await send(
      await enrol('a'),
      reportOf(1, { records: [recordOf(1, 'rolled-back'), recordOf(2, 'committed')] }),
    );
    await send(
      await enrol('b'),
      reportOf(1, { records: [recordOf(1, 'committed'), recordOf(2, 'rolled-back')] }),
    );
    await send(await enrol('c'), reportOf(1, { records: [recordOf(1, 'soaking')] }));
    await send(await enrol('d'), reportOf(1, { records: [recordOf(1, 'abandoned')] }));
    await send(await enrol('e'), reportOf(1, { records: [recordOf(1, 'committed', 'CHG-2')] }));

    expect(await countDeployments(db, 'CHG-1', Date.parse('2026-01-01T00:00:00Z'))).toEqual({
      committed: 1,
      rolledBack: 1,
      inProgress: 1,
      failed: 1,
    });
  });

  it('tell what machines did by themselves from what the release did, and silence from work', async () => {
    const ended = (code: string) => ({ ...recordOf(1, 'rolled-back'), failure: { code, message: 'x' } });
    const codes = ['deploy/unhealthy', 'disk/full', 'deploy/interrupted', 'newer/than-this-server'];
    for (const [at, code] of codes.entries()) {
      await send(await enrol(`e${at}`), reportOf(1, { records: [ended(code)] }));
    }
    await send(await enrol('s'), reportOf(1, { records: [recordOf(1, 'soaking')] }));
    const { entries } = await listDeployments(db, { limit: 10, after: null });
    const heard = Math.max(...entries.map(({ updated }) => Date.parse(updated)));

    const soon = await countDeployments(db, 'CHG-1', heard + 3_600_000);
    const later = await countDeployments(db, 'CHG-1', heard + 2 * 86_400_000);

    expect(soon).toEqual({ committed: 0, rolledBack: 4, inProgress: 1, failed: 0, environment: 2 });
    expect(later.silent).toBe(1);
  });

  it('follow a record as it moves on', async () => {
    const instance = await enrol('a');
    await send(instance, reportOf(1, { records: [recordOf(1, 'starting')] }));
    await send(instance, reportOf(2, { records: [recordOf(1, 'committed')] }));

    const { entries } = await listDeployments(db, { limit: 10, after: null });

    expect(entries.map(({ state }) => state)).toEqual(['committed']);
  });

  it.each([
    ['an instance', { instance: 'a' }, [3, 2, 1]],
    ['a change', { change: 'CHG-2' }, [2]],
    ['rollbacks only', { rollbacksOnly: true }, [3, 1]],
    ['so many', { limit: 1 }, [3]],
  ])('are found by %s, newest first', async (_by, filter, expected) => {
    const instance = await enrol('a');
    const rollback = { reason: { kind: 'rollback', generation: 1 } } as const;
    const records = [
      recordOf(1, 'rolled-back'),
      recordOf(2, 'committed', 'CHG-2'),
      recordOf(3, 'committed', 'CHG-1', rollback),
    ];
    await send(instance, reportOf(1, { records }));
    const wanted = 'instance' in filter ? { instance } : filter;

    const { entries } = await listDeployments(db, { limit: 10, after: null, ...wanted });

    expect(entries.map(({ record }) => record.id)).toEqual(expected);
  });
});

async function enrol(name: string): Promise<string> {
  const { code } = await createEnrolment(db, { name, actor: 'test' }, NOW);
  const agent = { code, publicKey: KEY, hostname: 'host', agentVersion: '0.1.0' };
  return (await redeemEnrolment(db, agent, NOW)).instance;
}

function send(
  instance: string,
  report: Report,
  boot: string | null = null,
  received = NOW,
): Promise<number | undefined> {
  return transact(db, 'committed', (trx) =>
    writeReports(trx, [{ instance, key: KEY, boot, rows: reportRows(report, received), received }]),
  ).then(([held]) => {
    if (held instanceof FairleadError) throw held;
    return held?.sequence;
  });
}

function commit() {
  return createGroupCommit((received: readonly Received[]) =>
    transact(db, 'committed', (trx) => writeReports(trx, received)),
  );
}
