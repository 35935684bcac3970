// A proposal: what the vendor's server wishes that this install did. It orders nothing; local policy decides.
import { z } from 'zod';
import { isFairleadError } from '../errors/error.ts';
import { componentKey, instant, line, name } from './common.ts';
import { pinVersion } from './pin.ts';
import { windows } from './policy.ts';
import { parseRef, type ReleaseKind } from './release-ref.ts';

/** `platform`, a suite such as `core`, or a capability such as `core/auth`. */
const component = z.union([name, componentKey.transform((key): string => key)]);

const release = (error: string, isWanted: (kind: ReleaseKind) => boolean = () => true) =>
  z
    .string()
    .max(260)
    .refine(
      (text) => {
        const kind = kindOf(text);
        return kind !== null && isWanted(kind);
      },
      { error },
    );

function kindOf(text: string): ReleaseKind | null {
  try {
    return parseRef(text).kind;
  } catch (error) {
    if (isFairleadError(error)) return null;
    throw error;
  }
}

/** Far more than anybody has; a template is a few lines. */
const MOST_WINDOWS = 10;

export const policyTemplate = z.strictObject({
  name,
  channel: z.enum(['auto', 'manual', 'frozen']),
  /** They take the place of all windows; where it is left out those stay. */
  windows: windows
    .refine(({ allow, deny }) => allow.length + deny.length <= MOST_WINDOWS, {
      error: `at most ${MOST_WINDOWS} windows`,
    })
    .optional(),
});
export type PolicyTemplate = z.output<typeof policyTemplate>;

export const deployWish = z.strictObject({
  kind: z.literal('deploy'),
  /** What is on offer where it is left out. */
  release: release('a release such as "platform@2.5.0", "core@1.2.0" or "core/auth@1.0.1"').optional(),
});

export const pinWish = z.strictObject({
  kind: z.literal('pin'),
  component,
  version: pinVersion,
  expires: instant.optional(),
});

export const unpinWish = z.strictObject({ kind: z.literal('unpin'), component });

export const rollbackWish = z.strictObject({
  kind: z.literal('rollback'),
  /** A generation, or a version that ran; the healthy generation before the current where it is left out. */
  to: z
    .union([
      z.int().min(0).max(999_999_999),
      release('a generation, or a version such as "core/auth@1.0.0"', (kind) => kind === 'capability'),
    ])
    .optional(),
});

/** Each is what an operator could type: `apply`, `pin add`, `pin remove`, `rollback`, `channel set` and `window add`. */
export const wish = z.discriminatedUnion('kind', [
  deployWish,
  pinWish,
  unpinWish,
  rollbackWish,
  z.strictObject({ kind: z.literal('policy'), template: policyTemplate }),
]);
export type Wish = z.output<typeof wish>;

/** That wait at one install: what a person can still look through. */
export const MOST_OPEN = 100;
/** How long one may stand, in milliseconds, whoever says how long. */
export const LONGEST_MS = 90 * 86_400_000;

export const proposalId = z
  .string()
  .regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, { error: 'the id of a proposal' });

export const proposal = z.strictObject({
  id: proposalId,
  /** Counts up when the vendor changes it: an answer is to exactly one of them. */
  revision: z.int().min(1).max(1_000_000),
  wish,
  reason: line,
  /** Who proposes, in the server's words. */
  by: line,
  proposed: instant,
  expires: instant,
});
export type Proposal = z.output<typeof proposal>;
