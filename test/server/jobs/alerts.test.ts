// Alerts: what makes one, how grave it is, and that a fleet which fails at once is one alert with a count.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LONGEST_MS, listAlerts, MOST_BEGUN, QUIET_MS } from '../../../server/db/alerts.ts';
import type { NewEvent } from '../../../server/db/events.ts';
import { noteSilence } from '../../../server/db/report-events.ts';
import { transact } from '../../../server/db/transact.ts';
import { JOB_KINDS } from '../../../server/jobs/kinds.ts';
import { createJobs } from '../../../server/jobs/run.ts';
import type { AlertModel } from '../../../shared/protocol/alerts.ts';
import { eventOf, happen, makeWebhook, runOutbox } from '../../support/outbox.ts';
import { advisoryOf } from '../../support/publications.ts';
import { publishVersions } from '../../support/published-versions.ts';
import { enrolAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';
import { type Receiver, startReceiver } from '../../support/webhook-receiver.ts';

let server: TestServer;
let receiver: Receiver;

beforeEach(async () => {
  server = await startTestServer();
  receiver = await startReceiver();
});
afterEach(async () => {
  await receiver.close();
  await server.close();
});

const STEP = 'core/auth 1.2.0 → 1.2.1';
const ended = (state: string, more: NewEvent['details'] = {}, instance = 'one') =>
  eventOf('deployment.ended', { steps: [STEP], state, reason: 'update', failure: null, ...more }, instance);
const decided = (verdict: string, ...blockers: readonly string[]) =>
  eventOf('instance.decided', { verdict, before: 'current', blockers: [...blockers] });

async function alerts(): Promise<readonly AlertModel[]> {
  await runOutbox(server);
  return (await listAlerts(server.context.db, { limit: 100, after: null })).entries;
}

const told = () => receiver.taken.map(({ body }) => JSON.parse(body).data.count);

it('names whose word it is that the log of this server is another: a false one hides no other', async () => {
  const [one, two] = [await enrolAgent(server, 'one'), await enrolAgent(server, 'two')];
  const forked = ({ instance }: { readonly instance: string }) =>
    eventOf('ledger.forked', { side: 'server', kept: 7 }, instance);
  await happen(server, [forked(one), forked(one), forked(two)]);

  expect((await alerts()).map(({ about, count }) => [about, count]).toSorted()).toEqual(
    [
      [`the log of this server, by ${one.instance}`, 2],
      [`the log of this server, by ${two.instance}`, 1],
    ].toSorted(),
  );
});

describe('an event makes an alert:', () => {
  it.each<readonly [string, NewEvent, string, string, string]>([
    ['a rollback', ended('rolled-back'), 'rollback', 'warning', STEP],
    ['a rollback by hand', ended('committed', { reason: 'rollback' }), 'rollback', 'warning', STEP],
    ['a deployment that never began', ended('abandoned'), 'deployment-failed', 'warning', STEP],
    ['one that ended in between', ended('inconsistent'), 'deployment-failed', 'critical', STEP],
    [
      'an order that is put off',
      eventOf('order.postponed', { until: 'then', reason: 'surgery', advisories: ['FL-2026-0003'] }),
      ...(['order-postponed', 'critical', 'FL-2026-0003'] as const),
    ],
    [
      'files that are not those deployed',
      decided('blocked', 'generation-damaged (admin)'),
      ...(['policy-violation', 'critical', 'generation-damaged (admin)'] as const),
    ],
    [
      'an install that cannot go on',
      decided('blocked', 'quarantined (admin)'),
      ...(['install-blocked', 'warning', 'quarantined (admin)'] as const),
    ],
    ['something ill', eventOf('instance.health', { unhealthy: 2 }), 'install-unhealthy', 'warning', 'health'],
    ['silence', eventOf('instance.silent', { since: 'then' }), 'install-silent', 'warning', 'silence'],
    [
      'a halt',
      eventOf('publication.accepted', { documents: ['halts/platform-2.5.0.json'], changes: [] }),
      ...(['rollout-halted', 'critical', 'platform-2.5.0'] as const),
    ],
    [
      'a halt of the server’s own',
      eventOf('rollout.halted', {
        release: 'platform@2.5.0',
        class: null,
        expires: 'then',
        reason: 'too many',
      }),
      ...(['rollout-halted', 'critical', 'platform@2.5.0'] as const),
    ],
    [
      'an end in two weeks',
      eventOf('expiry.near', { kind: 'token', name: 'ci', days: 14 }),
      ...(['expiry', 'warning', 'token ci'] as const),
    ],
    [
      'an end tomorrow',
      eventOf('expiry.near', { kind: 'metadata', name: 'root', days: 1 }),
      ...(['expiry', 'critical', 'metadata root'] as const),
    ],
  ])('%s', async (_what, event, kind, severity, about) => {
    await happen(server, [event]);

    expect(await alerts()).toMatchObject([{ kind, severity, about, count: 1 }]);
  });

  it.each([
    ['a deployment that went well', ended('committed')],
    ['one that begins', eventOf('deployment.began', { steps: [STEP], reason: 'update' })],
    ['a decision to wait for a person', decided('ask', 'approval-needed (admin)')],
    ['what is well again', eventOf('instance.health', { unhealthy: 0 })],
    ['a publication without a halt', eventOf('publication.accepted', { documents: ['suites/a.json'] })],
  ])('%s makes none', async (_what, event) => {
    await happen(server, [event]);

    expect(await alerts()).toEqual([]);
  });

  it.each([
    ['critical', 'critical'],
    ['high', 'warning'],
    ['low', null],
  ] as const)('an advisory that is %s', async (severity, wanted) => {
    const about = {
      affected: [{ component: 'core/auth', versions: '<1.2.1' }],
      fixed: [{ component: 'core/auth', version: '1.2.1' }],
      ...(severity === 'critical' ? { order: { notice: 'PT0S', deadline: '2026-11-21T12:00:00Z' } } : {}),
    };
    await publishVersions(
      server,
      ['1.2.0', '1.2.1'],
      [advisoryOf('FL-2026-0009', { severity, ...about })],
      41,
    );

    const found = (await alerts()).filter(({ kind }) => kind === 'critical-advisory');

    expect(found.map(({ severity: is, about: id }) => [is, id])).toEqual(
      wanted === null ? [] : [[wanted, 'FL-2026-0009']],
    );
  });

  it('an install that falls silent, by the job that looks for it', async () => {
    const agent = await enrolAgent(server, 'Oslo');
    server.now += 2 * 86_400_000;
    await transact(server.context.db, 'committed', (trx) => noteSilence(trx, server.now));

    expect(await alerts()).toMatchObject([
      { kind: 'install-silent', instances: [{ id: agent.instance, name: 'Oslo' }] },
    ]);
  });

  it('a token that ends soon, by the job that looks for it', async () => {
    await server.bearer('publisher');
    const jobs = await createJobs(
      server.context,
      JOB_KINDS.filter(({ kind }) => kind === 'expiries'),
    );
    server.now += 25 * 60 * 60 * 1000;
    await jobs.look();
    await jobs.stop();

    expect(await alerts()).toContainEqual(
      expect.objectContaining({ kind: 'expiry', severity: 'critical', about: 'token publisher' }),
    );
  });

  it('a job that fails three times in a row, once', async () => {
    const fails = {
      ...{ kind: 'backup', everyMs: 60_000, attempts: 1 },
      work: () => Promise.reject(new Error('no space left')),
    };
    const jobs = await createJobs(server.context, [fails]);
    for (let i = 0; i < 6; i++) {
      server.now += 10 * 60_000;
      await jobs.look();
      expect((await alerts()).map(({ count }) => count)).toEqual(i < 2 ? [] : [1]);
    }
    await jobs.stop();

    expect(await alerts()).toMatchObject([
      { kind: 'job-failing', about: 'backup', text: 'backup failed 3 times: no space left' },
    ]);
  });
});

describe('a disk that fills', () => {
  const GIB = 2 ** 30;
  const look = async (free: number) => {
    const context = {
      ...server.context,
      readDisks: async () => [{ disk: 'repository', free: free * GIB, size: 1_000 * GIB }],
    };
    const jobs = await createJobs(
      context,
      JOB_KINDS.filter(({ kind }) => kind === 'room'),
    );
    server.now += 11 * 60_000;
    await jobs.look();
    await jobs.stop();
    return (await alerts()).toReversed().map(({ severity, about, count }) => [severity, about, count]);
  };

  it('is told once, at once where it gets worse, and again after a day', async () => {
    const low = ['warning', 'repository', 1];
    const worse = ['critical', 'repository, nearly full', 1];

    expect(await look(500)).toEqual([]);
    expect(await look(9)).toEqual([low]);
    expect(await look(8)).toEqual([low]);
    expect(await look(0.5)).toEqual([low, worse]);
    server.now += 25 * 3_600_000;
    expect(await look(8)).toEqual([low, worse, low]);
    expect((await listAlerts(server.context.db, { limit: 1, after: null })).entries).toMatchObject([
      { text: 'the disk of the repository fills: 8.6 GB of 1073.7 GB are free' },
    ]);
  });
});

describe('a thousand installs that fail at the same step', () => {
  it('are one alert with a count, told at one, ten, a hundred and a thousand', async () => {
    await makeWebhook(server, receiver.url, { types: ['alert.rollback'] });
    for (const upTo of [1, 4, 10, 99, 100, 500, 1_000]) {
      const before = (await alerts())[0]?.count ?? 0;
      await happen(
        server,
        Array.from({ length: upTo - before }, (_, i) => ended('rolled-back', {}, `${before + i}`)),
      );
      await runOutbox(server);
    }

    const found = await alerts();
    expect(found.map(({ count, about }) => [count, about])).toEqual([[1_000, STEP]]);
    expect(found[0]?.instances).toHaveLength(10);
    expect(told()).toEqual([1, 10, 100, 1_000]);
  });

  it('at a thousand different steps are as many alerts as are read, and one for all others', async () => {
    await happen(
      server,
      Array.from({ length: 300 }, (_, i) => ended('rolled-back', { steps: [`core/auth 1.0.0 → 1.0.${i}`] })),
    );

    const found = await alerts();

    expect(found).toHaveLength(MOST_BEGUN + 1);
    expect(found.find(({ about }) => about === 'and more')?.count).toBe(300 - MOST_BEGUN);
  });
});

describe('an alert', () => {
  it('is another one after an hour of quiet, and each day', async () => {
    await makeWebhook(server, receiver.url, { types: ['alert.rollback'] });
    await happen(server, [ended('rolled-back')]);
    await alerts();
    server.now += QUIET_MS + 1;
    await happen(server, [ended('rolled-back')]);
    await alerts();
    expect(told()).toEqual([1, 1]);

    for (let passed = 0; passed < LONGEST_MS; passed += QUIET_MS / 2) {
      server.now += QUIET_MS / 2;
      await happen(server, [ended('rolled-back')]);
      await alerts();
    }

    expect(told()).toEqual([1, 1, 10, 1]);
  });

  it('goes to those who want it, by its kind and from its severity on', async () => {
    await makeWebhook(server, receiver.url, { types: ['alert.deployment-failed'], severity: 'critical' });
    await happen(server, [ended('abandoned'), ended('rolled-back')]);
    await alerts();
    expect(receiver.taken).toEqual([]);
    server.now += QUIET_MS * 2;
    await happen(server, [ended('inconsistent')]);
    await alerts();

    expect(receiver.taken.map(({ body }) => JSON.parse(body).type)).toEqual(['alert.deployment-failed']);
  });
});
