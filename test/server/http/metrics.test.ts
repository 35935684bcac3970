// Numbers: each of the table is on the page, the page holds no other, and they say what happened to the fleet, once, whichever process is asked.
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { METRICS_BY_NAME, type MetricName } from '../../../server/http/metric-table.ts';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { haltPath, haltScopePath } from '../../../shared/schema/release-ref.ts';
import { eventOf, happen, makeWebhook, runOutbox } from '../../support/outbox.ts';
import {
  advisoryOf,
  documentOf,
  firstPublication,
  publicationOf,
  signRole,
} from '../../support/publications.ts';
import { publishVersions } from '../../support/published-versions.ts';
import { recordOf } from '../../support/reports.ts';
import { enrolAgent, type ServerAgent } from '../../support/server-agent.ts';
import { startTestServer, type TestServer } from '../../support/server-under-test.ts';

let server: TestServer;

beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const read = async () => (await server.app.inject({ url: '/metrics' })).body;

/** The value of one series as the page has it. */
async function readSeries(series: string): Promise<number> {
  const line = (await read()).split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

const ENDED = { state: 'committed', reason: 'channel', seconds: 20, steps: [], failure: null };

/** This server keeps no backups, and says nothing of them. */
const SAID = Object.entries(METRICS_BY_NAME).filter(([name]) => !name.startsWith('fairlead_backup_'));

describe('the page', () => {
  it('holds each number of the table with its kind and its words, and no other of ours', async () => {
    const body = await read();
    const kinds = [...body.matchAll(/^# TYPE (fairlead_\w+) (\w+)$/gm)].map(([, name, kind]) => [name, kind]);
    const words = Object.fromEntries(
      [...body.matchAll(/^# HELP (fairlead_\w+) (.*)$/gm)].map(([, name, text]) => [name, text]),
    );

    expect(Object.fromEntries(kinds)).toEqual(
      Object.fromEntries(SAID.map(([name, { type }]) => [name, type])),
    );
    expect(words).toEqual(Object.fromEntries(SAID.map(([name, { help }]) => [name, help])));
  });

  it('says the same to two who ask at once', async () => {
    await makeWebhook(server, 'https://receiver.example/');
    const agent = await enrolAgent(server, 'Oslo');
    await agent.report(1);
    await happen(server, [eventOf('deployment.ended', ENDED)]);
    await runOutbox(server);
    const [alone, ...both] = [await read(), ...(await Promise.all([read(), read()]))];

    // Others write to the disk meanwhile.
    const ours = (body: string | undefined) =>
      body?.split('\n').filter((line) => /^fairlead_(?!http_|job_|disk_free)/.test(line));
    expect(both.map(ours)).toEqual([ours(alone), ours(alone)]);
    expect(ours(alone)).toContain('fairlead_instances 1');
  });

  it('goes without the numbers that cannot be read, and has all others', async () => {
    await server.context.db.schema.dropTable('tallies').execute();

    const reply = await server.app.inject({ url: '/metrics' });

    const named = new Set([...reply.body.matchAll(/^(fairlead_[a-z_]+)/gm)].map(([name]) => name));
    expect(reply.statusCode).toBe(200);
    expect([...named].filter((name) => name.startsWith('fairlead_deployment'))).toEqual([]);
    expect(await readSeries('fairlead_instances')).toBe(0);
    expect(named).toContain('fairlead_instances_heard');
  });

  it('tells series apart by the labels of the table alone', async () => {
    await makeWebhook(server, 'https://receiver.example/');
    const body = await read();
    const series = [...body.matchAll(/^(fairlead_\w+)\{([^}]*)\}/gm)];
    const strange = series.filter(([, name = '', inside = '']) => {
      const labels = METRICS_BY_NAME[name.replace(/_(?:bucket|sum|count)$/, '') as MetricName]?.labels ?? [];
      const said = [...inside.matchAll(/(\w+)="/g)]
        .map(([, label]) => label)
        .filter((label) => label !== 'le');
      return JSON.stringify(said) !== JSON.stringify(labels);
    });

    expect(strange.map(([line]) => line)).toEqual([]);
    expect(series.length).toBeGreaterThan(20);
  });

  it('has rules to begin with that ask for what is there', () => {
    const rules = readFileSync(new URL('../../../docs/guide/prometheus-rules.yml', import.meta.url), 'utf8');
    const parts = rules.split(/^ {6}- alert: /m).slice(1);
    const asked = [...rules.matchAll(/fairlead_[a-z_]+/g)].map(([name]) =>
      name.replace(/_(?:bucket|sum|count)$/, ''),
    );

    for (const part of parts) {
      expect(part).toMatch(
        /^\w+\n {8}expr: .+\n(?: {8}for: \d+[mh]\n)? {8}labels:\n {10}severity: (?:warning|critical)\n {8}annotations:\n {10}summary: .+\n$/,
      );
    }
    expect(asked.filter((name) => !(name in METRICS_BY_NAME))).toEqual([]);
    expect(parts.length).toBeGreaterThan(8);
    const labelled = [...rules.matchAll(/(fairlead_[a-z_]+)\{(\w+)[!=]/g)];
    const foreign = labelled.filter(
      ([, name = '', label = '']) => !METRICS_BY_NAME[name as MetricName]?.labels.includes(label),
    );
    expect(foreign.map(([text]) => text)).toEqual([]);
  });
});

describe('deployments that end', () => {
  const end = (state: string, reason: string, seconds: number) =>
    eventOf('deployment.ended', { state, reason, seconds, steps: [], failure: null });

  it('are counted once by how and why, with the time that they took, across a restart', async () => {
    await happen(server, [
      end('committed', 'channel', 20),
      end('committed', 'forced', 400),
      end('rolled-back', 'channel', 90),
    ]);
    await runOutbox(server);
    await runOutbox(server);
    server = await server.restart();
    await happen(server, [end('rolled-back', 'reason-of-tomorrow', 100_000)]);
    await runOutbox(server);

    const of = (outcome: string, reason: string) =>
      readSeries(`fairlead_deployments_ended_total{outcome="${outcome}",reason="${reason}"}`);
    expect([await of('committed', 'channel'), await of('committed', 'forced')]).toEqual([1, 1]);
    expect([await of('rolled-back', 'channel'), await of('rolled-back', 'other')]).toEqual([1, 1]);
    const within = (outcome: string, le: string) =>
      readSeries(`fairlead_deployment_duration_seconds_bucket{outcome="${outcome}",le="${le}"}`);
    expect([
      await within('committed', '10'),
      await within('committed', '30'),
      await within('committed', '900'),
    ]).toEqual([0, 1, 2]);
    expect([await within('rolled-back', '86400'), await within('rolled-back', '+Inf')]).toEqual([1, 2]);
    expect(await readSeries('fairlead_deployment_duration_seconds_sum{outcome="committed"}')).toBe(420);
  });

  it('are told by agents with how long they took', async () => {
    const agent = await enrolAgent(server, 'Oslo');
    const began = recordOf(1, 'committed', 'CHG-1');
    const [first] = began.stages;
    const last = {
      ...first,
      state: 'committed' as const,
      at: new Date(Date.parse(first?.at ?? '') + 45_000).toISOString(),
    };
    await agent.report(1, {
      records: [{ ...began, stages: [...began.stages.slice(0, -1), last] } as typeof began],
    });
    await runOutbox(server);

    expect(await readSeries('fairlead_deployment_duration_seconds_bucket{outcome="committed",le="60"}')).toBe(
      1,
    );
    expect(await readSeries('fairlead_deployment_duration_seconds_bucket{outcome="committed",le="30"}')).toBe(
      0,
    );
  });
});

describe('the server', () => {
  it('says how much room its disks have, and leaves out one that gives no answer', async () => {
    const [found] = await server.context.readDisks();

    expect(await readSeries('fairlead_disk_size_bytes{disk="directory"}')).toBe(found?.size);
    expect(await readSeries('fairlead_disk_free_bytes{disk="directory"}')).toBeGreaterThan(0);
  });

  it('counts the halts that are in force, by whom they are for', async () => {
    const { publisher } = server.context;
    await publisher.publish(firstPublication(publisher.onlineKeys), 'vendor');
    const digests = ['a', 'b', 'c'].map((sign): Digest => `sha256:${sign.repeat(64)}` as Digest);
    const [hours = '', days = '', some = ''] = digests;
    const haltOf = (digest: string, lastsMs: number) =>
      documentOf(haltPath(digest as Digest), {
        ...{ schema: 'fairlead/halt@1', digest, reason: 'it bricks' },
        issued: formatInstant(server.now),
        expires: formatInstant(server.now + lastsMs),
      });
    const scope = { schema: 'fairlead/halt-scope@1', digest: some, classes: [{ arch: ['arm64'] }] };
    const documents = [
      ...[haltOf(hours, 3_600_000), haltOf(days, 48 * 3_600_000), haltOf(some, 48 * 3_600_000)],
      documentOf(haltScopePath(some as Digest), scope),
    ];
    const inForce = async () => [
      await readSeries('fairlead_halts_in_force{whom="all"}'),
      await readSeries('fairlead_halts_in_force{whom="class"}'),
    ];
    const before = await inForce();
    await publisher.publish(publicationOf([['halts', signRole('halts', 2, documents)]], documents), 'vendor');

    const during = await inForce();
    server.now += 3_600_001;

    expect([before, during, await inForce()]).toEqual([
      [0, 0],
      [2, 1],
      [1, 1],
    ]);
  });
});

describe('the fleet', () => {
  const decide = (
    agent: ServerAgent,
    sequence: number,
    verdict: 'current' | 'held' | 'blocked',
    code?: string,
  ) =>
    agent.report(sequence, {
      decision: {
        ...{ verdict, target: null, exposed: [] },
        blockers:
          code === undefined
            ? []
            : [{ code, message: 'held', source: 'here', owner: 'admin', clearWith: 'fairlead release' }],
      },
    });

  it('is counted by what it decided, by when it was heard, and by whether it keeps to its policy', async () => {
    const [oslo, bergen] = [await enrolAgent(server, 'Oslo'), await enrolAgent(server, 'Bergen')];
    await enrolAgent(server, 'Never heard');
    expect(await readSeries('fairlead_policy_compliance_ratio')).toBe(1);
    await decide(oslo, 1, 'current');
    await decide(bergen, 1, 'held', 'emergency-hold');

    expect(await readSeries('fairlead_instances_by_verdict{verdict="current"}')).toBe(1);
    expect(await readSeries('fairlead_instances_by_verdict{verdict="held"}')).toBe(1);
    expect(await readSeries('fairlead_policy_compliance_ratio')).toBe(0.5);
    expect(await readSeries('fairlead_instances_heard{within="1800"}')).toBe(2);
    server.now += 3_600_000;
    expect(await readSeries('fairlead_instances_heard{within="1800"}')).toBe(0);
    expect(await readSeries('fairlead_instances_heard{within="86400"}')).toBe(2);
  });

  it('is counted by what of it an advisory affects', async () => {
    const agent = await enrolAgent(server, 'Oslo');
    const about = {
      affected: [{ component: 'core/auth', versions: '<1.2.1' }],
      fixed: [{ component: 'core/auth', version: '1.2.1' }],
    };
    await publishVersions(
      server,
      ['1.2.0', '1.2.1'],
      [advisoryOf('FL-2026-0009', { severity: 'high', ...about })],
      41,
    );
    const component = {
      component: 'core/auth',
      version: '1.2.0',
      tree: `sha256:${'0'.repeat(64)}`,
      health: 'healthy',
    };
    await agent.report(1, { components: [component as never] });

    expect(await readSeries('fairlead_components_exposed{severity="high"}')).toBe(1);
    expect(await readSeries('fairlead_components_exposed{severity="critical"}')).toBe(0);
  });
});
