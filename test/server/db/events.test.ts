// Events: one row for each fact that changed, none for one that did not, told in order to whoever reads along, and bounded.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import {
  appendEvents,
  KEPT_EVENTS,
  KEPT_EVENTS_MS,
  KEPT_EVENTS_OF_ONE,
  type NewEvent,
  placeBefore,
  pruneEvents,
  readEvents,
  settleEvents,
} from '../../../server/db/events.ts';
import { reportRows } from '../../../server/db/records.ts';
import { noteSilence, SILENT_MS } from '../../../server/db/report-events.ts';
import { writeReports } from '../../../server/db/reports.ts';
import { beginSession, findSession, IDLE_MS } from '../../../server/db/sessions.ts';
import { changeStanding } from '../../../server/db/standing.ts';
import type { Database } from '../../../server/db/tables.ts';
import { transact } from '../../../server/db/transact.ts';
import type { Report } from '../../../shared/protocol/report.ts';
import type { Decision } from '../../../shared/schema/decision.ts';
import { isOnPostgres, openAt } from '../../support/databases.ts';
import { NOW } from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';

const MINUTE_MS = 60_000;

let dir: string;
let db: Database;
let now: number;
let sequence: number;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-events-'));
  db = await openAt(join(dir, 'fairlead.db'));
  now = NOW;
  sequence = 0;
});
afterEach(async () => {
  await db.destroy();
  await rm(dir, { recursive: true });
});

async function enrol(name: string): Promise<string> {
  const { code } = await createEnrolment(db, { name, actor: 'test' }, now);
  const agent = { code, publicKey: 'A'.repeat(43), hostname: 'host', agentVersion: '0.1.0' };
  return (await redeemEnrolment(db, agent, now)).instance;
}

async function send(instance: string, overrides: Partial<Report> = {}): Promise<void> {
  now += MINUTE_MS;
  sequence += 1;
  const rows = reportRows(reportOf(sequence, overrides), now);
  await transact(db, 'committed', (trx) =>
    writeReports(trx, [{ instance, key: 'A'.repeat(43), boot: null, rows, received: now }]),
  );
}

const all = async (filter = {}) => (await readEvents(db, { after: 0, upTo: 1_000_000, ...filter })).events;
const told = async (filter = {}) => (await all(filter)).map(({ kind, text }) => `${kind}: ${text}`);

const blocked = (code: string): Decision => ({
  ...{ verdict: 'blocked', target: null, exposed: [] },
  blockers: [{ code, message: 'no', source: 'x', owner: 'admin' }],
});
const current: Decision = { verdict: 'current', target: null, exposed: [], blockers: [] };
const one = (kind: NewEvent['kind'], of: Partial<NewEvent> = {}): NewEvent => ({
  ...{ kind, instance: null, actor: 'test', subject: 'x', details: {} },
  ...of,
});
const append = (events: readonly NewEvent[], at = now) =>
  transact(db, 'committed', (trx) => appendEvents(trx, events, at));

