// The demo's last page: what was deployed, when, why, and how long each part took.
import { formatDuration } from '../../../shared/encoding/instant.ts';
import type { DeploymentRecord, PlanReason } from '../../../shared/schema/deployment.ts';

export interface Timing {
  readonly what: string;
  readonly ms: number;
}

export function formatSummary(records: readonly DeploymentRecord[], timings: readonly Timing[]): string {
  const header = ['ID', 'Start (UTC)', 'Took', 'Component', 'From', 'To', 'Ended', 'Why'];
  const reasons = records.flatMap(({ id, failure }) =>
    failure === null ? [] : [`${id} was undone: ${failure.message}`],
  );
  const measured = timings.map(({ what, ms }) => `  ${formatDuration(ms).padStart(6)}  ${what}`);
  return [
    ...formatTable([header, ...records.flatMap(rowsOf)]),
    ...reasons,
    '',
    'Measured in this run:',
    ...measured,
  ].join('\n');
}

function rowsOf(record: DeploymentRecord): readonly (readonly string[])[] {
  const { id, steps, stages, state, reason } = record;
  const start = stages[0]?.at.slice(11, 19) ?? '';
  return steps.map(({ component, from, to }) => [
    String(id),
    start,
    formatDuration(durationOf(record)),
    component,
    from ?? 'none',
    to ?? 'none',
    state,
    whyOf(reason),
  ]);
}

/** From the first to the last state, in milliseconds. */
export function durationOf(record: DeploymentRecord): number {
  return timeOf(record.stages.at(-1)?.at) - timeOf(record.stages[0]?.at);
}

/** From leaving `from` to the end, in milliseconds; null when the deployment never was in that state. */
export function durationSince(record: DeploymentRecord, from: string): number | null {
  const start = record.stages.find((stage) => stage.state === from);
  return start === undefined ? null : timeOf(record.stages.at(-1)?.at) - timeOf(start.at);
}

function whyOf(reason: PlanReason): string {
  switch (reason.kind) {
    case 'channel':
      return 'channel auto';
    case 'forced':
      return `forced by ${reason.advisories.join(', ')}`;
    case 'manual':
      return 'local command';
    case 'rollback':
      return `back to generation ${reason.generation}`;
  }
}

function formatTable(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function timeOf(instant: string | undefined): number {
  return Date.parse(instant ?? '');
}
