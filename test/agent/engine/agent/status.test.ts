// What an agent answers, whole: each part of an answer is there, is what it says, and goes when its reason goes.
import { describe, expect, it } from 'vitest';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { ExplanationReply, StatusReply } from '../../../../shared/protocol/admin.ts';
import { advisory } from '../../../../shared/schema/advisory.ts';
import { advisoryDetails } from '../../../../shared/schema/advisory-details.ts';
import { orderTerms } from '../../../../shared/schema/order-terms.ts';
import { DEFAULT_POLICY } from '../../../../shared/schema/policy.ts';
import { createAgentNetwork, INSTANCE, POLL_MS, releaseOf } from '../../../support/agent-network.ts';
import { recordOf } from '../../../support/deployments.ts';

const TREE = releaseOf('1.0.0').document.tree.digest;
const ASKED_AT = '2026-03-01T10:00:00Z';
const NOW = '2026-03-01T10:00:01Z';
const CONTACT = { at: ASKED_AT, outcome: 'changed', failure: null, next: '2026-03-01T10:01:00Z' };

/** 1.0.0 runs; a second has passed since. */
async function running() {
  const network = createAgentNetwork();
  network.publish(releaseOf('1.0.0'));
  await network.start();
  await network.world.clock.advance(1000);
  const { world, ask } = network;
  const status = async () => (await ask('GET', '/v1/status')) as StatusReply;
  const explained = async (body: object = { assume: [] }) =>
    (await ask('POST', '/v1/what-if', body)) as ExplanationReply;
  const manifest = () => digestOfValue(world.deployer.generations.at(-1)?.manifest ?? null);
  const hold = (until: string) => {
    const held = { since: ASKED_AT, until, reason: 'sale', by: 'ada' };
    world.policy = { kind: 'readable', policy: { ...DEFAULT_POLICY, hold: held } };
  };
  return { ...network, status, explained, manifest, hold };
}

