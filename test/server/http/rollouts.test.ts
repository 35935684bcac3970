// Rollouts over HTTP: whom each is for, what came of it, and what keeps the others.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { reportRows } from '../../../server/db/records.ts';
import { takeReports } from '../../../server/db/reports.ts';
import { wavePosition } from '../../../shared/compile/waves.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import type { Report } from '../../../shared/protocol/report.ts';
import type { RolloutReply } from '../../../shared/protocol/rollouts.ts';
import type { Classes } from '../../../shared/schema/classes.ts';
import {
  capability,
  changeOf,
  firstPublication,
  publicationOf,
  rolloutOf,
  signRole,
  type VendorDocument,
} from '../../support/publications.ts';
import { recordOf, reportOf } from '../../support/reports.ts';
import { addPack, startTestServer, type TestServer } from '../../support/server-under-test.ts';

const KEY = 'A'.repeat(43);
const idOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

let server: TestServer;
let release: VendorDocument;

beforeEach(async () => {
  server = await startTestServer();
  const { publisher } = server.context;
  const tree = await addPack(server.store, 'one');
  release = capability('1.0.0', tree);
  const waves = [
    { percent: 50, after: 'PT0S' },
    { percent: 100, after: 'PT24H' },
  ];
  const documents = [release, rolloutOf(release, '1.0.0', { waves })];
  await publisher.publish(firstPublication(publisher.onlineKeys), 'vendor');
  const request = publicationOf([['releases', signRole('releases', 2, documents)]], documents, [
    changeOf(release, '1.0.0', tree),
  ]);
  await publisher.publish(request, 'vendor');
});
afterEach(() => server.close());

async function publishFor(classes: Classes): Promise<void> {
  const rollout = rolloutOf(release, '1.0.0', { classes });
  await server.context.publisher.publish(
    publicationOf([['releases', signRole('releases', 3, [release, rollout])]], [rollout]),
    'vendor',
  );
}

async function add(number: number, report: Partial<Report> | null, standing: string | null = null) {
  const { db } = server.context;
  const row = {
    id: idOf(number),
    name: `install ${number}`,
    hostname: 'host',
    public_key: KEY,
    agent_version: '1',
  };
  const rest = { enrolled_at: formatInstantMs(server.now), last_sequence: 0, revision: 1, standing: null };
  await db
    .insertInto('instances')
    .values({ ...row, ...rest } as never)
    .execute();
  if (report !== null) {
    const rows = reportRows(reportOf(1, report), server.now);
    await takeReports(db, [{ instance: row.id, key: KEY, boot: null, rows, received: server.now }]);
  }
  await db
    .updateTable('instances')
    .set({ standing } as never)
    .where('id', '=', row.id)
    .execute();
}

async function ask(path: string) {
  const headers = await server.bearer('viewer');
  return server.app.inject({ url: `/api/v1/rollouts${path}`, headers });
}

const component = { ...reportOf(1).components[0], version: '0.9.0' } as Report['components'][number];
const pinned: Partial<Report> = {
  components: [component],
  decision: {
    ...{ verdict: 'held', target: null, exposed: [] },
    blockers: [{ code: 'pins-hold-back', message: 'm', source: 's', owner: 'admin' }],
  },
};

it('counts everybody once: by what came of it, or by what keeps them', async () => {
  const numbers = Array.from({ length: 60 }, (_, i) => i);
  const reached = numbers.filter((number) => wavePosition('s', idOf(number)) < 50);
  const [commits = 0, fails = 0, pins = 0, gone = 0, isolated = 0] = reached;
  for (const number of numbers) {
    if (number === commits) await add(number, { records: [recordOf(1, 'committed')] });
    else if (number === fails) {
      const failure = { code: 'deploy/unhealthy', message: 'm' };
      await add(number, {
        components: [component],
        records: [recordOf(1, 'rolled-back', 'CHG-1', { failure })],
      });
    } else if (number === pins) await add(number, pinned);
    else if (number === gone) await add(number, null, 'retired');
    else if (number === isolated) await add(number, { components: [component] }, 'isolated');
    else await add(number, { components: [component] });
  }
  await add(100, { track: 'candidate', components: [component] });
  await add(101, { components: [] });

  const reply = (await ask('/CHG-1~stable')).json() as RolloutReply;

  expect(reply).toMatchObject({
    ...{ change: 'CHG-1', release: 'core/auth@1.0.0', track: 'stable', state: 'offered', halt: null },
    ...{ eligible: 59, offered: reached.length - 1 },
    counts: { committed: 1, rolledBack: 1, inProgress: 0, failed: 0 },
  });
  const omitted = Object.fromEntries(reply.omitted.map(({ reason, count }) => [reason, count]));
  expect(omitted).toEqual({
    ...{ 'wave-to-come': 60 - reached.length, isolated: 1, 'pins-hold-back': 1 },
    'not-yet': reached.length - 5,
  });
});

it('is for those of its classes alone, and for nobody who has not said what it is', async () => {
  await publishFor([{ arch: ['arm64'] }]);
  const facts = (arch: string, os: string) => ({
    components: [component],
    facts: { arch: [arch], os: [os] },
  });
  const all = [facts('arm64', 'debian:12'), facts('amd64', 'debian:12'), facts('amd64', 'alpine:3'), null];
  for (const [number, report] of all.entries()) await add(number, report);

  const { eligible, offered, classes, omitted } = (await ask('/CHG-1~stable')).json() as RolloutReply;

  expect([eligible, offered]).toEqual([1, 1]);
  expect(classes.map((one) => [one.class, one.eligible])).toEqual([
    ['arch=amd64', 0],
    ['arch=arm64', 1],
    ['os=alpine:3', 0],
    ['os=debian:12', 1],
  ]);
  expect(Object.fromEntries(omitted.map(({ reason, count }) => [reason, count]))).toEqual({
    ...{ 'not-in-class': 2, 'never-reported': 1, 'not-yet': 1 },
  });
});

it('lists what is offered, and knows nothing of what is not', async () => {
  const listed = (await ask('')).json() as { readonly rollouts: readonly RolloutReply[] };

  expect(listed.rollouts.map(({ id, state }) => [id, state])).toEqual([['CHG-1~stable', 'offered']]);
  expect((await ask('/CHG-2~stable')).statusCode).toBe(404);
  expect((await ask('/everything')).statusCode).toBe(400);
});
