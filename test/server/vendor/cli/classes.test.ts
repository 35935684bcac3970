// Classes and waves through `fairlead-vendor`: what is signed, what is said before, and what is refused.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseTargetDocument } from '../../../../shared/schema/target-document.ts';
import { createVendor, type Vendor } from '../../../support/vendor.ts';

let vendor: Vendor;
beforeAll(async () => {
  vendor = await createVendor();
});
afterAll(() => vendor.close());
beforeEach(() => vendor.server.instances.splice(0));

/** The documents below a directory of the repository that the newest metadata of the role lists. */
function listed(role: string, ending: string): readonly unknown[] {
  const versions = [...vendor.server.files.keys()].flatMap((name) => {
    const version = new RegExp(`^metadata/(\\d+)\\.${role}\\.json$`).exec(name)?.[1];
    return version === undefined ? [] : [Number(version)];
  });
  const newest = vendor.server.files.get(`metadata/${Math.max(...versions)}.${role}.json`);
  const { targets } = JSON.parse(Buffer.from(newest ?? '{}').toString()).signed;
  return Object.entries(targets as Record<string, { hashes: { sha256: string } }>)
    .filter(([path]) => path.endsWith(ending))
    .map(([path, { hashes }]) => {
      const slash = path.lastIndexOf('/') + 1;
      const name = `targets/${path.slice(0, slash)}${hashes.sha256}.${path.slice(slash)}`;
      return parseTargetDocument(path, vendor.server.files.get(name) ?? new Uint8Array())?.document;
    });
}

function enrol(count: number, factsOf: (i: number) => Record<string, string[]> | undefined): void {
  for (let i = 0; i < count; i++) {
    const facts = factsOf(i);
    vendor.server.instances.push({
      ...{
        id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
        name: `install ${i}`,
        hostname: 'host',
      },
      ...{ agentVersion: '1.0.0', enrolled: '2026-01-01T00:00:00Z', lastSeen: null, channel: null },
      ...{ manifest: null, verdict: null, track: 'stable' },
      ...(facts === undefined ? {} : { facts }),
    });
  }
}

describe('a rollout whose waves nobody named', () => {
  const wavesOf = async (id: string) => {
    const { rollouts } = await vendor.json('rollout', 'status', id);
    return (rollouts as readonly { waves: unknown }[])[0]?.waves;
  };

  it('begins with one in a hundred where the fleet is large, and again without a change', async () => {
    const id = await vendor.release('core/large@1.0.0');
    enrol(101, () => ({ region: ['eu'] }));

    await vendor.json('rollout', 'start', id);
    vendor.server.instances.splice(0);
    const again = await vendor.json('rollout', 'start', id);

    expect(again.signed).toEqual([{ kind: 'unchanged' }]);
    expect(await wavesOf(id)).toEqual([
      { percent: 1, after: 'PT0S' },
      { percent: 10, after: 'PT1H' },
      { percent: 100, after: 'PT24H' },
    ]);
  });

  it('is for everybody at once where it is small', async () => {
    const id = await vendor.release('core/small@1.0.0');
    enrol(100, () => ({ region: ['eu'] }));

    await vendor.json('rollout', 'start', id);

    expect(await wavesOf(id)).toEqual([{ percent: 100, after: 'PT0S' }]);
  });
});

describe('a rollout of a class', () => {
  it('is signed with its classes and a seed under which the first wave has installs of all', async () => {
    const id = await vendor.release('core/classes@1.0.0');
    enrol(200, (i) => ({ os: [i % 8 === 0 ? 'rhel:9' : 'debian:12'], region: [i % 2 === 0 ? 'eu' : 'us'] }));
    const start = ['rollout', 'start', id, '--class', 'region=eu', '--waves', '3%,100%@PT1H'];

    const { status, err } = await vendor.run(...start);
    const again = await vendor.json(...start);

    expect([status, again.signed]).toEqual([0, [{ kind: 'unchanged' }]]);
    expect(err).toContain('of 200 installs 100 are meant');
    expect(err).toContain('left out: 100 of other classes');
    expect(err).toContain('the first wave has installs of all 3 classes');
    expect(await vendor.refusal('rollout', 'start', id, '--waves', '3%,100%@PT1H')).toBe(
      'vendor/already-offered',
    );
    expect((await vendor.run('rollout', 'status', id)).out).toContain('region=eu');
  });

  it('is read without classes once it is withdrawn: an agent that knows none must hear of it', async () => {
    const id = await vendor.release('core/taken@1.0.0');
    await vendor.json('rollout', 'start', id, '--class', 'region=eu', '--waves', '5%[os=debian],100%@PT1H');

    await vendor.json('withdraw', 'core/taken@1.0.0', '--reason', 'it leaks');

    const [document] = listed('releases', 'core/taken/1.0.0.json').filter(
      (one) => 'waves' in (one as object),
    );
    expect(document).toMatchObject({ withdrawn: true, waves: [{ percent: 100, after: 'PT1H' }] });
    expect(document).not.toHaveProperty('classes');
  });

  it('says that it could not look where the server tells no classes', async () => {
    const id = await vendor.release('core/blind@1.0.0');
    vendor.server.instances.push({
      ...{ id: '00000000-0000-4000-8000-000000000001', name: 'one', hostname: 'host', agentVersion: '1.0.0' },
      ...{ enrolled: '2026-01-01T00:00:00Z', lastSeen: null, channel: null, manifest: null, verdict: null },
    });

    expect((await vendor.run('rollout', 'start', id)).err).toContain('canaries: not looked for');
  });

  it('is refused where a wave is for nobody, or nobody can be what is asked', async () => {
    const id = await vendor.release('core/never@1.0.0');
    const start = (...more: readonly string[]) => vendor.refusal('rollout', 'start', id, ...more);

    expect(await start('--class', 'region=eu', '--waves', '5%[region=us],100%@PT1H')).toBe(
      'vendor/option-invalid',
    );
    expect(await start('--class', 'driver=snap')).toBe('usage');
    expect(await start('--waves', '100%[region=eu]')).toBe('usage');
  });
});

