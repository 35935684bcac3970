// Deployments for people: the list in snapd's columns, one change in full, a state as it is entered.
import { formatDuration, instantMs } from '../encoding/instant.ts';
import { sanitizeLine } from '../encoding/text.ts';
import { count, formatBytes } from '../errors/entry.ts';
import {
  type DeploymentRecord,
  type DeploymentState,
  type Drift,
  type Fetched,
  isFinal,
  type OverrideInForce,
} from '../schema/deployment.ts';
import { formatTable, indent, type Style } from './table.ts';
import { describeBeside } from './verdict.ts';

/** The newest last, as a log reads. */
export function renderChanges(records: readonly DeploymentRecord[]): readonly string[] {
  if (records.length === 0) return ['No changes yet.'];
  const rows = records.map((record) => [
    String(record.id),
    statusOf(record),
    record.stages[0]?.at ?? '-',
    isFinal(record.state) ? (record.stages.at(-1)?.at ?? '-') : '-',
    summaryOf(record),
  ]);
  return formatTable([['ID', 'Status', 'Spawn', 'Ready', 'Summary'], ...rows]);
}

type OncePart = NonNullable<DeploymentRecord['once']>[number];
type FetchedPart = NonNullable<DeploymentRecord['fetched']>[number];

/** `overrides` are of the generation that it led to, as far as that is known. */
export function renderChange(
  record: DeploymentRecord,
  style: Style,
  overrides: readonly OverrideInForce[] = [],
): readonly string[] {
  const verdict = `change ${record.id}: ${record.state}`;
  const lines = [
    style.bold(toneOf(record.state, style)(verdict)),
    `reason   ${describeReason(record)}, started by ${sanitizeLine(record.actor)}${record.note === undefined ? '' : `: ${sanitizeLine(record.note, 300)}`}`,
    `plan     ${record.plan}`,
    `moves    generation ${record.previousGeneration ?? 'none'} → ${record.generation}`,
    ...indent(record.steps.map(describeStep), 9),
    ...(record.fix === undefined ? [] : describeBeside(record.fix).map((line) => `fix      ${line}`)),
  ];
  lines.push(
    ...overrides.map(
      (one) => `override ${one.component}: ${sanitizeLine(one.file, 1_024)} (${one.digest.slice(0, 19)})`,
    ),
  );
  if (record.cutConnections !== undefined) {
    lines.push(`cut      ${count(record.cutConnections, 'connection')} open when the version before stopped`);
  }
  lines.push(
    ...(record.adopted ?? []).map((one) => `setting  ${one.component} ${one.key} as it stands on disk`),
  );
  lines.push(...(record.fetched ?? []).map(describeFetched), ...(record.drift ?? []).map(describeDrift));
  lines.push(...(record.once ?? []).flatMap(describeOnce));
  if (record.failure !== null) {
    lines.push(
      style.bad(
        `failure  ${sanitizeLine(record.failure.message, 1000)} [${sanitizeLine(record.failure.code)}]`,
      ),
    );
  }
  return [...lines, 'states', ...indent(describeStages(record))];
}

/** `12 MiB, as a patch`. */
export function describeWay({ way, bytes }: Pick<Fetched, 'way' | 'bytes'>): string {
  return `${formatBytes(bytes)}, ${way === 'patch' ? 'as a patch' : 'whole'}`;
}

function describeFetched({ component, instead, ...way }: FetchedPart): string {
  const why = instead === undefined ? '' : `; the patch was of no use: ${sanitizeLine(instead, 300)}`;
  return `fetched  ${component}: ${describeWay(way)}${why}`;
}

/** What it wrote stands below, where a person looks for why. */
function describeOnce({
  component,
  service,
  exitStatus,
  ms,
  limitMs,
  lastLines,
}: OncePart): readonly string[] {
  const ended =
    exitStatus === null
      ? `took longer than ${formatDuration(limitMs)}`
      : `${exitStatus === 0 ? 'done' : `exit status ${exitStatus}`} after ${formatDuration(ms)}`;
  const lines = lastLines.map((line) => sanitizeLine(line));
  return [`once     ${component}: ${sanitizeLine(service)} ${ended}`, ...indent(lines, 9)];
}

/** What the version that was left had made of its own files. */
function describeDrift({ component, added, damaged, mended, example }: Drift): string {
  const parts = [
    ...(damaged === 0 ? [] : [`${damaged} damaged${mended ? ' and mended' : ', which could not be mended'}`]),
    ...(added === 0 ? [] : [`${added} added`]),
  ];
  return `files    ${component} before: ${parts.join(', ')}, such as ${sanitizeLine(example)}`;
}

export function summaryOf(record: DeploymentRecord): string {
  const moves = record.steps.map(describeStep).join(', ');
  return `${describeReason(record)}: ${moves === '' ? 'settings only' : moves}`;
}

function describeReason({ reason, fix }: DeploymentRecord): string {
  if (fix?.by === 'policy') return `fix of ${sanitizeLine(fix.advisories.join(', '), 500)} by policy`;
  switch (reason.kind) {
    case 'channel':
      return 'update';
    case 'manual':
      return 'update by hand';
    case 'forced':
      return `forced by ${sanitizeLine(reason.advisories.join(', '))}`;
    case 'rollback':
      return `rollback to generation ${reason.generation}`;
  }
}

export function toneOf(state: DeploymentState, style: Style): (text: string) => string {
  if (state === 'committed') return style.good;
  return isFinal(state) || state === 'rolling-back' ? style.bad : style.warn;
}

function describeStep(step: DeploymentRecord['steps'][number]): string {
  const change = step.change === null ? '' : ` (${sanitizeLine(step.change)})`;
  return `${step.component} ${step.from ?? 'none'} → ${step.to ?? 'removed'}${change}`;
}

function describeStages(record: DeploymentRecord): readonly string[] {
  return formatTable(
    record.stages.map((stage, index) => {
      const next = record.stages[index + 1];
      return [
        stage.at,
        stage.state,
        next === undefined ? '' : formatDuration(instantMs(next.at) - instantMs(stage.at)),
      ];
    }),
  );
}

/** snapd's words where they exist: Doing, Done, Undone, Error. */
function statusOf(record: DeploymentRecord): string {
  switch (record.state) {
    case 'committed':
      return 'Done';
    case 'rolled-back':
      return 'Undone';
    case 'abandoned':
      return 'Abandoned';
    case 'inconsistent':
      return 'Error';
    case 'rolling-back':
      return 'Undoing';
    default:
      return 'Doing';
  }
}
