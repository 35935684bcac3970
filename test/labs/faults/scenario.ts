// What scenarios have in common, and how an instance is brought to where one starts.
import type { Instance, Scenario } from './laboratory.ts';
import { deployNext, deployTo } from './releases.ts';

export const USUAL = {
  keepGenerations: 5,
  behaviours: {},
  services: 'noted',
  next: deployNext,
  end: 'committed',
} as const;

export async function prepareHistory(instance: Instance, scenario: Scenario): Promise<void> {
  for (const deployable of scenario.history) await deployTo(deployable)(instance);
  await scenario.before?.(instance);
  await instance.settled();
}
