// The guard: a rollout that goes wrong is halted by the server, once, within its bounds, and goes on when somebody says so.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listAlerts } from '../../../server/db/alerts.ts';
import { listHalts } from '../../../server/db/guard-halts.ts';
import { reportRows } from '../../../server/db/records.ts';
import { takeReports } from '../../../server/db/reports.ts';
import { transact } from '../../../server/db/transact.ts';
import { guardOffers } from '../../../server/jobs/guard.ts';
import { JOB_KINDS } from '../../../server/jobs/kinds.ts';
import { createJobs } from '../../../server/jobs/run.ts';
import { type Offer, selectWatched } from '../../../server/repository/offers.ts';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { formatInstant, formatInstantMs } from '../../../shared/encoding/instant.ts';
import type { Report } from '../../../shared/protocol/report.ts';
import type { ClassFacts } from '../../../shared/schema/classes.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { DeploymentState } from '../../../shared/schema/deployment.ts';
import { haltPath, haltScopePath } from '../../../shared/schema/release-ref.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { runOutbox } from '../../support/outbox.ts';
import {
  advisoryOf,
  capability,
  changeOf,
  documentOf,
  firstPublication,
  guardedDelegations,
  NOW,
  publicationOf,
  rolloutOf,
  signRole,
  signTargets,
  VENDOR_KEYS,
  type VendorDocument,
} from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';
import { addPack, startTestServer, type TestServer } from '../../support/server-under-test.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const KEY = 'A'.repeat(43);

let server: TestServer;
let release: VendorDocument;
let halts: number;

beforeEach(async () => {
  server = await startTestServer();
  const { publisher } = server.context;
  const tree = await addPack(server.store, 'one');
  release = capability('1.0.1', tree);
  await publisher.publish(firstPublication(publisher.onlineKeys), 'vendor');
  const targets = signTargets(2, [VENDOR_KEYS.targets], guardedDelegations(publisher.haltsKey ?? ''));
  const rollout = rolloutOf(release, '1.0.1');
  const documents = [release, rollout];
  const request = publicationOf(
    [
      ['targets', targets],
      ['releases', signRole('releases', 2, documents)],
    ],
    documents,
    [changeOf(release, '1.0.1', tree)],
  );
  await publisher.publish(request, 'vendor');
  halts = 1;
});
afterEach(() => server.close());

const digest = () => digestOf(release.bytes);

interface Told {
  readonly state?: DeploymentState;
  readonly failure?: string;
  readonly facts?: ClassFacts;
  readonly health?: 'healthy' | 'unhealthy';
  readonly runs?: string;
  readonly more?: Partial<Report>;
}

const sequences = new Map<string, number>();

/** An install that is known from then on, and what it says now. */
async function tell(number: number, { state, failure, facts, health = 'healthy', runs, more }: Told = {}) {
  const { db } = server.context;
  const instance = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  const row = {
    id: instance,
    name: `install ${number}`,
    hostname: 'host',
    public_key: KEY,
    agent_version: '1',
  };
  await db
    .insertInto('instances')
    .values({ ...row, enrolled_at: formatInstantMs(server.now), last_sequence: 0, revision: 1 } as never)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  const sequence = (sequences.get(`${server.layout.dir} ${instance}`) ?? 0) + 1;
  sequences.set(`${server.layout.dir} ${instance}`, sequence);
  const [component] = reportOf(1).components;
  if (component === undefined) throw new Error('a report has a component');
  const version = parseVersion(runs ?? (state === 'committed' ? '1.0.1' : '1.0.0'));
  const at = formatInstant(server.now);
  const steps = [
    {
      component: component.component,
      from: parseVersion('1.0.0'),
      to: parseVersion('1.0.1'),
      change: 'CHG-1',
    },
  ];
  const record = recordOf(1, state ?? 'planned', 'CHG-1', {
    ...{ steps, failure: failure === undefined ? null : { code: failure, message: 'it failed' } },
    stages: [
      { state: 'planned', at },
      { state: state ?? 'planned', at },
    ],
  });
  const report = reportOf(sequence, {
    components: [{ ...component, version, health }],
    ...(state === undefined ? {} : { records: [record] }),
    ...(facts === undefined ? {} : { facts }),
    ...more,
  });
  const rows = reportRows(report, server.now);
  await takeReports(db, [{ instance, key: KEY, boot: null, rows, received: server.now }]);
}