describe('a report', () => {
  it('that changes nothing is no event', async () => {
    const instance = await enrol('one');
    const before = await told();

    for (let i = 0; i < 5; i++) await send(instance);

    expect(await told()).toEqual(before);
  });

  it('tells of a deployment that it began and how it ended, once each', async () => {
    const instance = await enrol('one');
    const failure = { code: 'deploy/unhealthy', message: 'no' };
    for (const state of ['planned', 'fetching', 'verifying', 'rolling-back'] as const) {
      await send(instance, { records: [recordOf(1, state)] });
    }
    await send(instance, { records: [recordOf(1, 'rolled-back', 'CHG-1', { failure })] });
    await send(instance, {
      records: [recordOf(1, 'rolled-back', 'CHG-1', { failure }), recordOf(2, 'committed')],
    });

    expect((await told()).slice(1)).toEqual([
      'deployment.began: core/auth - → 1.0.0: begins (channel)',
      'deployment.ended: core/auth - → 1.0.0: rolled-back: deploy/unhealthy',
      'deployment.ended: core/auth - → 1.0.0: committed',
    ]);
  });

  it('tells that somebody is needed, for another reason, and no longer', async () => {
    const instance = await enrol('one');
    const decisions = [
      current,
      blocked('pinned'),
      blocked('pinned'),
      blocked('quarantined'),
      current,
      current,
    ];

    for (const decision of decisions) await send(instance, { decision });

    expect((await told()).slice(1)).toEqual([
      'instance.decided: blocked: pinned (admin)',
      'instance.decided: blocked: quarantined (admin)',
      'instance.decided: current',
    ]);
  });

  it('tells once that an order is put off: which, until when, by whom and why', async () => {
    const instance = await enrol('one');
    const until = '2026-11-30T00:00:00Z';
    const message = 'forced patches are held by root: surgery';
    const held: Decision = {
      ...{ verdict: 'held', target: null },
      blockers: [{ code: 'emergency-hold', message, source: 'x', owner: 'admin', clearsAt: until }],
      exposed: ['critical', 'high'].map((severity) => ({
        ...{ advisory: `FL-${severity}`, severity, component: 'core/auth', version: '1.0.0' },
      })),
    };

    for (const decision of [current, held, held, current, held]) await send(instance, { decision });

    const postponed = (await told()).filter((text) => text.startsWith('order.postponed'));
    const text = `order.postponed: an order is put off until ${until}: FL-critical: ${message}`;
    expect(postponed).toEqual([text, text]);
  });

  it('tells that something is ill, and that it is not any more', async () => {
    const instance = await enrol('one');
    const [component] = reportOf(1).components;
    if (component === undefined) throw new Error('a report has a component');
    const as = (health: 'healthy' | 'unhealthy') => ({ components: [{ ...component, health }] });

    for (const health of ['healthy', 'unhealthy', 'unhealthy', 'healthy'] as const)
      await send(instance, as(health));

    expect((await told()).slice(1)).toEqual([
      'instance.health: 1 component unhealthy',
      'instance.health: all that runs is healthy again',
    ]);
  });

  it('of a month tells its newest deployments and leaves the rest to the list', async () => {
    const instance = await enrol('one');
    const stages = [{ state: 'committed' as const, at: '2026-11-20T12:01:00Z' }];
    const records = Array.from({ length: 100 }, (_, i) => recordOf(i + 1, 'committed', null, { stages }));

    await send(instance, { records });

    const records20 = (await all()).slice(1).map(({ details }) => details.record);
    expect(records20).toEqual(Array.from({ length: 20 }, (_, i) => i + 81));
  });

  it('holds whatever an agent says, cut and cleaned', async () => {
    const instance = await enrol('one');
    const failure = { code: `\u001b[31m\u202e${'x'.repeat(5_000)}`, message: 'no' };

    await send(instance, { records: [recordOf(1, 'abandoned', null, { failure })] });

    const [event] = (await all()).slice(1);
    expect(event?.text.length).toBeLessThanOrEqual(500);
    expect(JSON.stringify(event)).not.toMatch(/\\u001b|\u202e/);
    expect(JSON.stringify(event).length).toBeLessThan(2_000);
  });
});

describe('silence', () => {
  const look = () => transact(db, 'committed', (trx) => noteSilence(trx, now));

  it('is told once, and again only after the install was heard', async () => {
    const instance = await enrol('one');
    await send(instance);
    now += SILENT_MS + 1;
    await look();
    now += SILENT_MS;
    await look();
    await send(instance);
    await look();
    now += SILENT_MS + 1;
    await look();

    expect((await all()).slice(1).map(({ kind }) => kind)).toEqual([
      'instance.silent',
      'instance.heard',
      'instance.silent',
    ]);
  });

  it('is expected of those that are isolated', async () => {
    const id = await enrol('one');
    await transact(db, 'committed', (trx) =>
      changeStanding(trx, { id, to: 'isolated', reason: 'why', actor: 'ada' }, () => undefined, now),
    );
    now += SILENT_MS + 1;
    await look();

    expect(await told()).toEqual([
      'enrolment.redeemed: enrolled from host',
      'instance.isolated: isolated: why',
    ]);
  });
});

