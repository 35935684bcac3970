// A server that drips: whatever waits for its packs, a forced patch does not wait behind it.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { INDEX_FILE } from '../../../../agent/adapters/tree-store/layout.ts';
import { createAdminRoutes } from '../../../../agent/engine/agent/admin-routes.ts';
import { deployOffer } from '../../../../agent/engine/agent/deployments.ts';
import { createFetchAhead } from '../../../../agent/engine/agent/fetch-ahead.ts';
import { createOwnDeployments } from '../../../../agent/engine/agent/own-deployments.ts';
import { round } from '../../../../agent/engine/agent/round.ts';
import type { AgentState } from '../../../../agent/engine/agent/state.ts';
import type { Catalog } from '../../../../shared/compile/releases.ts';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { advisory } from '../../../../shared/schema/advisory.ts';
import { DEFAULT_POLICY } from '../../../../shared/schema/policy.ts';
import { agentOf, catalogOf } from '../../../labs/faults/agent-of.ts';
import { fetchPrepared, type InstanceOptions, startInstance } from '../../../labs/faults/instance.ts';
import type { Instance, Scenario } from '../../../labs/faults/laboratory.ts';
import { createVolatileMemory } from '../../../labs/faults/machine.ts';
import { deployable, deployTo, UNDOABLE_ONE as ONE } from '../../../labs/faults/releases.ts';
import { USUAL } from '../../../labs/faults/scenario.ts';
import { API, AUTH, type Deployable } from '../../../support/deploy-releases.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const SCENARIO: Scenario = { ...USUAL, name: 'forced', history: [], act: async () => undefined };
const UNDOABLE = { hooks: {}, reversible: 'yes' };
/** An ordinary update of both, and a fix of one of them. */
const BIG = deployable({ [AUTH]: '1.1.0', [API]: '1.1.0' }, UNDOABLE);
const FIXED = deployable({ [AUTH]: '1.0.1' }, UNDOABLE);
const FIXED_NEXT = deployable({ [AUTH]: '1.1.1' }, UNDOABLE);

const orderFor = (versions: string, version: string) =>
  advisory.parse({
    schema: 'fairlead/advisory@1',
    id: 'FL-2026-0003',
    title: 'a hole',
    severity: 'critical',
    cves: [],
    affected: [{ component: AUTH, versions }],
    fixed: [{ component: AUTH, version }],
    order: { notice: 'PT0S', deadline: '2026-01-20T00:00:00Z' },
    published: '2026-01-20T00:00:00Z',
  });

/** The agent as it runs, with what it does beside its rounds. */
async function agentWith(...history: readonly Deployable[]) {
  const dripping = new Set<string>();
  let waiting = 0;
  let begun = 0;
  const fetchPack: InstanceOptions['fetchPack'] = async (treeHex, file, { signal }) => {
    if (!dripping.has(treeHex)) return fetchPrepared(treeHex, file);
    // What is fetched ahead is waited for by nobody.
    if (signal !== undefined) waiting += 1;
    await new Promise<void>((resolve) => {
      if (signal?.aborted === true) resolve();
      signal?.addEventListener('abort', () => resolve());
    });
    waiting -= 1;
    throw new FairleadError('transport/unreachable', {
      url: 'https://vendor.test',
      problem: 'it was let go',
    });
  };
  const stateDir = temporaryDirectory();
  const options = { stateDir, memory: createVolatileMemory(), scenario: SCENARIO, fetchPack };
  const instance = await startInstance(options as InstanceOptions);
  for (const deployed of history) await deployTo(deployed)(instance);
  let catalog: Catalog = catalogOf(...history);
  const usual = agentOf(instance, catalog);
  const state: AgentState = {
    ...usual,
    offers: {
      ...usual.offers,
      contact: { ...usual.offers.contact, catalog: () => catalog },
      fetchAhead: createFetchAhead({ ...usual, onFetched: () => undefined }),
      own: createOwnDeployments({
        deploy(offer) {
          begun += 1;
          return deployOffer(state, offer).finally(() => {
            begun -= 1;
          });
        },
        onCommitted: () => undefined,
        log: usual.log,
      }),
    },
  };
  return {
    instance,
    state,
    /** Nothing goes on but what drips. */
    async quiet(): Promise<void> {
      const isAtWork = () => begun > 0 || instance.deployer.inProgress() !== null;
      while (isAtWork() && waiting === 0) await setImmediate();
    },
    ask: (method: string, path: string, body: object) =>
      createAdminRoutes(state)({ method, path, body: utf8(JSON.stringify(body)), actor: 'ada' }),
    drip: ({ releases }: Deployable) => {
      for (const { document } of releases.values()) dripping.add(hexOf(document.tree.digest));
    },
    publish: (...released: readonly Deployable[]) => {
      catalog = { ...catalogOf(...history, ...released), advisories: catalog.advisories };
    },
    order: (versions: string, version: string) => {
      catalog = { ...catalog, advisories: [orderFor(versions, version)] };
    },
    policy: (change: object) =>
      writeFileSync(join(stateDir, 'settings.json'), JSON.stringify({ ...DEFAULT_POLICY, ...change })),
  };
}

type Agent = Awaited<ReturnType<typeof agentWith>>;

const MOST_ROUNDS = 200;

/** Rounds go on whatever the deployments do. */
async function rounds({ state, instance, quiet }: Agent, until: () => Promise<boolean>): Promise<boolean> {
  for (let n = 0; n < MOST_ROUNDS; n++) {
    await round(state);
    await quiet();
    if (await until()) return true;
    instance.clock.advance(10_000);
  }
  return false;
}