async function commitAndGoBack(component: string, from: string): Promise<void> {
  const at = formatInstant(server.now);
  const step = { component: component as ComponentKey, from: parseVersion(from), to: parseVersion('1.0.0') };
  const back = recordOf(2, 'committed', null, {
    ...{ reason: { kind: 'rollback', generation: 1 }, steps: [{ ...step, change: null }] },
    stages: [
      { state: 'planned', at },
      { state: 'committed', at },
    ],
  });
  for (let i = 0; i < 12; i++) await tell(i, { state: 'committed' });
  for (let i = 0; i < 12; i++) await tell(i, { runs: '1.0.0', more: { records: [back] } });
}

const fails = { state: 'rolled-back', failure: 'deploy/unhealthy' } as const;

/** The next minute, in which the guard looks. */
async function minute(ms = MINUTE_MS): Promise<void> {
  server.now += ms;
  const effect = await guardOffers(server.context);
  if (effect !== null) await transact(server.context.db, 'committed', effect);
}

const halted = () => server.context.publisher.published().halts.map(({ path }) => path);

async function vendorSigns(documents: readonly VendorDocument[]): Promise<void> {
  const { publisher } = server.context;
  const version = Math.max(halts, publisher.state()?.roles.get('halts')?.content.version ?? 0) + 1;
  halts = version;
  await publisher.publish(
    publicationOf([['halts', signRole('halts', version, documents)]], documents),
    'vendor',
  );
}

const vendorHalt = (reason: string) =>
  documentOf(haltPath(digest()), {
    ...{ schema: 'fairlead/halt@1', digest: digest(), reason },
    issued: formatInstant(server.now),
    expires: formatInstant(server.now + 72 * HOUR_MS),
  });

/** A release that no rollout offers. */
async function publishFix(version: string, builtAt: number): Promise<void> {
  const tree = await addPack(server.store, 'one');
  const change = { id: 'CHG-2', revision: 'git:2', scope: 'a fix', builtAt: formatInstant(builtAt) };
  const fix = capability(version, tree, 'CHG-2', { change });
  const documents = [release, rolloutOf(release, '1.0.1'), fix];
  const changes = [changeOf(fix, version, tree, 'release', 'CHG-2')];
  await server.context.publisher.publish(
    publicationOf([['releases', signRole('releases', 3, documents)]], [fix], changes),
    'vendor',
  );
}

/** A second process on the same database and repository, that ends. */
async function stopBeside({ app, context }: TestServer): Promise<void> {
  await app.close();
  await context.db.destroy();
  await context.store.close();
}

async function kinds(): Promise<readonly string[]> {
  const rows = await server.context.db
    .selectFrom('events')
    .select('kind')
    .where('kind', 'like', 'rollout.%')
    .orderBy('id')
    .execute();
  return rows.map(({ kind }) => kind);
}

