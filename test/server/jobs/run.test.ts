// Jobs: done once in effect, taken over, put off, given up, and seen.
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countJobs, listJobs } from '../../../server/db/job-lists.ts';
import { addJob, finishJob, LEASE_MS, renewLease, takeJob } from '../../../server/db/jobs.ts';
import type { DatabaseTransaction } from '../../../server/db/tables.ts';
import { JOB_KINDS } from '../../../server/jobs/kinds.ts';
import { createJobs, type JobKind, type Jobs, pauseAfter } from '../../../server/jobs/run.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 86_400_000;

let server: TestServer;
const started: Jobs[] = [];

beforeEach(async () => {
  server = await startTestServer();
  await sql`create table effects (job text not null)`.execute(server.context.db);
});
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
  await server.close();
});

const leave = (job: string) => (trx: DatabaseTransaction) =>
  sql`insert into effects values (${job})`.execute(trx).then(() => undefined);

async function effects(): Promise<readonly string[]> {
  const { rows } = await sql<{ readonly job: string }>`select job from effects order by job`.execute(
    server.context.db,
  );
  return rows.map(({ job }) => job);
}

const once = (work: JobKind['work'] = async (_context, { id }) => leave(id)): JobKind => ({
  ...{ kind: 'once', everyMs: null, attempts: 3, work },
});
const every = (everyMs: number, work: JobKind['work']): JobKind => ({
  ...{ kind: 'every', everyMs, attempts: 1, work },
});

async function start(...kinds: readonly JobKind[]): Promise<Jobs> {
  const jobs = await createJobs(server.context, kinds);
  started.push(jobs);
  return jobs;
}

const add = (id: string, inMs = 0) => addJob(server.context.db, { id, kind: 'once', due: server.now + inMs });
const list = async () => (await listJobs(server.context.db, { limit: 100, after: null }, server.now)).entries;
const fail = async () => {
  throw new Error('no space');
};

describe('a job', () => {
  it('is done when it is due, and no sooner', async () => {
    const jobs = await start(once());
    await add('a', MINUTE_MS);

    expect(await jobs.look()).toBe(0);
    server.now += MINUTE_MS;
    expect(await jobs.look()).toBe(1);

    expect([await effects(), await list()]).toEqual([['a'], []]);
  });

  it('that is added twice is one', async () => {
    const jobs = await start(once());
    await add('a');
    await add('a');

    expect(await jobs.look()).toBe(1);
  });

  it('of a kind that this process does not know is left to one that does', async () => {
    const jobs = await start(once());
    await addJob(server.context.db, { id: 'a', kind: 'of-tomorrow', due: server.now });

    expect(await jobs.look()).toBe(0);
    expect(await list()).toMatchObject([{ id: 'a', attempts: 0, state: 'waiting' }]);
  });

  it('whose effect fails is not done', async () => {
    let fails = true;
    const jobs = await start(
      once(async (_context, { id }) => async (trx) => {
        await leave(id)(trx);
        if (fails) throw new Error('no space');
      }),
    );
    await add('a');
    await jobs.look();
    expect([await effects(), (await list())[0]?.state]).toEqual([[], 'failing']);

    fails = false;
    server.now += MINUTE_MS;
    await jobs.look();

    expect([await effects(), await list()]).toEqual([['a'], []]);
  });
});