describe('the status', () => {
  it('of an instance that runs something', async () => {
    const { status, manifest } = await running();

    expect(await status()).toEqual({
      schema: 'fairlead/status@1',
      at: NOW,
      agentVersion: '1.0.0',
      instance: { id: INSTANCE, name: 'first-customer', server: 'https://vendor.example' },
      channel: 'auto',
      track: 'stable',
      generation: 1,
      manifest: manifest(),
      components: [
        {
          component: 'core/auth',
          version: '1.0.0',
          tree: TREE,
          origin: 'latest',
          health: 'healthy',
          service: 'running (pid 7)',
        },
      ],
      decision: { verdict: 'current', target: null, blockers: [], exposed: [] },
      freshness: { state: 'fresh', expires: '2026-03-02T10:00:00Z' },
      contact: CONTACT,
      hints: null,
      hold: null,
      inProgress: null,
      quarantine: [],
      ...{ unsentReports: 0, proposals: 0 },
      reporting: { refusal: null, twinsHeard: null },
      alarms: [],
    });
  });

  it('of an instance where nothing runs', async () => {
    const network = createAgentNetwork();
    network.world.freshness = { state: 'never', expires: null };

    expect(await network.ask('GET', '/v1/status')).toMatchObject({
      ...{ at: ASKED_AT, generation: null, manifest: null, components: [], contact: null },
      freshness: { state: 'never', expires: null },
    });
  });

  it('names what is held until then, and no longer', async () => {
    const { status, hold } = await running();

    hold('2026-03-01T10:00:02Z');
    expect((await status()).hold).toEqual({ until: '2026-03-01T10:00:02Z', by: 'ada', reason: 'sale' });
    hold(NOW);
    expect((await status()).hold).toBeNull();
  });

  it('tells of quarantine what an operator needs, and not which manifest it was', async () => {
    const { world, status } = await running();
    const entry = { component: 'core/auth' as never, version: '1.0.5', since: NOW, reason: 'red', record: 2 };
    world.deployer.quarantine.push({ ...entry, release: 'sha256:1', attempts: 2 });

    expect((await status()).quarantine).toEqual([{ ...entry, attempts: 2 }]);
  });

  it.each([
    ['runs as more than one process', { kind: 'running', pid: null }, 'running'],
    ['has ended', { kind: 'exited', detail: 'status 1' }, 'exited: status 1'],
    ['is not there', { kind: 'absent' }, 'absent'],
  ] as const)('of a service that %s', async (_what, state, service) => {
    const { world, status } = await running();
    world.deployer.port.health = async () => [
      { component: 'core/api' as never, status: { kind: 'running', pid: 1 }, health: 'healthy' },
      { component: 'core/auth' as never, status: state, health: 'unhealthy' },
    ];

    expect((await status()).components).toMatchObject([{ service, health: 'unhealthy' }]);
  });

  it('of a service that nobody could ask about', async () => {
    const { world, status } = await running();
    world.deployer.port.health = async () => [];

    expect((await status()).components).toMatchObject([{ service: 'absent', health: 'unknown' }]);
  });

  it('names a file that was lost, whichever the agent keeps, and the identity', async () => {
    const { world, status } = await running();
    world.deployer.quarantineDamage = 'the quarantine was lost';
    world.deployer.generationDamages = ['generation 1 was lost'];
    const stores = {
      approvals: 'approvals',
      decisions: 'decision',
      outbox: 'outbox',
      reporting: 'word about reports',
    } as const;
    for (const [store, name] of Object.entries(stores)) {
      world[store as keyof typeof stores].damage = async () => `the ${name} was lost` as never;
    }
    world.verification.damage = async () => 'the verification was lost' as never;

    expect((await status()).alarms).toEqual([
      'the quarantine was lost',
      'the approvals was lost',
      'the decision was lost',
      'the outbox was lost',
      'the verification was lost',
      'the word about reports was lost',
      'generation 1 was lost',
    ]);
  });

  it('holds nothing against what runs that was found in the files of a version before it', async () => {
    const { world, status } = await running();
    const deviations = [{ path: 'server.js', problem: 'changed' as const }];
    const found = { component: 'core/auth' as never, version: '0.9.0' as never, deviations };
    const verified = (tree: string) => ({
      schema: 'fairlead/verification@1' as const,
      at: NOW,
      components: [{ ...found, tree: tree as never }],
    });

    await world.verification.write(verified(digestOfValue('an older tree')));
    expect((await status()).alarms).toEqual([]);
    await world.verification.write({
      ...verified(TREE),
      components: [{ ...found, tree: TREE, component: 'core/api' as never }],
    });
    expect((await status()).alarms).toEqual([]);
    await world.verification.write(verified(TREE));
    expect((await status()).alarms).toEqual([expect.stringContaining('core/auth')]);
  });

  it('calls for a person about what ended neither old nor new, and about what degraded', async () => {
    const { world, status } = await running();
    world.deployer.records.push(recordOf(7, ['inconsistent']));
    world.deployer.degradations.push({ component: 'core/auth' as never, since: NOW, detail: 'HTTP 503' });

    expect((await status()).alarms).toEqual([
      expect.stringContaining('change 7'),
      expect.stringContaining('HTTP 503'),
    ]);
  });
});

