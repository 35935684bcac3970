// Blockers: every reason for not applying, what it makes of the verdict, who can clear it, and with which command.
import { type EpochMs, formatInstant } from '../encoding/instant.ts';
import type { Blocker, Verdict } from '../schema/decision.ts';

interface Rule {
  readonly verdict: Exclude<Verdict, 'apply' | 'current'>;
  readonly owner: Blocker['owner'];
  /** The command that clears it, `{part}` for what only the case knows; null where no command of the operator does. */
  readonly clear: string | null;
}

/**
 * blocked: something must be mended. held: a local choice says no. ask: someone must say yes. wait: time says no. The one
 * list of them: for the decision, and for the way to a release.
 */
export const BLOCKER_RULES = {
  'policy-unreadable': { verdict: 'blocked', owner: 'admin', clear: 'fairlead policy check' },
  'config-invalid': { verdict: 'blocked', owner: 'admin', clear: 'fairlead policy check' },
  'metadata-missing': { verdict: 'blocked', owner: 'vendor', clear: 'fairlead check' },
  'metadata-expired': { verdict: 'blocked', owner: 'vendor', clear: 'fairlead check' },
  'clock-behind': { verdict: 'blocked', owner: 'host', clear: 'timedatectl set-ntp true' },
  'deployment-inconsistent': {
    verdict: 'blocked',
    owner: 'admin',
    clear: 'fairlead rollback --reason "why"',
  },
  'generation-damaged': { verdict: 'blocked', owner: 'admin', clear: 'fairlead doctor' },
  'deployment-in-progress': { verdict: 'wait', owner: 'host', clear: 'fairlead status --watch' },
  'settings-invalid': {
    verdict: 'blocked',
    owner: 'admin',
    clear: 'fairlead settings {edit} --reason "why"',
  },
  'requirements-conflict': { verdict: 'blocked', owner: 'vendor', clear: null },
  'target-exposed': { verdict: 'blocked', owner: 'vendor', clear: null },
  unfixable: { verdict: 'blocked', owner: 'vendor', clear: null },
  'fix-quarantined': {
    verdict: 'blocked',
    owner: 'admin',
    clear: 'fairlead quarantine lift {component} --reason "why"',
  },
  'fix-pinned': {
    verdict: 'held',
    owner: 'admin',
    clear: 'fairlead pin remove {component} --reason "why"',
  },
  'quarantine-unreadable': { verdict: 'blocked', owner: 'admin', clear: 'fairlead apply --reason "why"' },
  quarantined: {
    verdict: 'blocked',
    owner: 'admin',
    clear: 'fairlead quarantine lift {component} --reason "why"',
  },
  withdrawn: { verdict: 'blocked', owner: 'vendor', clear: null },
  'not-offered': { verdict: 'blocked', owner: 'vendor', clear: null },
  'not-enabled': { verdict: 'blocked', owner: 'admin', clear: null },
  'driver-not-enabled': {
    verdict: 'blocked',
    owner: 'admin',
    clear: 'fairlead agent install --drivers {drivers}',
  },
  'not-reversible': { verdict: 'blocked', owner: 'vendor', clear: null },
  'rollout-halted': { verdict: 'blocked', owner: 'vendor', clear: null },
  'rollout-paused': { verdict: 'wait', owner: 'vendor', clear: null },
  'rollout-wave': { verdict: 'wait', owner: 'time', clear: null },
  'rollout-class': { verdict: 'wait', owner: 'vendor', clear: null },
  'fact-unknown': {
    verdict: 'wait',
    owner: 'admin',
    clear: 'fairlead facts set {fact} VALUE --reason "why"',
  },
  'order-wave': { verdict: 'wait', owner: 'time', clear: 'fairlead apply --reason "why"' },
  'retry-later': { verdict: 'wait', owner: 'time', clear: 'fairlead apply --reason "why"' },
  'pins-conflict': {
    verdict: 'held',
    owner: 'admin',
    clear: 'fairlead pin remove {component} --reason "why"',
  },
  'pins-hold-back': {
    verdict: 'held',
    owner: 'admin',
    clear: 'fairlead pin remove {component} --reason "why"',
  },
  'pin-needed': {
    verdict: 'held',
    owner: 'admin',
    clear: 'fairlead pin add {component} {version} --reason "why"',
  },
  hold: { verdict: 'held', owner: 'admin', clear: 'fairlead release{emergency} --reason "why"' },
  'emergency-hold': { verdict: 'held', owner: 'admin', clear: 'fairlead release --emergency --reason "why"' },
  'channel-frozen': { verdict: 'held', owner: 'admin', clear: 'fairlead apply --reason "why"' },
  'approval-denied': { verdict: 'held', owner: 'admin', clear: null },
  'approval-needed': { verdict: 'ask', owner: 'admin', clear: 'fairlead approve {plan}{key} --reason "why"' },
  'window-closed': {
    verdict: 'wait',
    owner: 'time',
    clear: 'fairlead apply --now --override window --reason "why"',
  },
  /** It would not be committed before the window ends. */
  'window-short': {
    verdict: 'wait',
    owner: 'time',
    clear: 'fairlead apply --now --override window --reason "why"',
  },
  /** No window of the policy is ever long enough. */
  'windows-too-short': {
    verdict: 'held',
    owner: 'admin',
    clear: 'fairlead apply --now --override window --reason "why"',
  },
  /** In the place of all that are more than anybody reads: it says how many. */
  'more-reasons': { verdict: 'wait', owner: 'host', clear: null },
} as const satisfies Readonly<Record<string, Rule>>;