describe('a rollout', () => {
  it('is halted as soon as its first canary has failed', async () => {
    for (let i = 0; i < 20; i++) await tell(i);
    const jobs = await createJobs(server.context, JOB_KINDS);
    await tell(1, fails);

    await jobs.hurry('guard');

    await jobs.stop();
    expect([halted(), await kinds()]).toEqual([[haltPath(digest())], ['rollout.halted']]);
    const [row] = await listHalts(server.context.db, digest());
    expect(row).toMatchObject({ release: 'core/auth@1.0.1', change: 'CHG-1', class: null });
    expect(row?.reason).toContain('1 of 1 deployment went wrong');
  });

  it('tells at once who listens that a deployment failed, and nobody of one that committed', async () => {
    const { failures, reports } = server.context;
    const told: string[] = [];
    failures.add(() => told.push('failed'));
    await tell(1);
    const send = (sequence: number, state: DeploymentState) =>
      reports.submit({
        ...{ instance: '00000000-0000-4000-8000-000000000001', key: KEY, boot: null, received: server.now },
        rows: reportRows(reportOf(sequence, { records: [recordOf(sequence, state)] }), server.now),
      });

    await send(8, 'committed');
    const before = [...told];
    await send(9, 'rolled-back');

    expect([before, told]).toEqual([[], ['failed']]);
  });

  it.each<readonly [string, Told, number]>([
    ['commits', { state: 'committed' }, 0],
    ['fails through its machine', { state: 'abandoned', failure: 'disk/full' }, 0],
    ['is unhealthy since its commit', { state: 'committed', health: 'unhealthy' }, 1],
    ['downloads', { state: 'fetching' }, 0],
  ])('with one canary that %s', async (_name, told, expected) => {
    for (let i = 0; i < 20; i++) await tell(i);
    await tell(1, told);

    await minute();

    expect(halted().length).toBe(expected);
  });

  it('is halted where a deployment has no end, by an install that speaks', async () => {
    await tell(1, { state: 'starting' });
    server.now += 7 * HOUR_MS;
    await tell(1);

    await minute();

    expect((await listHalts(server.context.db, digest()))[0]?.reason).toContain('without an end');
  });

  it('is halted where installs that were offered it are not heard of any more, and others are', async () => {
    for (let i = 0; i < 12; i++) await tell(i);
    server.now += 3 * HOUR_MS;
    await tell(12);
    await minute();

    expect((await listHalts(server.context.db, digest()))[0]?.reason).toContain('silent');
  });

  it('goes on where the server hears nobody, and while they come back to it', async () => {
    for (let i = 0; i < 12; i++) await tell(i);
    await minute(3 * HOUR_MS);
    await tell(1);
    await minute();
    const meanwhile = halted();
    for (let i = 2; i < 12; i++) await tell(i);
    await minute(30 * MINUTE_MS);

    expect([meanwhile, halted()]).toEqual([[], []]);
  });

  it('is not judged by silence after the server was stopped for longer than anybody is silent', async () => {
    await tell(1);
    const heard = { last_seen: formatInstantMs(server.now - HOUR_MS) };
    await server.context.db.updateTable('instances').set(heard).execute();
    const before = server.context.hearing.isSure(server.now);

    server = await server.restart();

    expect([before, server.context.hearing.isSure(server.now)]).toEqual([true, false]);
  });

  it('goes on while everybody speaks', async () => {
    for (let times = 0; times < 6; times++) {
      for (let i = 0; i < 12; i++) await tell(i);
      await minute(HOUR_MS / 2);
    }

    expect(halted()).toEqual([]);
  });

  it('that bricks one class is halted for that class', async () => {
    for (let i = 0; i < 12; i++) await tell(i, { state: 'committed', facts: { arch: ['x64'] } });
    for (let i = 20; i < 24; i++) await tell(i, { ...fails, facts: { arch: ['arm64'] } });

    await minute();

    expect(halted()).toEqual([haltPath(digest()), haltScopePath(digest())].sort());
    expect(await listHalts(server.context.db, digest())).toMatchObject([{ class: 'arch=arm64' }]);
  });

  it.each([
    ['what came with it', 'core/auth', '1.0.1', 1],
    ['another version of it', 'core/auth', '1.0.2', 0],
    ['another capability', 'core/users', '1.0.1', 0],
  ])(
    'with installs that committed it, and then went back from %s',
    async (_name, component, from, expected) => {
      await commitAndGoBack(component, from);

      await minute();

      expect(halted().length).toBe(expected);
    },
  );

  it('with installs that went back from what an older server did not write down is halted', async () => {
    await commitAndGoBack('core/users', '1.0.1');
    await server.context.db.updateTable('deployments').set({ gone_from: null }).execute();

    await minute();

    expect(halted().length).toBe(1);
  });

  it('is not looked at where the vendor has not named the key', async () => {
    const { publisher } = server.context;
    await publisher.publish(publicationOf([['targets', signTargets(3)]]), 'vendor');
    await tell(1, fails);

    await minute();

    expect(halted()).toEqual([]);
  });
});

