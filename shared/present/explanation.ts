// A decision for people: what would move and why, every blocker with who clears it, and what stays exposed.
import { formatDuration, instantMs } from '../encoding/instant.ts';
import { sanitizeLine } from '../encoding/text.ts';
import { count, formatBytes } from '../errors/entry.ts';
import { isOfWindows, isTooShort } from '../policy/blockers.ts';
import { formatAbout } from '../policy/window-reasons.ts';
import type { Contact, ExplanationReply, Move } from '../protocol/admin.ts';
import type { Blocker, Decision } from '../schema/decision.ts';
import type { Fix, Plan } from '../schema/deployment.ts';
import type { Forecast } from '../schema/forecast.ts';
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
  const waits = decision.blockers.some(({ code }) => isOfWindows(code));
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

export interface Cost {
  /** The longest interruption of the last deployments; null when none has been measured. */
  readonly interruptionMs: number | null;
  readonly moves?: readonly { readonly bytes: number }[];
  readonly rollbackMs?: number | undefined;
  /** An earlier agent says none. */
  readonly forecast?: Forecast | undefined;
}

/** What happens to what runs, in which order, what it has cost before and what it will. */
export function renderCost(
  plan: Plan,
  { interruptionMs, moves = plan.steps, rollbackMs, forecast }: Cost,
): readonly string[] {
  return [
    `Fetches   ${describeBytes(moves, forecast)}`,
    `Stops     ${plan.stop.join(', then ') || 'nothing'}`,
    `Starts    ${plan.start.join(', then ') || 'nothing'}`,
    ...plan.steps.flatMap(({ component, override }) =>
      override === undefined
        ? []
        : [
            `Override  ${component}: ${sanitizeLine(override.file, 1_024)} (${override.digest}), yours: it may reach all of the machine`,
          ],
    ),
    `Takes     ${forecast === undefined ? describeBefore(interruptionMs) : describeForecast(forecast)}`,
    `Way back  ${WAY_BACK_MEANING[plan.reversible]}${rollbackMs === undefined ? '' : `; at most ${formatDuration(rollbackMs)}`}`,
  ];
}

function describeBytes(moves: readonly { readonly bytes: number }[], forecast: Forecast | undefined): string {
  if (forecast === undefined)
    return `at most ${formatBytes(moves.reduce((sum, move) => sum + move.bytes, 0))}`;
  const { bytes, atMost, unknownImages = 0 } = forecast;
  const known =
    atMost === true || bytes > 0 ? [`${atMost === true ? 'at most ' : ''}${formatBytes(bytes)}`] : [];
  const unknown =
    unknownImages > 0 ? [`${count(unknownImages, 'image')} of unknown size from a registry`] : [];
  return [...known, ...unknown].join(', and ') || 'nothing: all of it is here';
}

function describeBefore(interruptionMs: number | null): string {
  return interruptionMs === null
    ? 'no deployment has been measured here yet'
    : `about ${formatDuration(interruptionMs)}, the longest of the last deployments; going back takes as long`;
}

/** `about 6m: 12s to fetch, 3s before the first stop, 20s until all is healthy, 5m watched; by the last 4 deployments` */
export function describeForecast(forecast: Forecast): string {
  const { fetchMs, imagesMs, prepareMs, interruptionMs, soakMs, totalMs, runs } = forecast;
  const parts = [
    ...(fetchMs !== null && fetchMs > 0 ? [`${formatAbout(fetchMs)} to fetch`] : []),
    ...(typeof imagesMs === 'number' && imagesMs > 0 ? [`${formatAbout(imagesMs)} for images`] : []),
    ...(prepareMs > 0 ? [`${formatAbout(prepareMs)} before the first stop`] : []),
    ...(interruptionMs > 0 ? [`${formatAbout(interruptionMs)} until all is healthy`] : []),
    ...(soakMs > 0 ? [`${formatAbout(soakMs)} watched`] : []),
  ];
  const unknown = [
    ...(fetchMs === null ? [', and as long as fetching takes, which was never measured here'] : []),
    ...(imagesMs === null ? [', and as long as its images take beyond that, which is not known here'] : []),
  ].join('');
  const by =
    runs === 0
      ? 'no history yet: what the releases declare, and no more'
      : `by the last ${runs === 1 ? 'deployment' : count(runs, 'deployment')} here`;
  return `about ${formatAbout(totalMs)}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}${unknown}; ${by}`;
}

/** Whether the decision finds the window that is open long enough; nothing where none is, or where it never closes. */
export function describeFit(
  {
    at,
    openings,
    decision,
  }: Pick<ExplanationReply, 'at' | 'openings'> & {
    readonly decision: Pick<Decision, 'blockers'>;
  },
  forecast: Forecast | undefined,
): readonly string[] {
  const [now] = openings;
  if (now === undefined || now.closes === null || forecast === undefined) return [];
  const leftMs = instantMs(now.closes) - instantMs(at);
  if (instantMs(now.opens) > instantMs(at) || leftMs <= 0) return [];
  const isShort = decision.blockers.some(({ code }) => isTooShort(code));
  const isEnough = forecast.totalMs <= leftMs;
  const fits = isEnough ? 'enough' : 'shorter than it takes, which does not hold it back';
  return [`Window    open for ${formatDuration(leftMs)} more: ${isShort ? 'TOO SHORT for it' : fits}`];
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
    `${move.atMost === true ? 'at most ' : ''}${formatBytes(move.bytes)}`,
    WAY_BACK[move.reversible],
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...indent(lines)];
}