describe('a halt of a class', () => {
  it('has its scope beside it, which goes with it, and yields to a halt for all', async () => {
    const id = await vendor.release('core/stop@1.0.0');
    await vendor.json('rollout', 'start', id);
    const halt = (...more: readonly string[]) =>
      vendor.json('rollout', 'halt', id, '--reason', 'errors', ...more);

    await halt('--class', 'driver=systemd', '--class', 'region=eu os=debian:12');
    const { halt: told } = await vendor.json('rollout', 'status', id);
    const scopes = listed('halts', '.scope.json');
    await halt();
    const after = [listed('halts', '.scope.json').length, (await vendor.json('rollout', 'status', id)).halt];
    await vendor.json('rollout', 'resume', id);

    const classes = [{ driver: ['systemd'] }, { os: ['debian:12'], region: ['eu'] }];
    expect(told).toMatchObject({ reason: 'errors', classes });
    expect(scopes).toMatchObject([{ schema: 'fairlead/halt-scope@1', classes }]);
    expect(after).toEqual([0, expect.not.objectContaining({ classes: expect.anything() })]);
    expect(listed('halts', '.json')).toEqual([]);
  });

  it('leaves those halted who were halted before, for as long, with both reasons', async () => {
    const id = await vendor.release('core/twice@1.0.0');
    await vendor.json('rollout', 'start', id);
    const halt = async (reason: string, lasts: string, ...more: readonly string[]) => {
      await vendor.json('rollout', 'halt', id, '--reason', reason, '--for', lasts, ...more);
      return (await vendor.json('rollout', 'status', id)).halt as { expires: string };
    };

    const first = await halt('no start', 'PT48H', '--class', 'os=rhel:9', '--class', 'driver=compose');
    const second = await halt('no login', 'PT1H', '--class', 'region=eu', '--class', 'os=rhel');
    const third = await halt('nobody starts', 'PT1H');

    const classes = [{ driver: ['compose'] }, { region: ['eu'] }, { os: ['rhel'] }];
    expect(second).toMatchObject({ classes, reason: 'no start; no login', expires: first.expires });
    expect(third).toMatchObject({ reason: 'nobody starts', expires: first.expires });
    expect(third).not.toHaveProperty('classes');
  });

  it('takes the place of one for the same installs, and its time', async () => {
    const id = await vendor.release('core/shorter@1.0.0');
    await vendor.json('rollout', 'start', id);
    const halt = ['rollout', 'halt', id, '--class', 'driver=compose'];
    await vendor.json(...halt, '--reason', 'no start', '--for', 'PT48H');
    const before = (await vendor.json('rollout', 'status', id)).halt as { expires: string };

    await vendor.json(...halt, '--reason', 'we know why', '--for', 'PT1H');

    const after = (await vendor.json('rollout', 'status', id)).halt as { expires: string; reason: string };
    expect(after.reason).toBe('we know why');
    expect(Date.parse(after.expires)).toBeLessThan(Date.parse(before.expires));
  });

  it('is refused where all are halted: it would release everybody else', async () => {
    const id = await vendor.release('core/narrow@1.0.0');
    await vendor.json('rollout', 'start', id);
    const halt = ['rollout', 'halt', id, '--reason', 'errors'];
    const ofClass = [...halt, '--class', 'driver=compose'];
    await vendor.json(...halt);

    expect(await vendor.refusal(...ofClass)).toBe('vendor/halted-for-all');
    expect((await vendor.json('rollout', 'status', id)).halt).not.toHaveProperty('classes');
    await vendor.json('rollout', 'resume', id);
    await vendor.json(...ofClass);
    expect((await vendor.json('rollout', 'status', id)).halt).toHaveProperty('classes');
  });

  it('is refused where it makes too many of them', async () => {
    const id = await vendor.release('core/many@1.0.0');
    const regions = (first: number) =>
      Array.from({ length: 15 }, (_, i) => ['--class', `region=r${first + i}`]).flat();
    const halt = ['rollout', 'halt', id, '--reason', 'errors'];
    await vendor.json('rollout', 'start', id);
    await vendor.json(...halt, ...regions(0));

    expect(await vendor.refusal(...halt, ...regions(15))).toBe('vendor/option-invalid');
  });

  it('does not keep the guard from stopping it for all', async () => {
    const id = await vendor.release('core/both@1.0.0');
    await vendor.json('rollout', 'start', id);
    await vendor.json('rollout', 'halt', id, '--reason', 'errors', '--class', 'driver=systemd');
    vendor.server.counts.set(id, { committed: 0, rolledBack: 9, inProgress: 0, failed: 0 });

    await vendor.json('rollout', 'guard', id, '--halt-over', '10%');

    expect((await vendor.json('rollout', 'status', id)).halt).not.toHaveProperty('classes');
  });
});

