// What the local files say, or that they cannot be read; and what is taken for true meanwhile.
import type { Target } from '../compile/target.ts';
import { type EpochMs, instantMs } from '../encoding/instant.ts';
import { isFairleadError } from '../errors/error.ts';
import type { InstanceConfig } from '../schema/instance.ts';
import { DEFAULT_POLICY, type Hold, MAX_EMERGENCY_HOLD_MS, type Policy } from '../schema/policy.ts';

/** `unreadable` counts as frozen and raises an alarm: a damaged file must not switch updates on. */
export type PolicyState =
  | { readonly kind: 'readable'; readonly policy: Policy }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** A configuration nobody can read changes nothing: what runs keeps its own, and stays open to forced patches. */
export type ConfigState =
  | { readonly kind: 'readable'; readonly config: InstanceConfig }
  | { readonly kind: 'unreadable'; readonly problem: string; readonly hint: string };

/** What reading it failed with, as a state; what is no error of ours is thrown again. */
export function unreadableConfig(error: unknown): ConfigState {
  if (!isFairleadError(error)) throw error;
  return { kind: 'unreadable', problem: error.message, hint: error.hint };
}

export interface LocalState {
  readonly policy: PolicyState;
  readonly config: ConfigState;
}

/** No pins, windows or approvers are known, and none are needed: nothing ordinary moves. */
const FROZEN: Policy = { ...DEFAULT_POLICY, channel: 'frozen' };

const NOTHING_ENABLED: InstanceConfig = { schema: 'fairlead/instance@1', track: 'stable', suites: {} };

export function effectivePolicy({ policy }: Pick<LocalState, 'policy'>): Policy {
  return policy.kind === 'readable' ? policy.policy : FROZEN;
}

/** `current` is what runs, with the configuration it was deployed under. */
export function effectiveConfig(
  { config }: Pick<LocalState, 'config'>,
  current: Target | null,
): InstanceConfig {
  return config.kind === 'readable' ? config.config : (current?.config ?? NOTHING_ENABLED);
}

/** Whether it is known what the operator wants. Until then nothing ordinary is on offer, and nobody is asked about it. */
export function isReadable({ policy, config }: LocalState): boolean {
  return policy.kind === 'readable' && config.kind === 'readable';
}

/** Clocks are set right by a little all the time. */
const MOST_AHEAD_MS = 24 * 3_600_000;

/**
 * The break-glass hold, while it is in force. One of the future was set under a clock that has been set back since: its 72 hours
 * would begin in years, and hold forced patches until then.
 */
export function heldForced({ emergencyHold: hold }: Policy, now: EpochMs): Hold | null {
  if (hold === undefined || instantMs(hold.until) <= now || isOfTheFuture(hold, now)) return null;
  return hold;
}

export function isOfTheFuture(hold: Hold, now: EpochMs): boolean {
  return instantMs(hold.until) - now > MAX_EMERGENCY_HOLD_MS + MOST_AHEAD_MS;
}
