// Everything the laboratory can interrupt: how it is prepared, done, and judged afterwards.
import type { Acknowledge, Acknowledged } from './acknowledged.ts';
import { type Place, startInstance } from './instance.ts';
import { judgeDeployment, type Verdict } from './judge.ts';
import { prepareHistory, type Scenario } from './scenario.ts';
import { PROCESSES, SCENARIOS } from './scenarios.ts';
import { TRUST_OPERATION } from './trust-operation.ts';

export interface Operation {
  readonly name: string;
  /** Brings a new instance to where the operation starts. */
  prepare(place: Place): Promise<void>;
  perform(place: Place, acknowledge: Acknowledge): Promise<void>;
  /** What the next process does with it by itself. */
  recover(place: Place, acknowledge: Acknowledge): Promise<void>;
  /** After whatever happened to it: brings it to its end and says which promises were broken. */
  judge(place: Place, acknowledged: readonly Acknowledged[]): Promise<Verdict>;
}

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