describe('an explanation', () => {
  it('of what is on offer', async () => {
    const { world, publish, ask, explained } = await running();
    world.policy = { kind: 'readable', policy: { ...DEFAULT_POLICY, channel: 'manual' } };
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');

    const reply = await explained();

    expect(reply).toMatchObject({
      ...{ schema: 'fairlead/explanation@1', at: NOW, assumed: [], pins: [] },
      openings: [{ opens: NOW, closes: null }],
      plan: { steps: [{ from: '1.0.0', to: '1.1.0' }] },
      moves: [
        {
          ...{ action: 'update', component: 'core/auth', from: '1.0.0', to: '1.1.0' },
          ...{ origin: 'latest', bytes: 100 },
        },
      ],
      interruptionMs: null,
      inProgress: null,
      contact: { at: NOW, outcome: 'changed' },
    });
    expect(reply.rollbackMs).toBeGreaterThan(0);
  });

  it('of nothing has neither a plan nor a time to go back in', async () => {
    const { explained } = await running();

    const reply = await explained();

    expect(reply).toMatchObject({ plan: null, moves: [], contact: CONTACT });
    expect(reply).not.toHaveProperty('rollbackMs');
  });

  it('tells which decision is on the record, and whether it is still this one', async () => {
    const { world, explained } = await running();
    expect((await explained()).recorded).toEqual({ since: ASKED_AT, isSame: true });

    world.freshness = { state: 'expired', expires: 0 };
    expect((await explained()).recorded).toEqual({ since: ASKED_AT, isSame: false });
    expect((await explained({ assume: ['window'] })).recorded).toBeNull();
    expect((await explained({ at: '2026-03-01T12:00:00Z' })).recorded).toBeNull();
    world.decisions.value = null;
    expect((await explained()).recorded).toBeNull();
  });

  it('of another moment tells nothing of the server, and of no deployment under way', async () => {
    const { world, publish, ask, explained } = await running();
    world.deployer.slow = true;
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');
    await world.clock.advance(1000);

    expect(await explained({ at: '2026-03-01T12:00:00Z' })).toMatchObject({
      ...{ at: '2026-03-01T12:00:00Z', assumed: [], inProgress: null, contact: null },
    });
    expect(await explained({ assume: ['window'] })).toMatchObject({
      ...{ assumed: ['window'], inProgress: { id: 2 }, contact: { outcome: 'changed' } },
    });
  });
});

describe('a report', () => {
  it('tells what runs and what was decided', async () => {
    const { world, manifest } = await running();
    await world.clock.advance(60_000);

    expect(world.reports.at(-1)).toEqual({
      schema: 'fairlead/report@1',
      at: '2026-03-01T10:01:00Z',
      sequence: world.reports.length,
      agentVersion: '1.0.0',
      channel: 'auto',
      track: 'stable',
      manifest: manifest(),
      components: [{ component: 'core/auth', version: '1.0.0', tree: TREE, health: 'healthy' }],
      decision: { verdict: 'current', target: null, blockers: [], exposed: [] },
      records: [],
    });
  });

  it('of an instance where nothing runs says so', async () => {
    const { world, start } = createAgentNetwork();

    await start();

    expect(world.reports[0]).toMatchObject({ sequence: 1, manifest: null, components: [], records: [] });
  });
});

describe('a verification', () => {
  it('is answered and kept, for every component that runs', async () => {
    const { world, ask } = await running();
    world.drift.set(TREE, [{ path: 'server.js', problem: 'missing' }]);

    const reply = await ask('POST', '/v1/verify');

    expect(reply).toEqual({
      schema: 'fairlead/verification@1',
      at: NOW,
      components: [
        {
          ...{ component: 'core/auth', version: '1.0.0', tree: TREE },
          deviations: [{ path: 'server.js', problem: 'missing' }],
        },
      ],
    });
    expect(world.verification.value).toEqual(reply);
  });

  it('where nothing runs finds nothing', async () => {
    const { ask } = createAgentNetwork();

    expect(await ask('POST', '/v1/verify')).toMatchObject({ at: ASKED_AT, components: [] });
  });
});