const runs =
  ({ instance }: Agent, version: string) =>
  async () =>
    (await instance.deployer.current())?.releases.get(AUTH)?.document.version === version;
const isFetching =
  ({ instance }: Agent) =>
  async () =>
    instance.deployer.inProgress()?.state === 'fetching';

describe('a forced patch goes before', () => {
  it.each([
    {
      name: 'an update that the agent began by itself',
      begin: async (agent: Agent) => {
        agent.policy({ channel: 'auto' });
        await rounds(agent, isFetching(agent));
      },
    },
    {
      name: 'an update that was approved',
      begin: async (agent: Agent) => {
        agent.policy({ channel: 'manual', fetchAhead: false });
        await round(agent.state);
        const plan = (await agent.state.records.decisions.read())?.decision.target?.plan;
        await agent.ask('POST', '/v1/approvals', { plan, verdict: 'approve', reason: 'tested' });
        await rounds(agent, isFetching(agent));
      },
    },
    {
      name: 'an update that an operator applies',
      begin: async (agent: Agent) => {
        agent.policy({ channel: 'manual', fetchAhead: false });
        await agent.ask('POST', '/v1/apply', { reason: 'now', override: [] });
        await rounds(agent, isFetching(agent));
      },
    },
  ])('$name and whose pack drips', async ({ begin }) => {
    const agent = await agentWith(ONE);
    agent.drip(BIG);
    agent.publish(BIG, FIXED);
    await begin(agent);
    expect(agent.instance.deployer.inProgress()?.state).toBe('fetching');
    const slow = agent.instance.deployer.inProgress()?.id;

    agent.order('<1.0.1', '1.0.1');

    expect(await rounds(agent, runs(agent, '1.0.1'))).toBe(true);
    const record = (await agent.instance.deployer.records()).find(({ id }) => id === slow);
    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/gave-way' } });
    expect(await agent.instance.deployer.quarantine()).toEqual([]);
  });

  it('the second try of an update that failed before', async () => {
    const agent = await agentWith(ONE);
    agent.policy({ channel: 'auto', fetchAhead: false });
    agent.publish(BIG, FIXED);
    agent.drip(BIG);
    await rounds(agent, isFetching(agent));
    agent.instance.deployer.giveWay('another plan');
    expect(await rounds(agent, isFetching(agent))).toBe(true);

    agent.order('<1.0.1', '1.0.1');

    expect(await rounds(agent, runs(agent, '1.0.1'))).toBe(true);
  });

  it('a rollback whose pack is gone and drips', async () => {
    const agent = await agentWith(ONE, BIG);
    agent.policy({ channel: 'frozen' });
    agent.publish(FIXED_NEXT);
    for (const { document } of ONE.releases.values()) {
      rmSync(join(agent.instance.trees.directoryOf(document.tree.digest), '..'), {
        recursive: true,
        force: true,
      });
    }
    agent.drip(ONE);
    await agent.ask('POST', '/v1/rollback', { reason: 'slow', acceptRisk: [] });
    await rounds(agent, isFetching(agent));
    expect(agent.instance.deployer.inProgress()).toMatchObject({ state: 'fetching' });

    agent.order('<1.1.1', '1.1.1');

    expect(await rounds(agent, runs(agent, '1.1.1'))).toBe(true);
  });

  it('a repair that waits for the server', async () => {
    const agent = await agentWith(ONE);
    agent.publish(FIXED);
    await damageOne(agent.instance, ONE);
    agent.drip(ONE);
    const repairing = agent.ask('POST', '/v1/verify/repair', { reason: 'changed', removeAdded: false });
    repairing.catch(() => undefined);
    await setImmediate();

    agent.order('<1.0.1', '1.0.1');

    expect(await rounds(agent, runs(agent, '1.0.1'))).toBe(true);
    await expect(repairing).rejects.toMatchObject({ code: 'transport/unreachable' });
  });

  it('what is fetched ahead', async () => {
    const agent = await agentWith(ONE);
    agent.policy({ channel: 'manual' });
    agent.publish(BIG, FIXED);
    agent.drip(BIG);
    await round(agent.state);

    agent.order('<1.0.1', '1.0.1');

    expect(await rounds(agent, runs(agent, '1.0.1'))).toBe(true);
  });
});

it('goes without mending its way back where the server does not give what that takes', async () => {
  const agent = await agentWith(ONE);
  agent.publish(FIXED);
  await damageOne(agent.instance, ONE);
  agent.drip(ONE);

  agent.order('<1.0.1', '1.0.1');

  expect(await rounds(agent, runs(agent, '1.0.1'))).toBe(true);
  const record = (await agent.instance.deployer.records()).at(-1);
  expect(record?.drift).toMatchObject([{ component: AUTH, mended: false }]);
});

it('does not end its own deployment, however often it is decided', async () => {
  const agent = await agentWith(ONE);
  agent.publish(FIXED);
  agent.drip(FIXED);
  agent.order('<1.0.1', '1.0.1');

  let left = 5;
  await rounds(agent, async () => left-- === 0);

  expect(agent.instance.deployer.inProgress()).toMatchObject({ state: 'fetching' });
  expect(await agent.instance.deployer.records()).toHaveLength(2);
});

/** Without its index nothing on this machine can mend a tree. */
async function damageOne({ trees }: Instance, { releases }: Deployable): Promise<void> {
  const { digest } = releases.get(AUTH)!.document.tree;
  rmSync(join(trees.directoryOf(digest), '..', INDEX_FILE));
}
