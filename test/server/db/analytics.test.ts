// What analytics say of deployments and of the fleet: each deployment once, whatever reports repeat and whoever counts.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { countEnded, pruneStats } from '../../../server/db/analytics.ts';
import { KEPT_STAT_DAYS, MOST_STATS_A_DAY } from '../../../server/db/analytics-row.ts';
import { summarizeDeployments } from '../../../server/db/deployment-analytics.ts';
import { createEnrolment, redeemEnrolment } from '../../../server/db/enrolments.ts';
import {
  countRunningAny,
  countVersions,
  type FleetSample,
  keepSample,
  listSamples,
} from '../../../server/db/fleet-samples.ts';
import { countStandings } from '../../../server/db/fleet-standings.ts';
import { inParts } from '../../../server/db/page.ts';
import { reportRows } from '../../../server/db/records.ts';
import { writeReports } from '../../../server/db/reports.ts';
import type { Database } from '../../../server/db/tables.ts';
import { transact } from '../../../server/db/transact.ts';
import type { Report } from '../../../shared/protocol/report.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Decision } from '../../../shared/schema/decision.ts';
import type { DeploymentRecord, DeploymentState } from '../../../shared/schema/deployment.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { openAt } from '../../support/databases.ts';
import { NOW } from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';

const AUTH = 'core/auth' as ComponentKey;
const DAY_MS = 86_400_000;
const KNOWN = { components: new Set([AUTH]), versions: new Set(['core/auth 1.0.0', 'core/auth 1.0.1']) };
const never = new AbortController().signal;

let dir: string;
let db: Database;
let beside: Database;
let instance: string;
let sequence = 0;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-analytics-'));
  const file = join(dir, 'fairlead.db');
  [db, beside] = [await openAt(file, 'beside'), await openAt(file, 'beside')];
  instance = await enrol('one');
});
afterEach(async () => {
  for (const one of [db, beside]) await one.destroy();
  await rm(dir, { recursive: true });
});

async function enrol(name: string): Promise<string> {
  const { code } = await createEnrolment(db, { name, actor: 'test' }, NOW);
  const agent = { code, publicKey: 'A'.repeat(43), hostname: 'host', agentVersion: '0.1.0' };
  return (await redeemEnrolment(db, agent, NOW)).instance;
}

async function report(records: readonly DeploymentRecord[], rest: Partial<Report> = {}, of = instance) {
  const rows = reportRows(reportOf(++sequence, { ...rest, records: [...records] }), NOW);
  const one = { instance: of, key: 'A'.repeat(43), boot: null, received: NOW, rows };
  await transact(db, 'committed', (trx) => writeReports(trx, [one]));
}

/** Began at a second past noon, and ended so many seconds later. */
function ended(id: number, state: DeploymentState, seconds: number, rest: Partial<DeploymentRecord> = {}) {
  const at = (ms: number) => new Date(Date.parse('2026-11-20T12:00:00Z') + ms).toISOString();
  const stages: DeploymentRecord['stages'] = [
    { state: 'planned', at: at(0) },
    { state, at: at(seconds * 1_000) },
  ];
  return recordOf(id, state, 'CHG-1', { stages, ...rest });
}

const step = (from: string | null, to: string | null, component = AUTH) => [
  {
    component,
    ...{ from: from === null ? null : parseVersion(from), to: to === null ? null : parseVersion(to) },
    change: null,
  },
];

const ask = { from: '2026-11-20', to: '2026-11-20', by: ['component', 'version'], limit: 10 } as const;

it('tells how deployments of a version ended, by cause, and how long they took', async () => {
  await report([
    ended(1, 'committed', 10),
    ended(2, 'committed', 40),
    ended(3, 'rolled-back', 20, { failure: { code: 'deploy/unhealthy', message: 'not healthy' } }),
    ended(4, 'abandoned', 5, { failure: { code: 'disk/full', message: 'no room' } }),
    ended(5, 'committed', 9, { reason: { kind: 'rollback', generation: 1 }, steps: step('1.0.0', '0.9.0') }),
    recordOf(6, 'soaking'),
  ]);

  await countEnded(db, KNOWN, NOW, never);

  const { groups, more } = await summarizeDeployments(db, ask);
  expect(more).toBe(false);
  expect(groups).toEqual([
    {
      ...{ component: AUTH, version: '1.0.0', deployments: 4, committed: 2, rolled_back: 1, failed: 0 },
      ...{ environment: 1, sent_back: 1, success_permille: 667, rollback_permille: 500 },
      // 10 and 40 seconds, as far as steps of half an octave tell.
      duration_ms: { p50: 11_585, p90: 43_626, p99: 46_069 },
    },
  ]);
});