describe('advisories', () => {
  it('are listed with all that was signed, the order’s deadline, and what of it runs here', async () => {
    const { world, publish, ask } = await running();
    const hole = (id: string, more: object) =>
      advisory.parse({
        ...{ schema: 'fairlead/advisory@1', id, title: 'a hole', severity: 'low', published: ASKED_AT },
        ...{ affected: [{ component: 'core/auth', versions: '2.x' }], fixed: [], cves: ['CVE-2026-0001'] },
        ...more,
      });
    const order = { deadline: '2026-03-09T10:00:00Z' };
    const terms = orderTerms.parse({
      ...{ schema: 'fairlead/order-terms@1', advisory: 'FL-2', exploited: true, seed: 's' },
      ...{ start: '2026-03-04T10:00:00Z', waves: [{ percent: 100, after: 'P9D' }] },
    });
    const details = advisoryDetails.parse({
      ...{ schema: 'fairlead/advisory-details@1', advisory: 'FL-1' },
      exploitedSince: '2026-03-01T10:00:00Z',
    });
    world.catalog = {
      ...world.catalog,
      advisories: [
        { ...hole('FL-1', {}), details },
        { ...hole('FL-2', { severity: 'critical', order, withdrawn: true }), terms },
      ],
    };
    publish();
    await ask('POST', '/v1/check');
    const same = { title: 'a hole', cves: ['CVE-2026-0001'], published: ASKED_AT, affects: [] };

    expect(await ask('GET', '/v1/advisories')).toEqual({
      schema: 'fairlead/advisories@1',
      advisories: [
        { id: 'FL-1', severity: 'low', deadline: null, exploited: true, withdrawn: false, details, ...same },
        {
          ...{ id: 'FL-2', severity: 'critical', deadline: order.deadline, withdrawn: true, ...same },
          // No wave counts after the deadline.
          ...{ exploited: true, forced: order.deadline },
        },
      ],
    });
    const empty = createAgentNetwork();
    empty.world.catalog = world.catalog;
    await empty.start();
    expect(await empty.ask('GET', '/v1/advisories')).toMatchObject({ advisories: [{ affects: [] }, {}] });
  });
});

describe('what the server says of this install', () => {
  const refused = (status: number, said?: string) =>
    new FairleadError('transport/refused', {
      ...{ url: 'https://vendor.example/api/v1/reports', status, problem: 'it is isolated' },
      ...(said === undefined ? {} : { said }),
    });

  it.each([
    ['under its own code', refused(403, 'instance/isolated'), 'instance/isolated'],
    ['without one', refused(401), 'auth/refused'],
  ])('is an alarm when it takes no word from here, %s, until it does', async (_what, error, code) => {
    const { world, status } = await running();
    world.reportError = error;
    await world.clock.advance(2 * POLL_MS);

    expect((await status()).reporting?.refusal).toEqual({ code, message: 'it is isolated' });
    expect((await status()).alarms).toEqual([
      `the server takes no report from this install: it is isolated (${code})`,
    ]);

    world.reportError = null;
    await world.clock.advance(2 * POLL_MS);
    expect((await status()).alarms).toEqual([]);
  });

  it.each([
    ['a server that is busy', refused(503)],
    ['one that cannot be reached', new FairleadError('transport/unreachable', { url: 'x', problem: 'y' })],
  ])('is no alarm from %s', async (_what, error) => {
    const { world, status } = await running();
    world.reportError = error;
    await world.clock.advance(2 * POLL_MS);

    expect((await status()).reporting?.refusal).toBeNull();
  });

  it('is an alarm while another speaks in its name, and none once it is silent', async () => {
    const { world, status } = await running();
    world.twinsHeard = ASKED_AT;
    await world.clock.advance(2 * POLL_MS);

    expect((await status()).alarms).toEqual([expect.stringContaining('fairlead agent move --copy')]);

    world.twinsHeard = null;
    await world.clock.advance(2 * POLL_MS);
    expect((await status()).alarms).toEqual([]);
  });

  it('keeps nothing from being updated', async () => {
    const { world, status, publish } = await running();
    world.reportError = refused(403, 'instance/isolated');
    publish(releaseOf('1.1.0'));
    await world.clock.advance(4 * POLL_MS);

    expect((await status()).components).toMatchObject([{ version: '1.1.0' }]);
  });
});