describe('an emergency order', () => {
  beforeAll(() => vendor.release('core/hole@1.0.1'));
  const publish = (id: string, ...more: readonly string[]) => [
    ...['advisory', 'publish', '--id', id, '--severity', 'critical', '--deadline', '2099-01-01T00:00:00Z'],
    ...['--title', 'Token reuse', '--affected', 'core/hole:<1.0.1', '--fixed', 'core/hole@1.0.1', ...more],
  ];

  it('is forced on one in a hundred first where the fleet is large, and says who is not', async () => {
    enrol(150, (i) => (i < 100 ? { region: ['eu'] } : undefined));

    const { status, out, err } = await vendor.run(...publish('FL-2026-10'));

    expect([status, out]).toEqual([
      0,
      expect.stringMatching(/forced on 1% of the installs from .*, on all from .*, everywhere by 2099/),
    ]);
    expect(err).toContain('50 installs of them by agents that know no waves of orders');
    expect(listed('security', 'FL-2026-10.terms.json')).toMatchObject([
      {
        exploited: false,
        waves: [
          { percent: 1, after: 'PT0S' },
          { percent: 100, after: 'PT30M' },
        ],
      },
    ]);
  });

  it('whose fix was halted is forced again, though nothing else deploys it', async () => {
    await vendor.json('rollout', 'halt', 'core/hole@1.0.1', '--reason', 'it does not start');
    expect(listed('halts', '.json').length).toBeGreaterThan(0);

    await vendor.json('rollout', 'resume', 'core/hole@1.0.1');

    expect((await vendor.json('rollout', 'status', 'core/hole@1.0.1')).halt).toBeNull();
    expect(await vendor.refusal('rollout', 'resume', 'core/hole@1.0.1')).toBe('vendor/not-offered');
  });

  it('published again with the same words is the same, seed and start too', async () => {
    enrol(150, () => ({}));
    const [before] = listed('security', 'FL-2026-10.terms.json');

    const again = await vendor.json(...publish('FL-2026-10'));

    expect([again.signed, again.terms]).toEqual([[{ kind: 'unchanged' }], before]);
  });

  it('is forced at once where it says so, is exploited, or the fleet is small or not known', async () => {
    enrol(150, () => ({}));
    const all = await vendor.json(...publish('FL-2026-10', '--waves', '100%'));
    const exploited = await vendor.json(...publish('FL-2026-11', '--exploited'));
    vendor.server.instances.splice(100);
    const small = await vendor.json(...publish('FL-2026-12'));

    expect([all.terms, small.terms]).toEqual([undefined, undefined]);
    expect(exploited.terms).toMatchObject({ exploited: true, waves: [{ percent: 100, after: 'PT0S' }] });
    expect(listed('security', '.terms.json')).toHaveLength(1);
  });

  it('that is out already is not taken back by a fleet that has grown', async () => {
    enrol(150, () => ({}));

    expect((await vendor.json(...publish('FL-2026-12'))).terms).toBeUndefined();
  });

  it('loses its terms when it is withdrawn', async () => {
    await vendor.json('advisory', 'withdraw', 'FL-2026-11');

    expect(listed('security', '.terms.json')).toEqual([]);
  });

  it('has no waves after its deadline, none of classes, and none where nothing is forced', async () => {
    const late = publish('FL-2026-13', '--waves', '1%,100%@P30D', '--deadline', '2099-01-01T00:00:00Z');
    const soon = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, '');
    late[late.lastIndexOf('2099-01-01T00:00:00Z')] = soon;
    late[late.indexOf('2099-01-01T00:00:00Z')] = soon;

    expect(await vendor.refusal(...late)).toBe('vendor/advisory-contradicts');
    expect(await vendor.refusal(...publish('FL-2026-13', '--waves', '5%[region=eu],100%@PT1H'))).toBe(
      'usage',
    );
    const low = ['--id', 'FL-2026-13', '--severity', 'low', '--title', 't', '--affected', 'core/hole:<1.0.1'];
    expect(await vendor.refusal('advisory', 'publish', ...low, '--exploited')).toBe(
      'vendor/advisory-contradicts',
    );
  });
});
