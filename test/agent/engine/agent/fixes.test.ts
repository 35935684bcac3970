// A fix that the policy lets in, as the agent deploys it: alone, in its window, on the record, and told to a server that reads of it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Offer } from '../../../../agent/core/conclude.ts';
import { deployOffer } from '../../../../agent/engine/agent/deployments.ts';
import { round } from '../../../../agent/engine/agent/round.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { DEFAULT_POLICY, type Policy } from '../../../../shared/schema/policy.ts';
import { agentOf, catalogOf, roundToEnd } from '../../../labs/faults/agent-of.ts';
import { type InstanceOptions, startInstance } from '../../../labs/faults/instance.ts';
import type { Scenario } from '../../../labs/faults/laboratory.ts';
import { createVolatileMemory } from '../../../labs/faults/machine.ts';
import { deployable, ONE, ORDER } from '../../../labs/faults/releases.ts';
import { prepareHistory, USUAL } from '../../../labs/faults/scenario.ts';
import { API, AUTH, type Deployable } from '../../../support/deploy-releases.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const HOUR_MS = 3_600_000;
const SCENARIO: Scenario = { ...USUAL, name: 'forced', history: [ONE], act: async () => undefined };
const { order: _, ...NOBODY_ORDERS } = ORDER;
const HIGH = { ...NOBODY_ORDERS, severity: 'high' as const };

async function instanceWith(policy: Partial<Policy>, ...releases: readonly Deployable[]) {
  const options = { stateDir: temporaryDirectory(), memory: createVolatileMemory(), scenario: SCENARIO };
  const instance = await startInstance(options as InstanceOptions);
  await prepareHistory(instance, SCENARIO);
  writeFileSync(join(options.stateDir, 'settings.json'), JSON.stringify({ ...DEFAULT_POLICY, ...policy }));
  const state = agentOf(instance, { ...catalogOf(ONE, ...releases), advisories: [HIGH] });
  const runs = async () => (await instance.deployer.current())?.releases.get(AUTH)?.document.version;
  return { instance, state, runs };
}

const FROZEN = { channel: 'frozen', security: { from: 'high' } } as const;

describe('the agent of a policy that lets fixes in', () => {
  it.each(['frozen', 'manual', 'auto'] as const)(
    'deploys one on %s, and the record says that nothing else moved',
    async (channel) => {
      const next = [
        deployable({ [AUTH]: '1.0.1', [API]: '1.0.0' }),
        deployable({ [AUTH]: '1.1.0', [API]: '1.1.0' }),
      ];
      const { instance, state, runs } = await instanceWith({ ...FROZEN, channel }, ...next);

      await roundToEnd(state);
      await instance.settled();

      expect(await runs()).toBe('1.0.1');
      const record = (await instance.deployer.records()).at(-1);
      expect(record).toMatchObject({ state: 'committed', actor: 'agent', reason: { kind: 'channel' } });
      expect(record?.fix).toEqual({ by: 'policy', advisories: [HIGH.id], beside: [] });
      expect(record?.steps.map(({ component }) => component)).toEqual([AUTH]);
      const entries = await instance.audit.entries();
      expect(entries.filter(({ event }) => event === 'deployment-started').at(-1)?.details).toMatchObject({
        fix: HIGH.id,
      });
    },
  );

  it('waits with it for the window, and says so', async () => {
    const { instance, state, runs } = await instanceWith(
      FROZEN,
      deployable({ [AUTH]: '1.0.1', [API]: '1.0.0' }),
    );
    const opens = new Date(Math.floor(instance.clock.now() / HOUR_MS) * HOUR_MS + 3 * HOUR_MS);
    const night = { name: 'night', cron: `0 ${opens.getUTCHours()} * * *`, duration: 'PT1H', zone: 'UTC' };
    const windows = { allow: [night], deny: [] };
    writeFileSync(
      join(instance.stateDir, 'settings.json'),
      JSON.stringify({ ...DEFAULT_POLICY, ...FROZEN, windows }),
    );

    await roundToEnd(state);
    expect(await runs()).toBe('1.0.0');
    expect((await state.records.decisions.read())?.decision).toMatchObject({
      ...{ verdict: 'wait', fix: { by: 'policy', advisories: [HIGH.id] } },
      blockers: [{ code: 'window-closed', clearsAt: formatInstant(opens.getTime()) }],
    });

    instance.clock.advance(3 * HOUR_MS);
    await roundToEnd(state);
    await instance.settled();
    expect(await runs()).toBe('1.0.1');
  });

  it('starts none that the policy stopped letting in while it was fetched', async () => {
    const { instance, state, runs } = await instanceWith(
      FROZEN,
      deployable({ [AUTH]: '1.0.1', [API]: '1.0.0' }),
    );
    const begun: Offer[] = [];
    const own = { ...state.offers.own, begin: (offer: Offer) => void begun.push(offer) };
    await round({ ...state, offers: { ...state.offers, own } });
    expect(begun[0]?.fix?.by).toBe('policy');
    const settings = JSON.stringify({ ...DEFAULT_POLICY, channel: 'frozen' });
    writeFileSync(join(instance.stateDir, 'settings.json'), settings);

    const record = await deployOffer(state, begun[0]!);

    expect(record).toMatchObject({ state: 'abandoned', failure: { code: 'deploy/no-longer-allowed' } });
    expect(await runs()).toBe('1.0.0');
  });

  it('leaves it alone where the policy does not say so', async () => {
    const { instance, state, runs } = await instanceWith(
      { channel: 'frozen' },
      deployable({ [AUTH]: '1.0.1' }),
    );

    await roundToEnd(state);
    await instance.settled();

    expect(await runs()).toBe('1.0.0');
  });
});
