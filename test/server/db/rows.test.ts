// Rows of the database that more than one may want at once: codes that are used once, and a log that only grows.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAudit } from '../../../server/db/audit.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import { findInstance } from '../../../server/db/instances.ts';
import { reportRows } from '../../../server/db/records.ts';
import { writeReports } from '../../../server/db/reports.ts';
import type { Database } from '../../../server/db/tables.ts';
import { makeToken } from '../../../server/db/token-lists.ts';
import { admitToken, revokeTokens } from '../../../server/db/tokens.ts';
import { transact } from '../../../server/db/transact.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { openAt } from '../../support/databases.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { NOW } from '../../support/publications.ts';
import { reportOf } from '../../support/reports.ts';

const HOUR_MS = 60 * 60 * 1000;

let dir: string;
let db: Database;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-rows-'));
  db = await openAt(join(dir, 'fairlead.db'));
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

describe('what people and agents call themselves', () => {
  it('is kept without what a table, a terminal or a database cannot hold', async () => {
    const hostile = 'a\u0000b\u001b[31m\u202ec';
    const { code, name } = await createEnrolment(db, { name: hostile, actor: 'test' }, NOW);
    const agent = { code, publicKey: 'A'.repeat(43), hostname: hostile, agentVersion: hostile };
    const { instance } = await redeemEnrolment(db, agent, NOW);
    const report = reportOf(1, { agentVersion: hostile });
    await transact(db, 'committed', (trx) =>
      writeReports(trx, [
        { instance, key: agent.publicKey, boot: null, rows: reportRows(report, NOW), received: NOW },
      ]),
    );

    const kept = await findInstance(db, instance);

    const harmless = 'a\ufffdb\ufffd[31m\ufffdc';
    expect([name, kept?.name, kept?.hostname, kept?.agentVersion]).toEqual(Array(4).fill(harmless));
  });
});

describe('what an instance says that it is', () => {
  it('is one text however it was said, and told with the instance; an earlier agent says nothing', async () => {
    const texts = [];
    for (const facts of [
      { region: ['eu'], driver: ['systemd', 'process', 'process'] },
      { driver: ['process', 'systemd'], region: ['eu'] },
      undefined,
    ]) {
      const { instance } = reportRows(reportOf(1, facts === undefined ? {} : { facts }), NOW);
      texts.push(instance.facts);
      expect(instance.last_report).not.toContain('facts');
    }
    const told = '{"driver":["process","systemd"],"region":["eu"]}';

    expect(texts).toEqual([told, told, null]);
  });

  it('stands in lists with its track', async () => {
    const { code } = await createEnrolment(db, { name: 'one', actor: 'test' }, NOW);
    const agent = { code, publicKey: 'A'.repeat(43), hostname: 'host', agentVersion: '0.1.0' };
    const { instance } = await redeemEnrolment(db, agent, NOW);
    expect(await findInstance(db, instance)).not.toHaveProperty('facts');
    const rows = reportRows(reportOf(1, { track: 'lts', facts: { region: ['eu'], suite: [] } }), NOW);
    await transact(db, 'committed', (trx) =>
      writeReports(trx, [{ instance, key: agent.publicKey, boot: null, rows, received: NOW }]),
    );

    expect(await findInstance(db, instance)).toMatchObject({
      track: 'lts',
      facts: { region: ['eu'], suite: [] },
    });
  });
});

describe('an enrolment code', () => {
  const agent = { publicKey: 'A'.repeat(43), hostname: 'host', agentVersion: '0.1.0' };

  it('gives the same key the same instance, however often it asks', async () => {
    const { code } = await createEnrolment(db, { name: 'one', actor: 'test' }, NOW);
    const first = await redeemEnrolment(db, { ...agent, code }, NOW);

    const again = await redeemEnrolment(db, { ...agent, code }, NOW + 365 * 24 * HOUR_MS);

    expect(again).toEqual(first);
    expect(first.name).toBe('one');
  });

  it('is good for one key only, also when two ask at once', async () => {
    const { code } = await createEnrolment(db, { name: 'one', actor: 'test' }, NOW);
    const keys = ['A', 'B'].map((letter) => letter.repeat(43));

    const outcomes = await Promise.allSettled(
      keys.map((publicKey) => redeemEnrolment(db, { ...agent, publicKey, code }, NOW)),
    );

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await db.selectFrom('instances').select('id').execute()).toHaveLength(1);
  });

  it.each([
    ['unknown', 0, 'x'.repeat(32)],
    ['expired', 7 * 24 * HOUR_MS, null],
  ])('is refused when it is %s', async (_why, later, other) => {
    const { code } = await createEnrolment(db, { name: 'one', actor: 'test' }, NOW);

    const refusal = await rejectionOf(redeemEnrolment(db, { ...agent, code: other ?? code }, NOW + later));

    expect(refusal.code).toBe('enrolment/code-refused');
  });
});

describe('the audit log', () => {
  it('holds who gave and took every right, each act once', async () => {
    const { code } = await createEnrolment(db, { name: 'one', actor: 'alice' }, NOW);
    const agent = { publicKey: 'A'.repeat(43), hostname: 'host', agentVersion: '0.1.0' };
    const { instance } = await redeemEnrolment(db, { ...agent, code }, NOW);
    const token = { text: makeToken(), name: 'ci', role: 'publisher', expires: NOW + HOUR_MS } as const;
    await admitToken(db, { ...token, actor: 'alice' }, NOW);
    await admitToken(db, { ...token, actor: 'alice' }, NOW);
    await revokeTokens(db, 'ci', 'bob', NOW);
    await revokeTokens(db, 'ci', 'bob', NOW);

    const { entries } = await readAudit(db, 0, 10);

    expect(entries.map(({ actor, action, subject }) => [actor, action, subject])).toEqual([
      ['alice', 'enrolment.created', 'one'],
      [`instance ${instance}`, 'enrolment.redeemed', instance],
      ['alice', 'token.created', 'ci'],
      ['bob', 'token.revoked', 'ci'],
    ]);
  });

  it('chains every entry to the one before', async () => {
    for (const name of ['one', 'two', 'three']) await createEnrolment(db, { name, actor: 'test' }, NOW);

    const { entries } = await readAudit(db, 0, 10);

    expect(entries.map((entry) => entry.subject)).toEqual(['one', 'two', 'three']);
    expect(entries.map((entry) => entry.previous)).toEqual([null, entries[0]?.digest, entries[1]?.digest]);
    for (const { digest, ...entry } of entries) {
      expect(digestOfValue(entry as unknown as JsonObject)).toBe(digest);
    }
  });

  it('answers what comes after an entry, so many at a time', async () => {
    for (const name of ['one', 'two', 'three']) await createEnrolment(db, { name, actor: 'test' }, NOW);

    const { entries, next } = await readAudit(db, 1, 1);

    expect(entries.map((entry) => entry.subject)).toEqual(['two']);
    expect(next).toBe(2);
  });
});
