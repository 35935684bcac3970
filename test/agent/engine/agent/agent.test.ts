// The running agent, round after round: what it asks, what it decides, what it does and what it never does.
import { describe, expect, it } from 'vitest';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { ExplanationReply } from '../../../../shared/protocol/admin.ts';
import { advisory } from '../../../../shared/schema/advisory.ts';
import { DEFAULT_POLICY } from '../../../../shared/schema/policy.ts';
import { createAgentNetwork, POLL_MS, releaseOf } from '../../../support/agent-network.ts';
import { recordOf } from '../../../support/deployments.ts';
import { settle } from '../../../support/fake-clock.ts';

const AWAY = new FairleadError('transport/unreachable', {
  url: 'https://vendor.example',
  problem: 'ECONNREFUSED',
});
const HOUR_MS = 3_600_000;

const channel = (name: 'auto' | 'manual' | 'frozen') =>
  ({ kind: 'readable', policy: { ...DEFAULT_POLICY, channel: name } }) as const;

function criticalFor(versions: string, fixed: string) {
  return advisory.parse({
    schema: 'fairlead/advisory@1',
    id: 'FL-2026-0001',
    title: 'a hole',
    severity: 'critical',
    affected: [{ component: 'core/auth', versions }],
    fixed: [{ component: 'core/auth', version: fixed }],
    order: { deadline: '2026-03-02T10:00:00Z' },
    published: '2026-03-01T09:00:00Z',
    cves: [],
  });
}

describe('rounds', () => {
  it('asks the server at once, then at its interval', async () => {
    const { world, start } = createAgentNetwork();

    await start();
    await world.clock.advance(3 * POLL_MS);

    expect(world.refreshes).toEqual([0, POLL_MS, 2 * POLL_MS, 3 * POLL_MS]);
  });

  it('begin with its own directories in their places, and say what was moved out of them', async () => {
    const { world, start } = createAgentNetwork();
    await start();
    world.inTheWay.push('/var/lib/fairlead/records');

    await world.clock.advance(POLL_MS);

    expect(world.inTheWay).toEqual([]);
    expect(world.logged).toContainEqual({ level: 'error', message: expect.stringContaining('moved aside') });
  });

  it('backs off while the server is away, at most to an hour, and returns to its interval', async () => {
    const { world, start } = createAgentNetwork();
    world.serverError = AWAY;

    await start();
    await world.clock.advance(4 * HOUR_MS);
    const waits = world.refreshes.slice(1).map((at, index) => at - world.refreshes[index]!);
    world.serverError = null;
    await world.clock.advance(HOUR_MS);
    const last = world.refreshes.length;
    await world.clock.advance(POLL_MS);

    expect(waits.slice(0, 4)).toEqual([1, 2, 4, 8].map((minutes) => minutes * POLL_MS));
    expect(Math.max(...waits)).toBeLessThanOrEqual(HOUR_MS);
    expect(world.refreshes.length).toBe(last + 1);
  });

  it('waits as long as the server asks, but never longer than an hour', async () => {
    const { world, start } = createAgentNetwork();
    const busy = (retryAfterSeconds: number) =>
      new FairleadError('transport/refused', {
        url: 'https://vendor.example',
        status: 503,
        problem: 'busy',
        retryAfterSeconds,
      });
    world.serverError = busy(600);

    await start();
    await world.clock.advance(9 * POLL_MS);
    expect(world.refreshes).toHaveLength(1);
    world.serverError = busy(86_400 * 365);
    await world.clock.advance(2 * POLL_MS);
    expect(world.refreshes).toHaveLength(2);
    await world.clock.advance(HOUR_MS);

    expect(world.refreshes).toHaveLength(3);
  });

  it('survives a fault of its own and tries again', async () => {
    const { world, start } = createAgentNetwork();
    const fine = world.deployer.port.current;
    world.deployer.port.current = async () => {
      throw new TypeError('a bug');
    };

    await start();
    world.deployer.port.current = fine;
    await world.clock.advance(POLL_MS);

    expect(world.logged.map(({ message }) => message)).toContain('a round failed');
    expect(world.decisions.value).not.toBeNull();
  });

  it('ends when it is told to, and leaves the services alone', async () => {
    const { world, publish, start, stop } = createAgentNetwork();
    publish(releaseOf('1.0.0'));
    await start();

    await stop();

    expect(world.deployer.generations).toHaveLength(1);
    expect(world.audit.map(({ event }) => event).at(-1)).toBe('agent-stopped');
  });
});

