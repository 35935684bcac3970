// Rollouts and halts: which release a track is offered, in which waves, and what stops it.
import { z } from 'zod';
import { digest, duration, instant, line, name } from './common.ts';
import { releaseRef } from './release-ref.ts';

const wave = z.strictObject({ percent: z.int().min(1).max(100), after: duration });

export const rollout = z.strictObject({
  schema: z.literal('fairlead/rollout@1'),
  release: releaseRef,
  /** Digest of the release manifest's exact bytes. */
  digest,
  track: name,
  /** Mixed with the instance id to place each instance in a wave. */
  seed: line,
  start: instant,
  waves: z.array(wave).min(1).max(20),
  /** A paused rollout offers nothing to instances that do not run the release yet. */
  paused: z.boolean().default(false),
  /** A withdrawn release is no longer installed anywhere; it is never removed. */
  withdrawn: z.boolean().default(false),
});

export const halt = z.strictObject({
  schema: z.literal('fairlead/halt@1'),
  digest,
  reason: line,
  issued: instant,
  /** At most 72 hours after `issued`. */
  expires: instant,
});

/** A halt stops a release for at most this long: fleet operations' key may delay, not veto. */
export const MAX_HALT_MS = 72 * 3_600_000;

export type Rollout = z.output<typeof rollout>;
export type Wave = z.output<typeof wave>;
export type Halt = z.output<typeof halt>;