export type BlockerCode = keyof typeof BLOCKER_RULES;

/** Of records too: an older or newer writer has codes of its own. */
export function isOfWindows(code: string): boolean {
  return code === 'window-closed' || isTooShort(code);
}

/** A window is open, or opens, and what waits would not be over in time. */
export function isTooShort(code: string): boolean {
  return code === 'window-short' || code === 'windows-too-short';
}

/** A reason with its code known; `Blocker` in records keeps it as text, for older and newer readers. */
export type Reason = Blocker & { readonly code: BlockerCode };

const BY_WEIGHT: readonly Rule['verdict'][] = ['blocked', 'held', 'ask', 'wait'];

type PartsOf<Text> = Text extends `${string}{${infer Part}}${infer Rest}` ? Part | PartsOf<Rest> : never;
type Parts<Code extends BlockerCode> = Readonly<
  Record<PartsOf<(typeof BLOCKER_RULES)[Code]['clear']>, string>
>;

type Wording<Code extends BlockerCode> = {
  readonly message: string;
  readonly source: string;
  readonly clearsAt?: EpochMs | null;
} & ([PartsOf<(typeof BLOCKER_RULES)[Code]['clear']>] extends [never]
  ? { readonly clear?: never }
  : /** Of the command; several mean one command after the other. */
    { readonly clear: Parts<Code> | readonly Parts<Code>[] });

export function block<Code extends BlockerCode>(code: Code, wording: Wording<Code>): Reason {
  const { message, source, clearsAt, clear } = wording;
  const rule: Rule = BLOCKER_RULES[code];
  const parts: readonly Readonly<Record<string, string>>[] = [clear ?? {}].flat();
  const commands = parts.map((each) =>
    rule.clear?.replace(/\{(\w+)\}/g, (_, part: string) => each[part] ?? ''),
  );
  return {
    code,
    message,
    source,
    owner: rule.owner,
    ...(clearsAt === undefined || clearsAt === null ? {} : { clearsAt: formatInstant(clearsAt) }),
    ...(rule.clear === null ? {} : { clearWith: commands.join(' && ') }),
  };
}

/** The weightiest verdict of the reasons; `none` when there are no reasons. */
export function verdictOf<None extends Verdict>(reasons: readonly Reason[], none: None): Verdict {
  const verdicts = new Set<Verdict>(reasons.map((reason) => BLOCKER_RULES[reason.code].verdict));
  return BY_WEIGHT.find((verdict) => verdicts.has(verdict)) ?? none;
}

/** Something must be mended, or a local choice says no: neither a yes nor time changes that. */
export function isRefused(reasons: readonly Reason[]): boolean {
  const verdict = verdictOf(reasons, 'apply');
  return verdict === 'blocked' || verdict === 'held';
}

/** What a person reads, the record of a decision keeps and a report carries: of reasons, and of each other list. */
export const MOST_REASONS = 100;

/** The weightiest of them, and how many more there are: a vendor's documents decide how many there can be. */
export function boundReasons(reasons: readonly Reason[]): readonly Reason[] {
  const sorted = sortReasons(reasons);
  if (sorted.length <= MOST_REASONS) return sorted;
  const told = sorted.slice(0, MOST_REASONS - 1);
  const left = sorted.length - told.length;
  const message = `there are ${left} more reasons, none weightier than these`;
  return [...told, block('more-reasons', { message, source: 'the decision' })];
}

/** Weightiest first, so that the first line a person reads is the one that matters. */
export function sortReasons(reasons: readonly Reason[]): readonly Reason[] {
  const weight = (reason: Reason) => BY_WEIGHT.indexOf(BLOCKER_RULES[reason.code].verdict);
  return reasons.toSorted((a, b) => weight(a) - weight(b));
}