describe('a process that was overtaken', () => {
  it('has no effect, and does not end what another has', async () => {
    const second = await start(once());
    const first = await start(
      once(async (_context, { id }) => {
        server.now += LEASE_MS + 1;
        await second.look();
        await add('a', MINUTE_MS);
        return leave(`late ${id}`);
      }),
    );
    await add('a');

    await first.look();

    expect(await effects()).toEqual(['a']);
    expect(await list()).toMatchObject([{ id: 'a', state: 'waiting' }]);
  });

  it('does not put off what another has', async () => {
    let held = 0;
    const second = await start(
      once(async (_context, { id }) => {
        held++;
        return leave(id);
      }),
    );
    const first = await start(
      once(async () => {
        server.now += LEASE_MS + 1;
        const taken = await takeJob(server.context.db, [{ kind: 'once', longestMs: 1 }], 'other', server.now);
        expect(taken?.attempt).toBe(2);
        throw new Error('no space');
      }),
    );
    await add('a');

    await first.look();

    expect(await list()).toMatchObject([{ state: 'running', running_on: 'other', last_error: null }]);
    server.now += LEASE_MS + 1;
    await second.look();
    expect([held, await effects()]).toEqual([1, ['a']]);
  });
});

describe('a lease', () => {
  const take = () => takeJob(server.context.db, [{ kind: 'once', longestMs: MINUTE_MS }], 'me', server.now);

  it.each([
    ['that is renewed keeps others away', true, null],
    ['that is not ends', false, 2],
  ])('%s', async (_what, renews, attempt) => {
    await add('a');
    const held = await take();
    server.now += LEASE_MS - 1;
    if (held !== null && renews) expect(await renewLease(server.context.db, held, server.now)).toBe(true);
    server.now += 2;

    expect((await take())?.attempt ?? null).toBe(attempt);
  });

  it('that was lost cannot be renewed, nor anything done under it', async () => {
    await add('a');
    const lost = await take();
    server.now += LEASE_MS + 1;
    const held = await take();
    if (lost === null || held === null) throw new Error('both took it');

    expect(await renewLease(server.context.db, lost, server.now)).toBe(false);
    expect(await finishJob(server.context.db, lost, null, leave('lost'))).toBe(false);
    expect(await finishJob(server.context.db, held, null, leave('held'))).toBe(true);
    expect(await effects()).toEqual(['held']);
  });

  it('of a process that ran with the embedded file before ends with it', async () => {
    await add('a');
    await take();
    const isFile = server.context.config.database.kind === 'file';

    const jobs = await start(once());

    expect(await jobs.look()).toBe(isFile ? 1 : 0);
  });
});

describe('what fails', () => {
  it('comes again after longer and longer pauses, says why, and is given up in the end', async () => {
    const jobs = await start(once(fail));
    await add('a');
    const seen = [];
    for (let i = 0; i < 3; i++) {
      await jobs.look();
      seen.push(...(await list()).map(({ state, attempts }) => [state, attempts]));
      server.now += 10 * MINUTE_MS;
    }

    expect(seen).toEqual([
      ['failing', 1],
      ['failing', 2],
      ['given-up', 3],
    ]);
    expect(await jobs.look()).toBe(0);
    expect((await list())[0]).toMatchObject({ last_error: 'no space', running_on: null });
    expect(await countJobs(server.context.db, server.now)).toMatchObject([{ failing: 0, givenUp: 1 }]);
  });

  it.each([
    [1, null, 10_000],
    [2, null, MINUTE_MS],
    [5, null, 120 * MINUTE_MS],
    [1_000, null, 120 * MINUTE_MS],
    [1_000, MINUTE_MS, MINUTE_MS],
  ])('for the %sth time rests for a bounded time', (attempt, everyMs, expected) => {
    expect(pauseAfter(attempt, everyMs)).toBe(expected);
  });

  it('and comes by itself is never given up, and good again as soon as it succeeds', async () => {
    let fails = true;
    const jobs = await start(every(MINUTE_MS, async () => (fails ? fail() : null)));
    for (let i = 0; i < 20; i++) {
      server.now += 2 * MINUTE_MS;
      await jobs.look();
    }
    expect(await list()).toMatchObject([{ state: 'failing', attempts: 20 }]);

    fails = false;
    server.now += 2 * MINUTE_MS;
    await jobs.look();

    expect(await list()).toMatchObject([{ state: 'waiting', attempts: 0, last_error: null }]);
  });

  it('here is left to another process first', async () => {
    const first = await start(once(fail));
    await add('a');
    await first.look();
    const second = await start(once());
    server.now += 10_000;

    expect(await first.look()).toBe(0);
    expect(await second.look()).toBe(1);
  });
});

