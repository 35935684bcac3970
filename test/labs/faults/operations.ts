// Everything the laboratory can interrupt: how it is prepared, done, and judged afterwards.
import { startInstance } from './instance.ts';
import { judgeDeployment } from './judge.ts';
import type { Operation, Scenario } from './laboratory.ts';
import { prepareHistory } from './scenario.ts';
import { PROCESSES, SCENARIOS } from './scenarios.ts';
import { TRUST_OPERATION } from './trust-operation.ts';

export const OPERATIONS: readonly Operation[] = [...SCENARIOS.map(deploymentOperation), TRUST_OPERATION];

export function operationsNamed(names?: readonly string[]): readonly Operation[] {
  return OPERATIONS.filter(({ name }) => names === undefined || names.includes(name));
}

export const PROCESSES_OPERATION = deploymentOperation(PROCESSES);

function deploymentOperation(scenario: Scenario): Operation {
  return {
    name: scenario.name,
    async prepare(place) {
      await prepareHistory(
        await startInstance({ ...place, scenario: { ...scenario, behaviours: {} } }),
        scenario,
      );
    },
    async perform(place, acknowledge) {
      const instance = await startInstance({ ...place, scenario, acknowledge });
      await scenario.act(instance, acknowledge);
      await instance.settled();
    },
    async recover(place, acknowledge) {
      const instance = await startInstance({ ...place, scenario, acknowledge });
      await scenario.goOn?.(instance);
      await instance.settled();
    },
    judge: (place, acknowledged) => judgeDeployment(place, scenario, acknowledged),
  };
}
