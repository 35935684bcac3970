// What the local files say, or that they cannot be read; and what is taken for true meanwhile.
import type { Target } from '../compile/target.ts';
import { isFairleadError } from '../errors/error.ts';
import type { InstanceConfig } from '../schema/instance.ts';
import { DEFAULT_POLICY, type Policy } from '../schema/policy.ts';

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
