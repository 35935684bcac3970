// Rollouts and halts: which release a track is offered, in which waves, and what stops it; with every limit of both.
import { z } from 'zod';
import { durationMs, instantMs } from '../encoding/instant.ts';
import { type Classes, classes, covers, isContradiction } from './classes.ts';
import { digest, duration, instant, line, name } from './common.ts';
import { releaseRef } from './release-ref.ts';

const HOUR_MS = 3_600_000;

/** A halt stops a release for at most this long: the key that signs it is kept online, and may delay, not veto. */
export const MAX_HALT_MS = 72 * HOUR_MS;

/** As long as the role that signs a rollout stays valid: a later wave would never be offered. */
const MAX_WAVE_DELAY_MS = 180 * 24 * HOUR_MS;

const share = {
  percent: z.int().min(1).max(100),
  after: duration.refine((text) => !(durationMs(text) > MAX_WAVE_DELAY_MS), {
    error: 'a delay of at most "P180D"',
  }),
};

/** A wave of an emergency order: whom it forces when, whatever class they are of. */
const plainWave = z.strictObject(share);

/** `classes`: the share is of these alone. */
const wave = z.strictObject({ ...share, classes: classes.optional() });

export type Wave = z.output<typeof wave>;

/** What is wrong with waves, as what they should be; null where nothing is. `limits` are those of the rollout as a whole. */
export function waveProblem(waves: readonly Wave[], limits?: Classes): string | null {
  const last = waves.at(-1);
  if (last?.percent !== 100 || last.classes !== undefined) {
    return 'a last wave of 100% of all, or some would wait for ever';
  }
  for (const [at, one] of waves.entries()) {
    const before = waves.slice(0, at);
    const previous = before.at(-1);
    if (previous !== undefined && durationMs(one.after) < durationMs(previous.after)) {
      return 'delays that never shrink';
    }
    if (before.some((other) => other.percent >= one.percent && covers(other.classes, one.classes))) {
      return 'growing shares: each wave with somebody whom none before it reaches';
    }
    if (isContradiction(limits, one.classes)) return 'waves of classes that the rollout is for';
  }
  return null;
}

function waveList<Of extends z.ZodType<Wave>>(of: Of) {
  return z
    .array(of)
    .min(1)
    .max(20)
    .superRefine((waves, context) => {
      const problem = waveProblem(waves);
      if (problem !== null) context.addIssue(problem);
    });
}

/** Of an emergency order. */
export const plainWaves = waveList(plainWave);

export const rollout = z
  .strictObject({
    schema: z.literal('fairlead/rollout@1'),
    release: releaseRef,
    /** Digest of the release manifest's exact bytes. */
    digest,
    track: name,
    /** Whom it is for; absent for every install on the track. An agent that does not know the key refuses the document. */
    classes: classes.optional(),
    /** Mixed with the instance id to place each instance in a wave. */
    seed: line,
    start: instant,
    waves: waveList(wave),
    /** A paused rollout offers nothing to instances that do not run the release yet. */
    paused: z.boolean().default(false),
    /** A withdrawn release is no longer installed anywhere; it is never removed. */
    withdrawn: z.boolean().default(false),
  })
  .superRefine((one, context) => {
    const problem = waveProblem(one.waves, one.classes);
    if (problem !== null) context.addIssue({ code: 'custom', path: ['waves'], message: problem });
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

/**
 * Beside a halt, whom it stops. It is a document of its own: an agent that knows no classes reads the halt as one for all,
 * which is the safe side, where one document of another form would be no halt to it.
 */
export const haltScope = z.strictObject({
  schema: z.literal('fairlead/halt-scope@1'),
  /** Of the release that the halt stops. */
  digest,
  classes,
});

/** True for a time that a halt may last. */
export function isHaltSpan(ms: number): boolean {
  return ms > 0 && ms <= MAX_HALT_MS;
}

export type Rollout = z.output<typeof rollout>;
export type Halt = z.output<typeof halt>;
export type HaltScope = z.output<typeof haltScope>;