describe('on channel auto', () => {
  it('deploys what the vendor offers, with the decision on disk before anything happens', async () => {
    const { world, publish, start } = createAgentNetwork();
    publish(releaseOf('1.0.0'));
    let decided: unknown = null;
    const deploy = world.deployer.port.deploy;
    world.deployer.port.deploy = (request) => {
      decided = world.decisions.value?.decision;
      return deploy(request);
    };

    await start();
    await world.clock.advance(1000);

    expect(decided).toMatchObject({ verdict: 'apply', target: { kind: 'desired' } });
    expect(world.deployer.records).toMatchObject([
      { id: 1, state: 'committed', actor: 'agent', reason: { kind: 'channel' } },
    ]);
    expect(world.decisions.value?.decision.verdict).toBe('current');
  });

  it('writes a decision down once, not at every look', async () => {
    const { world, start } = createAgentNetwork();

    await start();
    await world.clock.advance(10 * POLL_MS);

    expect(world.decisions.writes).toBe(1);
  });

  it('does not try a release again that failed here', async () => {
    const { world, publish, start } = createAgentNetwork();
    publish(releaseOf('1.0.0'));
    world.deployer.ends = 'rolled-back';

    await start();
    await world.clock.advance(HOUR_MS);

    expect(world.deployer.records).toHaveLength(1);
    expect(world.decisions.value?.decision.blockers.map(({ code }) => code)).toEqual(['quarantined']);
  });

  it('tries a plan that the environment stopped less and less often', async () => {
    const { world, publish, start } = createAgentNetwork();
    publish(releaseOf('1.0.0'));
    world.deployer.ends = 'abandoned';

    await start();
    await world.clock.advance(4 * HOUR_MS);

    // After 1, 2, 4, 8, … minutes: not after every one of 240 polls.
    expect(world.deployer.records).toHaveLength(8);
    expect(world.decisions.value?.decision.blockers.map(({ code }) => code)).toEqual(['retry-later']);
  });

  it.each(['auto', 'manual'] as const)(
    'says of a deployment under way only that, on channel %s: it has not failed, and needs no other yes',
    async (name) => {
      const { ask, publish, start, world } = createAgentNetwork();
      world.policy = channel(name);
      world.deployer.slow = true;
      publish(releaseOf('1.0.0'));
      await start();
      await world.clock.advance(1000);
      if (name === 'manual') await ask('POST', '/v1/apply', { reason: 'go' });
      await world.clock.advance(POLL_MS);

      const { decision } = (await ask('GET', '/v1/explanation')) as ExplanationReply;

      expect([decision.verdict, decision.blockers.map(({ code }) => code)]).toEqual([
        'wait',
        ['deployment-in-progress'],
      ]);
    },
  );

  it('asks again at the last safe point: a freeze that came meanwhile stops the deployment', async () => {
    const { world, publish, start } = createAgentNetwork();
    publish(releaseOf('1.0.0'));
    const deploy = world.deployer.port.deploy;
    world.deployer.port.deploy = (request) => {
      world.policy = channel('frozen');
      return deploy(request);
    };

    await start();

    expect(world.deployer.records.map(({ state }) => state)).toEqual(['abandoned']);
  });

  it('goes on with what is known while the server is away', async () => {
    const { world, publish, start, ask } = createAgentNetwork();
    world.policy = channel('frozen');
    publish(releaseOf('1.0.0'));
    await start();
    world.serverError = AWAY;
    await world.clock.advance(POLL_MS);

    await ask('PUT', '/v1/policy', { edit: { kind: 'channel', channel: 'auto' }, reason: 'go' });
    await settle();

    expect(world.deployer.records).toMatchObject([{ state: 'committed' }]);
  });
});

describe('on channel frozen', () => {
  it('does a forced patch, and nothing else, while decisions cannot be written down', async () => {
    const { world, publish, start } = createAgentNetwork();
    publish(releaseOf('1.0.0'));
    await start();
    await world.clock.advance(POLL_MS);
    world.decisions.write = async (document) => {
      const problem = `EPERM for ${document.decision.verdict}`;
      throw new FairleadError('disk/failed', { path: 'decision.json', problem });
    };
    publish(releaseOf('1.0.1'));
    await world.clock.advance(5 * POLL_MS);
    const before = world.deployer.records.length;

    world.catalog = { ...world.catalog, advisories: [criticalFor('<1.0.1', '1.0.1')] };
    publish(releaseOf('1.0.2'));
    await world.clock.advance(5 * POLL_MS);

    expect(before).toBe(1);
    expect(world.deployer.records.slice(1)).toMatchObject([
      { state: 'committed', reason: { kind: 'forced' } },
    ]);
  });

  it('changes nothing, and a critical advisory all the same', async () => {
    const { world, publish, start } = createAgentNetwork();
    publish(releaseOf('1.0.0'));
    await start();
    world.policy = channel('frozen');
    publish(releaseOf('1.0.1'), releaseOf('2.0.0'));
    await world.clock.advance(POLL_MS);
    expect(world.deployer.records).toHaveLength(1);

    world.catalog = { ...world.catalog, advisories: [criticalFor('<1.0.1', '1.0.1')] };
    publish();
    await world.clock.advance(POLL_MS);

    expect(world.deployer.records.at(-1)).toMatchObject({
      state: 'committed',
      reason: { kind: 'forced', advisories: ['FL-2026-0001'] },
      steps: [{ from: '1.0.0', to: '1.0.1' }],
    });
  });
});

