// Blockers: every reason for not applying, who can clear it, and what it makes of the verdict.
import { type EpochMs, formatInstant } from '../encoding/instant.ts';
import type { Blocker, Verdict } from '../schema/decision.ts';

interface Rule {
  readonly verdict: Exclude<Verdict, 'apply' | 'current'>;
  readonly owner: Blocker['owner'];
}

/** blocked: something must be mended. held: a local choice says no. ask: someone must say yes. wait: time says no. */
export const BLOCKER_RULES = {
  'policy-unreadable': { verdict: 'blocked', owner: 'admin' },
  'metadata-missing': { verdict: 'blocked', owner: 'vendor' },
  'metadata-expired': { verdict: 'blocked', owner: 'vendor' },
  'clock-behind': { verdict: 'blocked', owner: 'host' },
  'deployment-inconsistent': { verdict: 'blocked', owner: 'admin' },
  'deployment-in-progress': { verdict: 'wait', owner: 'host' },
  'settings-invalid': { verdict: 'blocked', owner: 'admin' },
  'requirements-conflict': { verdict: 'blocked', owner: 'vendor' },
  'target-exposed': { verdict: 'blocked', owner: 'vendor' },
  unfixable: { verdict: 'blocked', owner: 'vendor' },
  quarantined: { verdict: 'blocked', owner: 'admin' },
  'rollout-halted': { verdict: 'blocked', owner: 'vendor' },
  'rollout-paused': { verdict: 'wait', owner: 'vendor' },
  'rollout-wave': { verdict: 'wait', owner: 'time' },
  'pins-conflict': { verdict: 'held', owner: 'admin' },
  'pins-hold-back': { verdict: 'held', owner: 'admin' },
  hold: { verdict: 'held', owner: 'admin' },
  'emergency-hold': { verdict: 'held', owner: 'admin' },
  'channel-frozen': { verdict: 'held', owner: 'admin' },
  'approval-denied': { verdict: 'held', owner: 'admin' },
  'approval-needed': { verdict: 'ask', owner: 'admin' },
  'window-closed': { verdict: 'wait', owner: 'time' },
} as const satisfies Readonly<Record<string, Rule>>;

export type BlockerCode = keyof typeof BLOCKER_RULES;

/** A reason with its code known; `Blocker` in records keeps it as text, for older and newer readers. */
export type Reason = Blocker & { readonly code: BlockerCode };

const BY_WEIGHT: readonly Rule['verdict'][] = ['blocked', 'held', 'ask', 'wait'];

interface Wording {
  readonly message: string;
  readonly source: string;
  readonly clearsAt?: EpochMs | null;
  readonly clearWith?: string;
}

export function block(code: BlockerCode, { message, source, clearsAt, clearWith }: Wording): Reason {
  return {
    code,
    message,
    source,
    owner: BLOCKER_RULES[code].owner,
    ...(clearsAt === undefined || clearsAt === null ? {} : { clearsAt: formatInstant(clearsAt) }),
    ...(clearWith === undefined ? {} : { clearWith }),
  };
}

/** The weightiest verdict of the reasons; `none` when there are no reasons. */
export function verdictOf<None extends Verdict>(reasons: readonly Reason[], none: None): Verdict {
  const verdicts = new Set<Verdict>(reasons.map((reason) => BLOCKER_RULES[reason.code].verdict));
  return BY_WEIGHT.find((verdict) => verdicts.has(verdict)) ?? none;
}

/** Weightiest first, so that the first line a person reads is the one that matters. */
export function sortReasons(reasons: readonly Reason[]): readonly Reason[] {
  const weight = (reason: Reason) => BY_WEIGHT.indexOf(BLOCKER_RULES[reason.code].verdict);
  return reasons.toSorted((a, b) => weight(a) - weight(b));
}