describe('a clock', () => {
  it('that was ahead by a year leaves nothing undone', async () => {
    const now = server.now;
    server.now += YEAR_MS;
    let done = 0;
    const jobs = await start(
      every(MINUTE_MS, async () => {
        done++;
        return null;
      }),
    );
    server.now = now;

    await jobs.look();

    expect(done).toBe(1);
  });

  it('that was ahead holds nothing under its lease', async () => {
    await add('a');
    server.now += YEAR_MS;
    await takeJob(server.context.db, [{ kind: 'once', longestMs: MINUTE_MS }], 'ahead', server.now);
    server.now -= YEAR_MS;

    const taken = takeJob(server.context.db, [{ kind: 'once', longestMs: MINUTE_MS }], 'right', server.now);

    expect((await taken)?.attempt).toBe(2);
  });
});

it('what the server does by itself is there from the start, once, whoever starts', async () => {
  await start(...JOB_KINDS);
  await start(...JOB_KINDS);
  const headers = await server.bearer('operator');

  const response = await server.app.inject({ url: '/api/v1/jobs', headers });

  const byItself = JOB_KINDS.filter(({ everyMs }) => everyMs !== null).map(({ kind }) => kind);
  expect(byItself).toContain('resign');
  expect(response.json().jobs.map(({ id, state }: { id: string; state: string }) => [id, state])).toEqual(
    byItself.toSorted().map((kind) => [kind, 'waiting']),
  );
});

it('what fails stands in the metrics', async () => {
  const jobs = await start(once(fail));
  await add('a');
  await jobs.look();
  server.now += 2 * MINUTE_MS;

  const { body } = await server.app.inject({ url: '/metrics', headers: await server.bearer('viewer') });

  expect(body).toContain('fairlead_jobs_failing{kind="once",state="failing"} 1');
  expect(body).toContain('fairlead_jobs_failing{kind="once",state="given-up"} 0');
  expect(body).toContain('fairlead_job_overdue_seconds{kind="once"} 110');
});

describe('a job that is hurried', () => {
  async function count(during: (jobs: Jobs, times: number) => Promise<unknown>) {
    let times = 0;
    const jobs: Jobs = await start(
      every(MINUTE_MS, async () => {
        times += 1;
        await during(jobs, times);
        return null;
      }),
    );
    return { jobs, times: () => times };
  }

  it('is done at once, and a minute later', async () => {
    const { jobs, times } = await count(async () => undefined);

    await jobs.hurry('every');
    const atOnce = times();
    server.now += MINUTE_MS;
    await jobs.look();

    expect([atOnce, times()]).toEqual([1, 2]);
  });

  it('while somebody is at it is done once more: who is at it has perhaps looked already', async () => {
    const { jobs, times } = await count(async (all, time) => {
      server.now += 1;
      if (time === 1) void all.hurry('every');
      await setTimeout(20);
    });
    server.now += MINUTE_MS;

    await jobs.look();

    expect(times()).toBe(2);
  });

  it('a moment after another is done a moment later, once for all that ask', async () => {
    const { jobs, times } = await count(async () => undefined);
    await jobs.hurry('every');
    for (let i = 0; i < 3; i++) {
      server.now += 1_000;
      await jobs.hurry('every');
    }
    await jobs.look();
    const before = times();

    server.now += 2_000;
    await jobs.look();
    await jobs.look();

    expect([before, times()]).toEqual([1, 2]);
  });

  it('is hurried although the clock was ahead when it was before', async () => {
    const { jobs, times } = await count(async () => undefined);
    await jobs.hurry('every');
    server.now -= YEAR_MS;

    await jobs.hurry('every');

    expect(times()).toBe(2);
  });
});