describe('whoever reads along', () => {
  // The file has one writer at a time.
  if (isOnPostgres()) {
    it('sees none of two transactions that commit in the other order before both have', async () => {
      const first = Promise.withResolvers<void>();
      const began = Promise.withResolvers<void>();
      const slow = transact(db, 'committed', async (trx) => {
        await appendEvents(trx, [one('publication.accepted', { subject: 'first' })], now);
        began.resolve();
        await first.promise;
      });
      await began.promise;
      await append([one('publication.accepted', { subject: 'second' })]);

      const meanwhile = await settleEvents(db, 0);
      first.resolve();
      await slow;
      const bounds = await settleEvents(db, 0);

      expect(meanwhile).toBeNull();
      const { events } = await readEvents(db, { after: 0, upTo: bounds?.newest ?? 0 });
      expect(events.map(({ id }) => id)).toEqual([1, 2]);
    });
  }

  it('goes on from any place, in parts', async () => {
    await append(Array.from({ length: 450 }, () => one('publication.accepted')));

    const places: number[] = [];
    const ids: number[] = [];
    for (let after = 3; after < 450; ) {
      const { events, reached } = await readEvents(db, { after, upTo: 450 });
      ids.push(...events.map(({ id }) => id));
      places.push(reached);
      after = reached;
    }

    expect(places).toEqual([203, 403, 450]);
    expect(ids).toEqual(Array.from({ length: 447 }, (_, i) => i + 4));
  });

  it('of one customer sees its own installs alone, and not who did it', async () => {
    const [mine, other] = [await enrol('mine'), await enrol('other')];
    const customer = '5b0a4f9e-17b4-4c3a-9a60-6a1a0f0c7d22';
    await db.updateTable('instances').set({ customer }).where('id', '=', mine).execute();
    for (const instance of [mine, other, null]) await append([one('patch.enforced', { instance })]);

    const seen = await all({ customer });

    expect(new Set(seen.map(({ instance }) => instance?.id))).toEqual(new Set([mine]));
    expect(seen.some((event) => 'actor' in event)).toBe(false);
    expect(await told({ instance: other })).toHaveLength(2);
  });

  it('keeps no sign-in alive by it', async () => {
    const identity = { subject: 'ada', name: 'ada', groups: [] };
    const of = { issuer: 'https://id.example.com', identity, lastsMs: 24 * 60 * MINUTE_MS, before: null };
    for (const secret of ['used', 'open']) await beginSession(db, { secret, ...of }, now);
    const find = (secret: string, at: number, isUse: boolean) =>
      findSession(db, secret, of.issuer, now + at, isUse);
    await find('used', IDLE_MS - 1, true);
    await find('open', IDLE_MS - 1, false);

    const later = [await find('used', IDLE_MS + 1, false), await find('open', IDLE_MS + 1, false)];

    expect(later).toEqual([identity, null]);
  });

  it('finds the place of a moment', async () => {
    for (let i = 0; i < 3; i++) await append([one('publication.accepted')], now + i * MINUTE_MS);

    const places = [now, now + 1, now + 2 * MINUTE_MS, now + 9 * MINUTE_MS].map((at) => placeBefore(db, at));

    expect(await Promise.all(places)).toEqual([0, 1, 2, 3]);
  });
});

describe('what is kept', () => {
  const prune = () => transact(db, 'committed', (trx) => pruneEvents(trx, now));
  const ids = async () =>
    (await db.selectFrom('events').select('id').orderBy('id').execute()).map(({ id }) => Number(id));

  it('is of the last weeks, and the newest whatever its age: its number is never given again', async () => {
    await append([one('publication.accepted'), one('publication.accepted')], now - KEPT_EVENTS_MS - 1);
    await prune();
    const kept = await ids();
    await append([one('publication.accepted')]);
    await prune();

    expect([kept, await ids()]).toEqual([[2], [3]]);
  });

  it('has an end by number', async () => {
    await append([one('publication.accepted'), one('publication.accepted')]);
    await db
      .insertInto('events')
      .values({
        id: KEPT_EVENTS + 2,
        at: '2026-11-20T12:00:00.000Z',
        kind: 'x',
        instance: null,
        actor: 'x',
        subject: 'x',
        details: '{}',
      })
      .execute();

    await prune();

    expect(await ids()).toEqual([KEPT_EVENTS + 2]);
  });

  it('of one install takes no other’s place', async () => {
    const [noisy, quiet] = ['a', 'b'];
    await append([one('instance.health', { instance: quiet })]);
    await append(
      Array.from({ length: KEPT_EVENTS_OF_ONE + 10 }, () => one('instance.health', { instance: noisy })),
    );

    await prune();

    const left = await ids();
    expect(left).toHaveLength(KEPT_EVENTS_OF_ONE + 1);
    expect([left[0], left[1]]).toEqual([1, 12]);
  });
});
