// Signing again: in time, never backwards, and not given up after a failure.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listJobs } from '../../../server/db/job-lists.ts';
import { JOB_KINDS } from '../../../server/jobs/kinds.ts';
import { createJobs } from '../../../server/jobs/run.ts';
import { resign } from '../../../server/jobs/watch.ts';
import { loadState } from '../../../server/repository/state.ts';
import { firstPublication, NOW } from '../../support/publications.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

const HOUR_MS = 60 * 60 * 1000;

let server: TestServer;

beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

describe('an empty repository', () => {
  it('has nothing to sign', async () => {
    expect(await server.context.publisher.resign()).toBe('empty');
    expect(await loadState(server.store)).toBeNull();
  });
});

describe('a published repository', () => {
  beforeEach(async () => {
    const { publisher } = server.context;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
  });

  it('is left alone while its signatures are young', async () => {
    server.now += HOUR_MS;

    expect(await server.context.publisher.resign()).toBe('fresh');
  });

  it('never comes near its expiry over a month of attempts every ten minutes', async () => {
    let shortest = Number.POSITIVE_INFINITY;
    const versions: number[] = [];
    for (let passed = 0; passed < 30 * 24 * HOUR_MS; passed += HOUR_MS / 6) {
      server.now = NOW + passed;
      await resign(server.context);
      const state = server.context.publisher.state();
      const expires = [state?.timestamp.content.expires ?? 0, state?.snapshot.content.expires ?? 0];
      shortest = Math.min(shortest, ...expires.map((at) => at - server.now));
      versions.push(state?.timestamp.content.version ?? 0);
    }

    expect(shortest).toBeGreaterThan(17 * HOUR_MS);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });

  it('says in the timestamp when it was signed', async () => {
    server.now += 7 * HOUR_MS;
    await server.context.publisher.resign();

    expect((await loadState(server.store))?.timestamp.content.signedAt).toBe(server.now);
  });

  it('is signed again, with a higher version, once a clock that ran ahead is set right', async () => {
    const { publisher } = server.context;
    server.now += 365 * 24 * HOUR_MS;
    await publisher.resign();
    const ahead = publisher.state();
    server.now = NOW + HOUR_MS;

    await publisher.resign();

    const state = publisher.state();
    expect(state?.timestamp.content.signedAt).toBe(NOW + HOUR_MS);
    expect(state?.timestamp.content.version).toBeGreaterThan(ahead?.timestamp.content.version ?? 0);
    expect(state?.snapshot.content.version).toBeGreaterThan(ahead?.snapshot.content.version ?? 0);
  });

  it('is signed by the next attempt when one failed', async () => {
    server.now += 7 * HOUR_MS;
    server.failWriteAfter = 0;
    await resign(server.context);
    const left = (await loadState(server.store))?.timestamp.content.version;
    server.failWriteAfter = null;

    await resign(server.context);

    expect((await loadState(server.store))?.timestamp.content.version).toBeGreaterThan(left ?? 0);
  });

  it('is not served from a backup as something older than was seen', async () => {
    const seen = server.context.publisher.state()?.timestamp.content.version ?? 0;
    // The backup holds what was published; an hour later it is restored, and the server signs at its start.
    server.now += 7 * HOUR_MS;
    server = Object.assign(await server.restart(), { now: server.now });
    await resign(server.context);

    expect(server.context.publisher.state()?.timestamp.content.version).toBeGreaterThan(seen + 6 * 3600);
  });
});

describe('the job', () => {
  it('signs by itself in time, whatever else the server has to do', async () => {
    const { publisher } = server.context;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
    const jobs = await createJobs(server.context, JOB_KINDS);
    const first = publisher.state()?.timestamp.content.version ?? 0;
    server.now += 7 * HOUR_MS;

    expect(await jobs.look()).toBeGreaterThan(0);

    expect(publisher.state()?.timestamp.content.version).toBeGreaterThan(first);
    await jobs.stop();
  });

  it('that could not sign shows why, and signs ten seconds later', async () => {
    const { publisher, db } = server.context;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'test');
    const jobs = await createJobs(server.context, JOB_KINDS);
    server.now += 7 * HOUR_MS;
    server.failWriteAfter = 0;
    await jobs.look();
    const { entries } = await listJobs(db, { limit: 100, after: null }, server.now);
    const first = publisher.state()?.timestamp.content.version ?? 0;
    server.failWriteAfter = null;
    server.now += 20_000;

    await jobs.look();

    expect(entries.find(({ id }) => id === 'resign')).toMatchObject({
      ...{ state: 'failing', attempts: 1, last_error: 'the disk failed' },
    });
    expect(publisher.state()?.timestamp.content.version).toBeGreaterThan(first);
    await jobs.stop();
  });
});