describe('a halt of the server’s', () => {
  beforeEach(async () => {
    await tell(1, fails);
    await minute();
  });

  it('is signed once, and again before it ends while the judgement stands', async () => {
    await minute();
    await minute(HOUR_MS);
    const once = (await listHalts(server.context.db, digest())).length;

    await minute(12 * HOUR_MS);

    expect([once, (await listHalts(server.context.db, digest())).length]).toEqual([1, 2]);
  });

  it('stands until somebody lifts it: fifteen days later too, and though all the others are well', async () => {
    const [{ reason } = { reason: '' }] = await listHalts(server.context.db, digest());
    for (let i = 2; i < 14; i++) await tell(i, { state: 'committed' });
    for (let halfDays = 0; halfDays < 30; halfDays++) {
      const heard = { last_seen: formatInstantMs(server.now + 12 * HOUR_MS) };
      await server.context.db.updateTable('instances').set(heard).execute();
      await minute(12 * HOUR_MS);
    }

    const [newest] = await listHalts(server.context.db, digest());
    expect(newest).toMatchObject({ reason, class: null });
    expect(Date.parse(newest?.expires_at ?? '')).toBeGreaterThan(server.now);
    expect(halted()).toEqual([haltPath(digest())]);
  });

  it('that the vendor lifted comes back for nothing that was known, and for what is new', async () => {
    await minute();
    await vendorSigns([]);
    await minute();
    await minute(HOUR_MS);
    const afterwards = halted();
    await tell(2, fails);

    await minute();

    expect([afterwards, halted()]).toEqual([[], [haltPath(digest())]]);
    expect(await kinds()).toEqual(['rollout.halted', 'rollout.resumed', 'rollout.halted']);
  });

  it('that another process signed is seen where it is not published yet', async () => {
    const { publisher } = server.context;
    await vendorSigns([]);
    await minute();
    const other = await startTestServer(server.layout.dir);
    await tell(2, fails);
    await minute();

    other.now = server.now + MINUTE_MS;
    const noted = await guardOffers(other.context);
    await stopBeside(other);

    expect([noted, publisher.published().halts.length]).toEqual([null, 1]);
  });

  it('gives way to the vendor’s, which is left as it is', async () => {
    const theirs = vendorHalt('ours');
    await vendorSigns([theirs]);
    await tell(2, fails);

    await minute();
    await minute(13 * HOUR_MS);

    const [ref] = server.context.publisher.published().halts;
    expect(ref?.sha256).toBe(digestOf(theirs.bytes).replace('sha256:', ''));
  });

  it('is one alert, as the vendor’s is, by the name of the release', async () => {
    const alerted = async () => {
      await runOutbox(server);
      const { entries } = await listAlerts(server.context.db, { limit: 9, after: null });
      return entries
        .filter(({ kind }) => kind === 'rollout-halted')
        .map(({ about, count }) => [about, count]);
    };

    const ofServer = await alerted();
    server.now += 2 * HOUR_MS;
    await vendorSigns([vendorHalt('theirs')]);

    expect(ofServer).toEqual([['core/auth@1.0.1', 1]]);
    expect(await alerted()).toEqual([
      ['core/auth@1.0.1', 1],
      ['core/auth@1.0.1', 1],
    ]);
  });
});

it('a process that slept past its lease signs nothing a second time', async () => {
  await tell(1, fails);
  const version = () => server.context.publisher.state()?.roles.get('halts')?.content.version ?? 0;
  const before = version();

  await Promise.all([guardOffers(server.context), guardOffers(server.context)]);

  expect((await listHalts(server.context.db, digest())).length).toBe(1);
  expect([await kinds(), version() - before]).toEqual([['rollout.halted'], 1]);
});

