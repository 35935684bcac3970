// What was decided and could not even begin has no record that tells of it: the status does, until it begins.
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { deployOffer } from '../../../../agent/engine/agent/deployments.ts';
import { createOwnDeployments } from '../../../../agent/engine/agent/own-deployments.ts';
import { round } from '../../../../agent/engine/agent/round.ts';
import type { AgentState } from '../../../../agent/engine/agent/state.ts';
import { readStatus } from '../../../../agent/engine/agent/status.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { DEFAULT_POLICY } from '../../../../shared/schema/policy.ts';
import { agentOf, catalogOf } from '../../../labs/faults/agent-of.ts';
import { type InstanceOptions, startInstance } from '../../../labs/faults/instance.ts';
import type { Scenario } from '../../../labs/faults/laboratory.ts';
import { createVolatileMemory } from '../../../labs/faults/machine.ts';
import { ONE, ORDER, UNDOABLE_TWO as TWO } from '../../../labs/faults/releases.ts';
import { prepareHistory, USUAL } from '../../../labs/faults/scenario.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const SCENARIO: Scenario = { ...USUAL, name: 'not begun', history: [ONE], act: async () => undefined };

async function agent() {
  const stateDir = temporaryDirectory();
  const options = { stateDir, memory: createVolatileMemory(), scenario: SCENARIO } as InstanceOptions;
  const instance = await startInstance(options);
  writeFileSync(join(stateDir, 'settings.json'), JSON.stringify(DEFAULT_POLICY));
  await prepareHistory(instance, SCENARIO);
  const usual = agentOf(instance, catalogOf(ONE, TWO));
  let begun: Promise<unknown> = Promise.resolve();
  const own = createOwnDeployments({
    deploy(offer) {
      const deployed = deployOffer(state, offer);
      begun = deployed.catch(() => undefined);
      return deployed;
    },
    onCommitted: () => undefined,
    log: usual.log,
  });
  const state: AgentState = { ...usual, offers: { ...usual.offers, own } };
  return {
    stateDir,
    async alarms() {
      await round(state);
      await begun;
      return (await readStatus(state)).alarms;
    },
  };
}

it('says what keeps it from beginning, and no more once it has begun', async () => {
  const { stateDir, alarms } = await agent();
  const [journal, away] = [join(stateDir, 'journal'), join(stateDir, 'elsewhere')];
  renameSync(journal, away);
  writeFileSync(journal, '');

  expect(await alarms()).toEqual([expect.stringMatching(/^what was decided cannot begin: .*journal/)]);

  rmSync(journal);
  renameSync(away, journal);
  expect(await alarms()).toEqual([]);
});

it.each([
  ['its turn comes', new FairleadError('deploy/busy', { deployment: 7 }), null],
  ['the disk does not take it', new FairleadError('disk/failed', { path: '/x', problem: 'EPERM' }), '/x'],
  ['a fault of the agent', new TypeError('oh'), 'its log'],
])('keeps in mind why: %s', async (_, error, said) => {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const own = createOwnDeployments({
    deploy: async () => Promise.reject(error),
    onCommitted: () => undefined,
    log,
  });

  own.begin({ plan: ORDER } as never);
  await new Promise((resolve) => setImmediate(resolve));

  if (said === null) expect(own.problem()).toBeNull();
  else expect(own.problem()).toContain(said);
});