it('counts a deployment once, however often it is reported and whoever counts', async () => {
  const one = ended(1, 'committed', 10);
  await report([one]);
  const counted = await Promise.all([
    countEnded(db, KNOWN, NOW, never),
    countEnded(beside, KNOWN, NOW, never),
  ]);
  await report([one]);
  const again = await countEnded(db, KNOWN, NOW, never);

  expect(counted[0] + counted[1]).toBe(1);
  expect(again).toBe(0);
  expect((await summarizeDeployments(db, { ...ask, by: [] })).groups).toMatchObject([{ deployments: 1 }]);
});

it('takes a version that nobody released, and a clock that is years off, for what they are', async () => {
  await report([
    ended(1, 'committed', 10, { steps: step(null, '66.6.6') }),
    ended(2, 'committed', 10, { steps: step(null, '1.0.0', 'evil/x' as ComponentKey) }),
    ended(3, 'committed', 10, {
      stages: [
        { state: 'planned', at: '2099-01-01T00:00:00Z' },
        { state: 'committed', at: '2099-01-01T00:00:01Z' },
      ],
    }),
  ]);

  await countEnded(db, KNOWN, NOW, never);

  const { groups } = await summarizeDeployments(db, { ...ask, by: ['day', 'component', 'version'] });
  expect(groups.map(({ day, component, version }) => [day, component, version])).toEqual([
    ['2026-11-20', AUTH, '1.0.0'],
    ['2026-11-20', AUTH, 'other'],
    ['2026-11-20', 'other', 'other'],
  ]);
});

it('takes what ended and was heard of long ago for over, as a server that is upgraded does', async () => {
  const long = (id: number) => {
    const stages = ['planned', 'committed'] as const;
    return ended(id, 'committed', 0, {
      stages: stages.map((state) => ({ state, at: '2020-01-01T00:00:00Z' })),
    });
  };
  await report([long(1), long(2), long(3), long(4), ended(5, 'committed', 10)]);
  const heard = (at: string | null, ...records: readonly number[]) =>
    db.updateTable('deployments').set({ heard_at: at }).where('record', 'in', records).execute();
  // As a server took them that did not write it down yet; long ago; and of a clock that was wrong, two days ago.
  await heard(null, 1, 5);
  await heard('2020-01-01T00:00:00.000Z', 2);
  await heard('2026-11-18T12:00:00.000Z', 3);

  const counted = await countEnded(db, KNOWN, NOW, never);

  const { groups } = await summarizeDeployments(db, { ...ask, from: '2000-01-01', by: ['day'] });
  expect(groups.map(({ day, deployments }) => [day, deployments])).toEqual([
    ['2026-11-18', 1],
    ['2026-11-20', 2],
  ]);
  expect([counted, await countEnded(db, KNOWN, NOW, never)]).toEqual([5, 0]);
});

it('tells those with most deployments, or the last days, and that there are more', async () => {
  await report([
    ended(1, 'committed', 10),
    ended(2, 'committed', 10),
    ended(3, 'committed', 10, { steps: step('1.0.0', '1.0.1') }),
  ]);
  await countEnded(db, KNOWN, NOW, never);

  const { groups, more } = await summarizeDeployments(db, { ...ask, limit: 1 });

  expect([groups.map(({ version }) => version), more]).toEqual([['1.0.0'], true]);
});

it('counts what is new on a crowded day as something else', async () => {
  const row = {
    day: '2026-11-20',
    component: AUTH,
    reason: 'channel',
    outcome: 'committed',
    step: 3,
  } as const;
  const crowd = Array.from({ length: MOST_STATS_A_DAY + 1 }, (_, i) => ({
    ...row,
    ...{ version: `9.0.${i}`, deployments: 1 },
  }));
  for (const part of inParts(crowd)) await db.insertInto('deployment_stats').values(part).execute();
  await report([ended(1, 'committed', 10)]);

  await countEnded(db, KNOWN, NOW, never);

  const { groups } = await summarizeDeployments(db, { ...ask, by: ['component'] });
  expect(groups.map(({ component, deployments }) => [component, deployments])).toEqual([
    [AUTH, MOST_STATS_A_DAY + 1],
    ['other', 1],
  ]);
});

it('forgets days that are long over', async () => {
  await report([ended(1, 'committed', 10)]);
  await countEnded(db, KNOWN, NOW, never);

  await transact(db, 'committed', (trx) => pruneStats(trx, NOW + (KEPT_STAT_DAYS + 1) * DAY_MS));

  expect((await summarizeDeployments(db, ask)).groups).toEqual([]);
});

