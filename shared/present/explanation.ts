// A decision for people: what would move and why, every blocker with who clears it, and what stays exposed.
import { formatDuration, instantMs } from '../encoding/instant.ts';
import { sanitizeLine } from '../encoding/text.ts';
import { formatBytes } from '../errors/entry.ts';
import type { Contact, ExplanationReply, Move } from '../protocol/admin.ts';
import type { Blocker, Decision } from '../schema/decision.ts';
import type { Fix, Plan } from '../schema/deployment.ts';
import { formatTable, indent, type Style } from './table.ts';
import {
  describeAdopted,
  describeBeside,
  describeBlockers,
  describeNewer,
  describeVerdict,
} from './verdict.ts';
import { formatBoth, renderOpenings } from './windows.ts';

export function renderExplanation(
  reply: ExplanationReply,
  { style, zone }: { readonly style: Style; readonly zone: string },
): readonly string[] {
  const { decision, inProgress } = reply;
  const waits = decision.blockers.some((blocker) => blocker.code === 'window-closed');
  return [
    describeVerdict(decision, inProgress, style),
    ...(inProgress === null ? [] : [`follow it: fairlead change ${inProgress.id} --watch`]),
    ...renderRecorded(reply, zone),
    ...renderPlan(reply),
    ...section('Why not now', describeBlockers(decision.blockers.filter(isNews(inProgress)), style)),
    ...section('Newer', describeNewer(decision)),
    ...section('Fix', decision.fix === undefined ? [] : describeFix(decision.fix)),
    ...section('Settings that come along', describeAdopted(decision)),
    ...(waits ? renderOpenings(reply.openings, zone) : []),
    ...section('Pins', reply.pins.map(describePin)),
    ...section('Exposed', describeExposures(decision)),
    ...(reply.contact === null ? [] : [describeContact(reply.contact, reply.at)]),
  ];
}

function describeFix(fix: Fix): readonly string[] {
  return [
    `of ${sanitizeLine(fix.advisories.join(', '), 500)}, let in by policy security`,
    ...describeBeside(fix),
  ];
}

function describeExposures({ exposed, unlisted }: Decision): readonly string[] {
  const lines = exposed.map(
    (each) => `${sanitizeLine(each.advisory)} (${each.severity}): ${each.component} ${each.version}`,
  );
  const left = unlisted?.exposed ?? 0;
  return left === 0 ? lines : [...lines, `and ${left} more, none more urgent than these`];
}

function renderRecorded({ recorded }: ExplanationReply, zone: string): readonly string[] {
  if (recorded === undefined || recorded === null) return [];
  const since = formatBoth(instantMs(recorded.since), zone);
  return recorded.isSame
    ? [`Decided ${since}, and on the record.`]
    : [`Computed just now: the decision on the record, of ${since}, was another one.`];
}

/** That something is under way is the verdict already. */
export function isNews(inProgress: ExplanationReply['inProgress']) {
  return ({ code }: Blocker) => inProgress === null || code !== 'deployment-in-progress';
}

/** What would move, from where to where and why; empty when nothing is on offer. */
export function renderPlan(reply: ExplanationReply): readonly string[] {
  const { plan, moves, decision, inProgress } = reply;
  if (plan === null) return [];
  const isUnderWay = inProgress !== null && inProgress.plan === decision.target?.plan;
  const kind = isUnderWay ? 'Under way' : decision.target?.kind === 'emergency' ? 'Forced' : 'On offer';
  return [`${kind}: plan ${decision.target?.plan ?? ''}`, ...renderMoves(moves)];
}

export function renderMoves(moves: readonly Move[]): readonly string[] {
  return indent(formatTable([['COMPONENT', 'FROM', 'TO', 'WHY', 'FETCH', 'WAY BACK'], ...moves.map(toRow)]));
}

/** What happens to what runs, in which order, and what it has cost before. */
export function renderCost(
  plan: Plan,
  interruptionMs: number | null,
  moves: readonly { readonly bytes: number }[] = plan.steps,
  rollbackMs?: number,
): readonly string[] {
  const bytes = moves.reduce((sum, move) => sum + move.bytes, 0);
  const time =
    interruptionMs === null
      ? 'no deployment has been measured here yet'
      : `about ${formatDuration(interruptionMs)}, the longest of the last deployments; going back takes as long`;
  return [
    `Fetches   at most ${formatBytes(bytes)}`,
    `Stops     ${plan.stop.join(', then ') || 'nothing'}`,
    `Starts    ${plan.start.join(', then ') || 'nothing'}`,
    ...plan.steps.flatMap(({ component, override }) =>
      override === undefined
        ? []
        : [
            `Override  ${component}: ${sanitizeLine(override.file, 1_024)} (${override.digest}), yours: it may reach all of the machine`,
          ],
    ),
    `Takes     ${time}`,
    `Way back  ${WAY_BACK_MEANING[plan.reversible]}${rollbackMs === undefined ? '' : `; at most ${formatDuration(rollbackMs)}`}`,
  ];
}

const WAY_BACK_MEANING = {
  yes: 'fairlead rollback --reason "why"; nothing is lost',
  snapshot: 'fairlead rollback --reason "why"; data go back to a snapshot, later work is lost',
  undeclared:
    'fairlead rollback --reason "why"; NOBODY DECLARED what becomes of the data: have a backup, or ask the vendor',
  no: 'NONE: the new version may not be left for an older one',
} as const;

const PIN_STATE = {
  active: 'holds',
  expired: 'EXPIRED: it holds nothing',
  overridden: 'OVERRIDDEN',
  unmatched: 'names nothing here',
} as const;

export function describePinState({ state, by, problem }: ExplanationReply['pins'][number]): string {
  if (problem !== undefined) return `IN VAIN: ${sanitizeLine(problem, 500)}`;
  return `${PIN_STATE[state]}${by.length === 0 ? '' : ` by ${by.join(', ')}`}`;
}

function describePin(one: ExplanationReply['pins'][number]): string {
  const { pin } = one;
  const component = pin.level === 'platform' ? 'platform' : pin.name;
  return `${component} at ${pin.version} ${sanitizeLine(describePinState(one))} (${sanitizeLine(pin.owner)}: ${sanitizeLine(pin.reason)})`;
}

export function describeContact(contact: Contact, at: string): string {
  const ago = formatDuration(Math.max(0, instantMs(at) - instantMs(contact.at)));
  const outcome =
    contact.failure === null
      ? contact.outcome === 'changed'
        ? 'it had news'
        : 'nothing new'
      : sanitizeLine(contact.failure.message, 500);
  const who = contact.mirror === undefined ? 'Server asked' : `Mirror ${sanitizeLine(contact.mirror)} asked`;
  return `${who} ${ago} ago: ${outcome}; next time ${contact.next}`;
}

const WAY_BACK = { yes: 'yes', snapshot: 'by snapshot', undeclared: 'undeclared', no: 'NO' } as const;

function toRow(move: Move): readonly string[] {
  return [
    move.component,
    move.from ?? 'none',
    move.action === 'reconfigure' ? 'settings only' : (move.to ?? 'removed'),
    move.origin ?? move.action,
    formatBytes(move.bytes),
    WAY_BACK[move.reversible],
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...indent(lines)];
}
