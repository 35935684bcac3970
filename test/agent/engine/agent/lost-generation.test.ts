// The documents of what runs are gone at the start: nothing replaces it, and the decision says so in place of rounds that only fail.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createAdminRoutes } from '../../../../agent/engine/agent/admin-routes.ts';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { agentOf, catalogOf, roundToEnd } from '../../../labs/faults/agent-of.ts';
import { type InstanceOptions, startInstance } from '../../../labs/faults/instance.ts';
import type { Scenario } from '../../../labs/faults/laboratory.ts';
import { createVolatileMemory } from '../../../labs/faults/machine.ts';
import { ONE, TWO } from '../../../labs/faults/releases.ts';
import { prepareHistory, USUAL } from '../../../labs/faults/scenario.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const SCENARIO: Scenario = { ...USUAL, name: 'lost', history: [ONE], act: async () => undefined };

it('is a reason with a remedy, and what runs is left alone', async () => {
  const options = {
    stateDir: temporaryDirectory(),
    memory: createVolatileMemory(),
    scenario: SCENARIO,
  } as InstanceOptions;
  const instance = await startInstance(options);
  await prepareHistory(instance, SCENARIO);
  const before = options.memory.read();
  rmSync(join(options.stateDir, 'generations', '1'), { recursive: true });

  // An agent that had read them before would write them again.
  const state = agentOf(await startInstance(options), catalogOf(ONE, TWO));
  await roundToEnd(state);

  const decision = (await state.records.decisions.read())?.decision;
  expect(decision?.verdict).toBe('blocked');
  expect(decision?.blockers.map(({ code }) => code)).toContain('generation-damaged');
  expect(options.memory.read()).toEqual(before);
  const ask = createAdminRoutes(state);
  for (const path of ['/v1/explanation', '/v1/status']) {
    const answer = await ask({ method: 'GET', path, body: utf8(''), actor: 'ada' });
    expect(JSON.stringify(answer)).toContain('generation-damaged');
  }
});