it('tells who complies with their policy, who violates it, and of whom nothing is known', async () => {
  const decided = (...codes: readonly string[]): Decision => ({
    ...{ verdict: 'blocked', target: null, exposed: [] },
    blockers: codes.map((code) => ({ code, message: 'm', source: 's', owner: 'admin' as const })),
  });
  await report([], { decision: decided('emergency-hold', 'drift') });
  await report([], { decision: decided('channel-frozen') }, await enrol('two'));
  await enrol('three');

  expect(await countStandings(db, NOW)).toEqual({ complies: 1, violates: 1, unheard: 1 });
  expect(await countStandings(db, NOW + 2 * DAY_MS)).toEqual({ complies: 0, violates: 0, unheard: 3 });
});

it('counts an instance once that runs several affected things', async () => {
  const component = (name: string) => ({
    ...{ component: name as ComponentKey, version: parseVersion('1.0.0'), health: 'healthy' as const },
    tree: recordOf(1, 'committed').to,
  });
  await report([], { components: [component(AUTH), component('core/users')] });

  expect(await countRunningAny(db, [])).toBe(0);
  expect(
    await countRunningAny(db, [
      [AUTH, '1.0.0'],
      ['core/users', '1.0.0'],
    ]),
  ).toBe(1);
  expect(await countVersions(db)).toEqual({ 'core/auth 1.0.0': 1, 'core/users 1.0.0': 1 });
});

const keep = (sample: FleetSample, at: number) =>
  transact(db, 'committed', (trx) => keepSample(trx, sample, at));
const hour = (at: number, exposed: number) =>
  keep({ exposed: { critical: exposed }, standing: {}, running: { [`core/auth 1.0.${exposed}`]: 1 } }, at);

it('keeps the hours of a fortnight, and of each day before that its last', async () => {
  const start = Date.parse('2026-11-01T20:00:00Z');
  for (let i = 0; i < 8; i++) await hour(start + i * 3_600_000, i);
  await hour(start + 3 * 3_600_000 + 60_000, 9);

  const days = { from: '2026-11-01', to: '2026-11-02', limit: 100 };
  const { samples: before } = await listSamples(db, { kind: 'exposed', ...days });
  await hour(start + 20 * DAY_MS, 10);
  const { samples: after } = await listSamples(db, { kind: 'exposed', ...days });
  const { samples: running } = await listSamples(db, { kind: 'running', ...days });

  // What was looked at again within its hour counts as the last look says.
  expect(before.map(({ instances }) => Number(instances))).toEqual([0, 1, 2, 9, 4, 5, 6, 7]);
  expect(after.map(({ at, instances }) => [at, Number(instances)])).toEqual([
    ['2026-11-01T23:00:00.000Z', 9],
    ['2026-11-02T03:00:00.000Z', 7],
  ]);
  expect(running.map(({ at, name }) => `${at.slice(0, 10)} ${name}`)).toEqual([
    '2026-11-01 core/auth 1.0.9',
    '2026-11-02 core/auth 1.0.7',
  ]);
});

it('keeps of each number the last that was told on a day', async () => {
  const at = (day: number, time: string) => Date.parse(`2026-11-0${day}T${time}:00:00Z`);
  await hour(at(1, '09'), 1);
  await keep({ exposed: { critical: 2, high: 2 }, standing: { complies: 2 }, running: {} }, at(1, '11'));
  await hour(at(1, '15'), 3);
  await hour(at(2, '00'), 4);

  await hour(at(2, '00') + 20 * DAY_MS, 5);

  const days = { from: '2026-11-01', to: '2026-11-02', limit: 100 };
  const kept = [
    ...(await listSamples(db, { kind: 'exposed', ...days })).samples,
    ...(await listSamples(db, { kind: 'standing', ...days })).samples,
  ];
  expect(kept.map((row) => `${row.at.slice(0, 13)} ${row.name} ${row.instances}`)).toEqual([
    '2026-11-01T11 high 2',
    '2026-11-01T15 critical 3',
    '2026-11-02T00 critical 4',
    '2026-11-01T11 complies 2',
  ]);
});

it('tells the newest samples where there are more than are asked for, oldest first', async () => {
  for (let i = 0; i < 4; i++) await hour(NOW + i * 3_600_000, i);

  const ask = { kind: 'exposed', from: '2026-11-20', to: '2026-11-20' } as const;
  const [some, all] = [
    await listSamples(db, { ...ask, limit: 2 }),
    await listSamples(db, { ...ask, limit: 4 }),
  ];

  expect([some, all].map(({ more }) => more)).toEqual([true, false]);
  expect(some.samples.map(({ instances }) => Number(instances))).toEqual([2, 3]);
});
