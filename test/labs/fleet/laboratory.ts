// Plays a scenario to its end, and says which of its goals were missed.
import { createFleet, START } from './fleet.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import type { Scenario } from './scenarios.ts';
import { ORDER_WAVES, WAVES } from './vendor.ts';

export interface LabOptions {
  readonly count: number;
  readonly seed: number;
  /** Off, to see what the fleet would come to without the server's judgement. */
  readonly isGuarded?: boolean;
  /** Other waves than those of the guide. */
  readonly waves?: string;
  readonly orderWaves?: string;
}

export interface Result {
  readonly outcome: Outcome;
  /** Names of the goals that do not hold. */
  readonly missed: readonly string[];
}

export async function playScenario(
  scenario: Scenario,
  { isGuarded = true, waves = WAVES, orderWaves = ORDER_WAVES, ...options }: LabOptions,
): Promise<Result> {
  const fleet = await createFleet({ ...options, isGuarded, waves, orderWaves, ...scenario.fleet });
  const watched = scenario.play(fleet);
  await fleet.time.playUntil(START + scenario.hours * 3_600_000);
  const outcome = outcomeOf(fleet, watched);
  const missed = scenario.goals.filter(({ holds }) => !holds(outcome)).map(({ name }) => name);
  return { outcome, missed };
}
