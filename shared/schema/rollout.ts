// Rollouts and halts: which release a track is offered, in which waves, and what stops it; with every limit of both.
import { z } from 'zod';
import { durationMs, instantMs } from '../encoding/instant.ts';
import { digest, duration, instant, line, name } from './common.ts';
import { releaseRef } from './release-ref.ts';

const HOUR_MS = 3_600_000;

/** A halt stops a release for at most this long: the key that signs it is kept online, and may delay, not veto. */
export const MAX_HALT_MS = 72 * HOUR_MS;

/** As long as the role that signs a rollout stays valid: a later wave would never be offered. */
const MAX_WAVE_DELAY_MS = 180 * 24 * HOUR_MS;

const wave = z.strictObject({
  percent: z.int().min(1).max(100),
  after: duration.refine((text) => !(durationMs(text) > MAX_WAVE_DELAY_MS), {
    error: 'a delay of at most "P180D"',
  }),
});

export type Wave = z.output<typeof wave>;

/** True when shares and delays grow and the last wave reaches everyone: otherwise some would wait for ever. */
export function isGrowing(waves: readonly Wave[]): boolean {
  const grows = waves.every(({ percent, after }, i) => {
    const before = waves[i - 1];
    if (before === undefined) return true;
    return percent > before.percent && durationMs(after) >= durationMs(before.after);
  });
  return grows && waves.at(-1)?.percent === 100;
}

export const rollout = z.strictObject({
  schema: z.literal('fairlead/rollout@1'),
  release: releaseRef,
  /** Digest of the release manifest's exact bytes. */
  digest,
  track: name,
  /** Mixed with the instance id to place each instance in a wave. */
  seed: line,
  start: instant,
  waves: z
    .array(wave)
    .min(1)
    .max(20)
    .refine(isGrowing, { error: 'shares that grow up to 100, with delays that never shrink' }),
  /** A paused rollout offers nothing to instances that do not run the release yet. */
  paused: z.boolean().default(false),
  /** A withdrawn release is no longer installed anywhere; it is never removed. */
  withdrawn: z.boolean().default(false),
});

export const halt = z
  .strictObject({
    schema: z.literal('fairlead/halt@1'),
    digest,
    reason: line,
    issued: instant,
    /** At most 72 hours after `issued`. */
    expires: instant,
  })
  .refine(({ issued, expires }) => isHaltSpan(instantMs(expires) - instantMs(issued)), {
    path: ['expires'],
    error: 'an instant after "issued", at most 72 hours later',
  });

/** True for a time that a halt may last. */
export function isHaltSpan(ms: number): boolean {
  return ms > 0 && ms <= MAX_HALT_MS;
}

export type Rollout = z.output<typeof rollout>;
export type Halt = z.output<typeof halt>;