describe('a policy that cannot be read', () => {
  it('freezes the instance, raises an alarm and is recorded once', async () => {
    const { world, publish, start, ask } = createAgentNetwork();
    world.policy = { kind: 'unreadable', problem: 'settings.json is not JSON' };
    publish(releaseOf('1.0.0'));

    await start();
    await world.clock.advance(5 * POLL_MS);

    expect(world.deployer.records).toEqual([]);
    expect(world.audit.filter(({ event }) => event === 'policy-unreadable')).toHaveLength(1);
    expect(await ask('GET', '/v1/status')).toMatchObject({
      channel: 'frozen',
      decision: { verdict: 'blocked' },
      alarms: [expect.stringContaining('settings.json is not JSON')],
    });
  });
});

describe('an instance configuration that cannot be read', () => {
  it('stops ordinary updates and names the field', async () => {
    const { world, publish, start, ask } = createAgentNetwork();
    publish(releaseOf('1.0.0'));
    await start();
    world.config = new FairleadError('document/invalid', {
      document: 'instance.json',
      issues: [{ path: 'trak', expected: 'no such key', found: '"trak"', remedy: 'remove it' }],
    });
    publish(releaseOf('1.1.0'));
    await world.clock.advance(POLL_MS);

    expect(world.deployer.records).toHaveLength(1);
    expect(await ask('GET', '/v1/explanation')).toMatchObject({
      decision: { verdict: 'blocked', blockers: [{ code: 'config-invalid', owner: 'admin' }] },
    });
  });

  it('does not stop a forced patch', async () => {
    const { world, publish, start } = createAgentNetwork();
    publish(releaseOf('1.0.0'));
    await start();
    world.config = new FairleadError('document/invalid', { document: 'instance.json', issues: [] });
    world.catalog = { ...world.catalog, advisories: [criticalFor('<1.0.1', '1.0.1')] };
    publish(releaseOf('1.0.1'));
    await world.clock.advance(POLL_MS);

    expect(world.deployer.records.at(-1)).toMatchObject({ state: 'committed', reason: { kind: 'forced' } });
  });
});

describe('fetching ahead', () => {
  it('holds up neither asking nor a forced patch while a pack drips in', async () => {
    const { world, publish, start } = createAgentNetwork();
    publish(releaseOf('1.0.0'));
    await start();
    world.policy = channel('manual');
    world.packsArrive = new Promise(() => undefined);
    publish(releaseOf('2.0.0'));
    await world.clock.advance(3 * POLL_MS);
    const asked = world.refreshes.length;

    world.catalog = { ...world.catalog, advisories: [criticalFor('<1.0.1', '1.0.1')] };
    publish(releaseOf('1.0.1'));
    await world.clock.advance(3 * POLL_MS);

    expect(world.refreshes.length).toBeGreaterThan(asked);
    expect(world.deployer.records.at(-1)).toMatchObject({
      state: 'committed',
      reason: { kind: 'forced' },
      steps: [{ from: '1.0.0', to: '1.0.1' }],
    });
  });

  it('brings what waits for the operator onto the disk', async () => {
    const { world, publish, start } = createAgentNetwork();
    world.policy = channel('manual');
    const release = releaseOf('1.0.0');
    publish(release);

    await start();

    expect(world.fetched).toEqual([release.document.tree.digest]);
  });

  it('is a switch', async () => {
    const { world, publish, start } = createAgentNetwork();
    world.policy = {
      kind: 'readable',
      policy: { ...DEFAULT_POLICY, channel: 'manual', fetchAhead: false },
    };
    publish(releaseOf('1.0.0'));

    await start();

    expect(world.fetched).toEqual([]);
  });
});

