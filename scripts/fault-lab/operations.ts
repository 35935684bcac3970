// Everything the laboratory can interrupt: how it is prepared, done, and judged afterwards.
import type { Acknowledge, Acknowledged } from './acknowledged.ts';
import { type Place, startInstance } from './instance.ts';
import { judgeDeployment, type Verdict } from './judge.ts';
import { POLICY_OPERATION } from './policy-operation.ts';
import { deployHistory, PROCESSES, SCENARIOS, type Scenario } from './scenarios.ts';
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

export const OPERATIONS: readonly Operation[] = [
  ...SCENARIOS.map(deploymentOperation),
  TRUST_OPERATION,
  POLICY_OPERATION,
];

export function operationsNamed(names?: readonly string[]): readonly Operation[] {
  return OPERATIONS.filter(({ name }) => names === undefined || names.includes(name));
}

export const PROCESSES_OPERATION = deploymentOperation(PROCESSES);

function deploymentOperation(scenario: Scenario): Operation {
  return {
    name: scenario.name,
    prepare: async (place) => deployHistory(await startInstance({ ...place, scenario }), scenario),
    async perform(place, acknowledge) {
      const instance = await startInstance({ ...place, scenario, acknowledge });
      await scenario.act(instance);
      await instance.settled();
    },
    async recover(place, acknowledge) {
      await (await startInstance({ ...place, scenario, acknowledge })).settled();
    },
    judge: (place, acknowledged) => judgeDeployment(place, scenario, acknowledged),
  };
}