it('a halt that was written down and could not be shown is shown, and not taken for one that was lifted', async () => {
  await tell(1, fails);
  const written = async () => (await listHalts(server.context.db, digest())).length;
  for (let writes = 0; (await written()) === 0; writes++) {
    server.failWriteAfter = writes;
    await minute(1_000).catch(() => undefined);
  }
  const shown = halted();
  server.failWriteAfter = null;

  await minute();

  expect([shown, halted()]).toEqual([[], [haltPath(digest())]]);
  expect(await listHalts(server.context.db, digest())).toMatchObject([{ lifted_at: null }]);
  expect(await kinds()).toEqual(['rollout.halted']);
});

describe('of more than fifty offers', () => {
  const offerOf = (day: number): Offer => ({
    ...{ id: `CHG-${day}~stable`, change: `CHG-${day}`, release: `core/auth@1.0.${day}`, rollout: null },
    ...{ digest: digestOf(utf8(String(day))), start: NOW + day * MINUTE_MS, last: NOW + day * MINUTE_MS },
    surveyed: { track: 'stable', scope: null, members: [], reaches: () => NOW },
  });
  const all = Array.from({ length: 60 }, (_, day) => offerOf(day));
  const at = NOW + HOUR_MS;

  it('the newest are judged, and what is halted first; it is said how many are not', () => {
    const { offers, unwatched } = selectWatched(all, [{ path: haltPath(offerOf(3).digest) }], at);

    expect([offers.length, offers[0]?.change, offers[1]?.change, unwatched]).toEqual([
      50,
      'CHG-3',
      'CHG-59',
      10,
    ]);
  });

  it('none is left out of fifty', () => {
    expect(selectWatched(all.slice(0, 50), [], at)).toMatchObject({ unwatched: 0 });
  });
});

describe('against an emergency order', () => {
  it('it lasts 72 hours in all, however long the judgement stands', async () => {
    const { publisher, db } = server.context;
    const order = { notice: 'PT0S', deadline: formatInstant(NOW + 1_000 * HOUR_MS) };
    const advisory = advisoryOf('FL-2026-0001', { severity: 'critical', cves: ['CVE-2026-0001'], order });
    await publisher.publish(
      publicationOf([['security', signRole('security', 2, [advisory])]], [advisory]),
      'vendor',
    );
    await tell(1, fails);
    for (let hours = 0; hours < 120; hours += 5) await minute(5 * HOUR_MS);

    const rows = (await listHalts(db, digest())).toReversed();
    const spans = rows.map(
      ({ issued_at, expires_at }) => [Date.parse(issued_at), Date.parse(expires_at)] as const,
    );
    const first = spans[0]?.[0] ?? 0;
    expect(Math.max(...spans.map(([, end]) => end)) - first).toBe(72 * HOUR_MS);
  });

  it.each([
    ['two weeks after its notice is over', { notice: 'P20D', after: 1 }, 1, 34],
    ['two weeks after its deadline', { notice: 'PT0S', after: 25 }, 1, 39],
    ['two weeks after a fix that was added later was built', { notice: 'PT0S', after: 1 }, 40, 54],
  ])('everybody is watched until %s', async (_name, { notice, after }, built, ends) => {
    const { publisher, readOffers } = server.context;
    const order = { notice, deadline: formatInstant(NOW + after * DAY_MS) };
    const fixed = [{ component: 'core/auth', version: '1.0.2' }];
    const advisory = advisoryOf('FL-2026-0001', { severity: 'critical', order, fixed });
    await publishFix('1.0.2', NOW + built * DAY_MS);
    await publisher.publish(
      publicationOf([['security', signRole('security', 2, [advisory])]], [advisory]),
      'vendor',
    );
    const { all } = await readOffers(publisher.published());
    const watched = (at: number) => selectWatched(all, [], at).offers.map(({ id }) => id);

    expect(watched(NOW + ends * DAY_MS - 1)).toEqual(['CHG-2~FL-2026-0001']);
    expect(watched(NOW + ends * DAY_MS)).toEqual([]);
  });
});
