// The first line of every answer: what is the case, in one sentence.
import { sanitizeLine } from '../encoding/text.ts';
import { assertNever } from '../errors/error.ts';
import type { ApprovalsReply, WeighedApproval } from '../protocol/admin-policy.ts';
import type { Blocker, Decision } from '../schema/decision.ts';
import type { DeploymentRecord, Fix } from '../schema/deployment.ts';
import { formatTable, indent, type Style } from './table.ts';

/** `inProgress` speaks first: while something is being deployed, that is the news. */
export function describeVerdict(
  decision: Decision,
  inProgress: DeploymentRecord | null,
  style: Style,
): string {
  const { tone, text } = verdictOf(decision, inProgress);
  const advisories = describeExposed(decision);
  const exposed = advisories === null ? '' : `EXPOSED to ${advisories}; `;
  return style.bold(style[exposed === '' ? tone : 'bad'](exposed + text));
}

export function describeBlockers(blockers: readonly Blocker[], style: Style): readonly string[] {
  return blockers.flatMap((blocker) => {
    const until = blocker.clearsAt === undefined ? '' : `, until ${blocker.clearsAt}`;
    const lines = [
      `- ${sanitizeLine(blocker.message, 500)} ${style.dim(`[${blocker.code}; ${blocker.owner} clears it${until}; ${sanitizeLine(blocker.source)}]`)}`,
    ];
    if (blocker.clearWith !== undefined) lines.push(`  ${sanitizeLine(blocker.clearWith, 500)}`);
    return lines;
  });
}

/** One line for each thing that a pin keeps from a newer version. */
export function describeNewer({ newer = [], unlisted }: Decision): readonly string[] {
  const lines = newer.flatMap(({ component, to, pin, pinned, by, clearWith }) => [
    `- ${component} ${to} is held back by ${pinned === component ? 'the pin' : `the pin of ${pinned} at`} ${sanitizeLine(pin)} of ${sanitizeLine(by)}`,
    `  ${sanitizeLine(clearWith, 500)}`,
  ]);
  const left = unlisted?.newer ?? 0;
  return left === 0 ? lines : [...lines, `- and ${left} more`];
}

/** One line for each setting that a forced patch could not run without. */
export function describeAdopted({ adopted = [] }: Decision): readonly string[] {
  return adopted.map(
    ({ component, key }) =>
      `- ${component} ${sanitizeLine(key)} as it stands on disk: the fix does not run with the one in force`,
  );
}

function describeNewest({ newer = [], unlisted }: Decision): string {
  const [first, ...others] = newer;
  if (first === undefined) return 'nothing else is on offer';
  const left = others.length + (unlisted?.newer ?? 0);
  const more = left === 0 ? '' : `, and ${left} more`;
  return `${first.component} ${first.to} is held back by your pin ${sanitizeLine(first.pin)}${more}`;
}

interface Verdict {
  readonly tone: 'good' | 'warn' | 'bad';
  readonly text: string;
}

function verdictOf(decision: Decision, inProgress: DeploymentRecord | null): Verdict {
  if (inProgress !== null) return { tone: 'warn', text: describeUnderWay(inProgress) };
  const what = nameOf(decision);
  const first = decision.blockers[0];
  const why = first === undefined ? '' : `: ${sanitizeLine(first.message, 500)}`;
  switch (decision.verdict) {
    case 'current':
      return { tone: 'good', text: `current: ${describeNewest(decision)}${why}` };
    case 'apply':
      return { tone: 'warn', text: `${what} is about to be applied` };
    case 'wait':
      return { tone: 'warn', text: `${what} waits${why}` };
    case 'ask':
      return { tone: 'warn', text: `${what} waits for you${why}` };
    case 'held':
      return { tone: 'warn', text: `held${why}` };
    case 'blocked':
      return { tone: 'bad', text: `blocked${why}` };
    default:
      return assertNever(decision.verdict);
  }
}

function nameOf({ target, fix }: Decision): string {
  if (target?.kind === 'emergency') return 'a forced patch';
  return fix === undefined ? 'an update' : `a fix of ${sanitizeLine(fix.advisories.join(', '), 300)}`;
}

/** Nobody may take a patch that is forced upon them, or a fix alone, for an update that they allowed. */
function describeUnderWay({ id, state, reason, fix }: DeploymentRecord): string {
  const forced = reason.kind === 'forced' ? `, forced by ${sanitizeLine(reason.advisories.join(', '))},` : '';
  const alone = fix?.by === 'policy' ? `, a fix of ${sanitizeLine(fix.advisories.join(', '), 300)},` : '';
  return `change ${id}${forced}${alone} is ${state}`;
}

/** What moves beside the components that the advisories affect, each with what leaves it no choice. */
export function describeBeside({ beside }: Fix): readonly string[] {
  if (beside.length === 0) return ['nothing moves but what the advisories affect'];
  return beside.map(
    ({ component, from, to, because }) =>
      `${sanitizeLine(component)} ${from ?? 'none'} → ${to} as well, because ${sanitizeLine(because, 300)}`,
  );
}

const MOST_IN_A_LINE = 10;

/** The most urgent advisories that affect what runs; null when none does. */
export function describeExposed({ exposed, unlisted }: Decision): string | null {
  const ids = [...new Set(exposed.map((each) => sanitizeLine(each.advisory, 64)))];
  if (ids.length === 0) return null;
  const isMore = ids.length > MOST_IN_A_LINE || (unlisted?.exposed ?? 0) > 0;
  return `${ids.slice(0, MOST_IN_A_LINE).join(', ')}${isMore ? ' and more' : ''}`;
}

const MEANING: Record<WeighedApproval['state'], string> = {
  counts: 'counts',
  final: 'final',
  spent: 'used',
  expired: 'expired',
  superseded: 'superseded: the plan is another one by now',
  invalid: 'void: not by an approver of this policy',
};

export function renderApprovals({ plan, given, required, approvals }: ApprovalsReply): readonly string[] {
  const verdict =
    plan === null
      ? 'Nothing is on offer to approve.'
      : `${given} of ${required} approvals for the plan on offer, ${plan}`;
  if (approvals.length === 0) return [verdict, 'No approvals yet.'];
  const rows = approvals.map(({ receipt: { statement }, approver, state }) => [
    statement.plan.slice(0, 19),
    statement.verdict,
    sanitizeLine(approver === null || approver === 'local' ? statement.by : approver),
    statement.verdict === 'deny' ? 'for good' : statement.expires,
    MEANING[state],
    sanitizeLine([statement.ticket, statement.reason].filter((part) => part !== undefined).join(': ')),
  ]);
  const changed = approvals.flatMap((each) => each.changed);
  return [
    verdict,
    ...formatTable([['PLAN', 'VERDICT', 'BY', 'UNTIL', 'STATE', 'WHY'], ...rows]),
    ...(changed.length === 0 ? [] : ['What changed since:', ...indent([...new Set(changed)])]),
  ];
}