describe('reports', () => {
  it('tell what runs, what was decided and every deployment, each with a number of its own', async () => {
    const { world, publish, start } = createAgentNetwork();
    publish(releaseOf('1.0.0'));

    await start();

    const last = world.reports.at(-1)!;
    expect(last).toMatchObject({
      channel: 'auto',
      track: 'stable',
      decision: { verdict: 'current' },
      components: [{ component: 'core/auth', version: '1.0.0', health: 'healthy' }],
    });
    const numbers = world.reports.map(({ sequence }) => sequence);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    const told = world.reports.flatMap(({ records }) => records);
    expect(told.at(-1)).toMatchObject({ id: 1, state: 'committed' });
  });

  it('lose nothing while the server is away, and stop nothing', async () => {
    const { world, publish, start, ask } = createAgentNetwork();
    world.reportError = AWAY;
    publish(releaseOf('1.0.0'));

    await start();
    expect(world.deployer.records).toMatchObject([{ state: 'committed' }]);
    expect(await ask('GET', '/v1/status')).toMatchObject({ unsentReports: 1 });
    world.reportError = null;
    await world.clock.advance(POLL_MS);

    expect(world.reports.flatMap(({ records }) => records)).toMatchObject([{ id: 1, state: 'committed' }]);
    expect(await ask('GET', '/v1/status')).toMatchObject({ unsentReports: 0 });
  });
});

describe('the audit log', () => {
  it('has the start and the end of every deployment, and why', async () => {
    const { world, publish, start } = createAgentNetwork();
    publish(releaseOf('1.0.0'));

    await start();

    expect(world.audit.map(({ event, details }) => [event, details.state ?? details.reason ?? null])).toEqual(
      [
        ['agent-started', null],
        ['deployment-started', 'channel'],
        ['deployment-ended', 'committed'],
      ],
    );
  });

  it('tells at the start what a killed agent could not tell any more', async () => {
    const { world, start } = createAgentNetwork();
    world.deployer.records.push(recordOf(1, ['planned', 'committed']));

    await start();

    expect(world.audit.map(({ event }) => event)).toEqual([
      'agent-started',
      'deployment-started',
      'deployment-ended',
    ]);
  });

  it('raises an alarm when it is damaged, and stops no deployment', async () => {
    const { world, publish, start, ask } = createAgentNetwork();
    world.auditError = new FairleadError('audit/damaged', { path: 'log', line: 3, problem: 'changed' });
    publish(releaseOf('1.0.0'));

    await start();

    expect(world.deployer.records).toMatchObject([{ state: 'committed' }]);
    expect(await ask('GET', '/v1/status')).toMatchObject({ alarms: [expect.stringContaining('line 3')] });
  });
});

describe('the agent', () => {
  it('begins its log with its version, how the one before ended, and the rules it found', async () => {
    const { world, start } = createAgentNetwork();
    await start();

    expect(world.audit[0]).toEqual({
      event: 'agent-started',
      actor: 'agent',
      details: {
        ...{ version: '1.0.0', previousEnd: null },
        policy: digestOfValue(JSON.parse(JSON.stringify(DEFAULT_POLICY))),
        config: digestOfValue(JSON.parse(JSON.stringify(world.config))),
      },
    });
  });

  it('says in its own log which state a deployment entered, and that a supervisor ended', async () => {
    const network = createAgentNetwork();
    network.world.deployer.port.supervise = () => Promise.reject(new Error('a bug'));
    network.publish(releaseOf('1.0.0'));

    await network.start();

    const said = network.world.logged.map(({ level, message }) => `${level}: ${message}`);
    expect(said).toContain('error: services are no longer supervised');
    expect(said.filter((each) => each === 'info: a deployment entered a state')).toHaveLength(6);
  });

  it('waits for what is under way when it is told to stop, but not for ever', async () => {
    const network = createAgentNetwork();
    const { world } = network;
    let left = (): void => undefined;
    world.deployer.port.leave = () => new Promise((resolve) => (left = resolve));
    await network.start();
    const ended: string[] = [];
    const stopping = network.stop().then(() => void ended.push('patient'));
    await world.clock.advance(79_999);
    expect(ended).toEqual([]);
    left();
    await stopping;
    expect(world.clock.nextWakeIn()).toBeNull();

    const hanging = createAgentNetwork();
    hanging.world.deployer.port.leave = () => new Promise(() => undefined);
    await hanging.start();
    const over = hanging.stop().then(() => void ended.push('impatient'));
    await hanging.world.clock.advance(80_000);
    await over;
    expect(ended).toEqual(['patient', 'impatient']);
  });

  it('reports a change that could not be sent as soon as there is another', async () => {
    const network = createAgentNetwork();
    const { world } = network;
    await network.start();
    const before = world.reports.length;

    world.deployer.onRecord(recordOf(1, ['planned']));
    await world.clock.advance(0);

    expect(world.reports.length).toBe(before + 1);
  });

  it('looks again a minute after a fault of its own', async () => {
    const network = createAgentNetwork();
    const { world } = network;
    const { current } = world.deployer.port;
    world.deployer.port.current = () => Promise.reject(new TypeError('a bug'));
    await network.start();
    world.deployer.port.current = current;

    await world.clock.advance(59_999);
    expect(world.decisions.value).toBeNull();
    await world.clock.advance(1);

    expect(world.decisions.value).not.toBeNull();
  });
});
