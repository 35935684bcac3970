// `analytics`: how deployments end, and how the fleet stood over time; as a table, or for a spreadsheet.
import type { z } from 'zod';
import { formatCsv, formatTable } from '../../../../shared/present/table.ts';
import {
  type DeploymentDimension,
  type DeploymentGroup,
  deploymentAnalytics,
  fleetAnalytics,
  type SampleKind,
} from '../../../../shared/protocol/analytics.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { askServer } from '../fleet.ts';

interface Days {
  readonly from?: string;
  readonly to?: string;
  readonly csv?: boolean;
}

export interface DeploymentOptions extends Days {
  /** With commas. */
  readonly by: string;
  readonly component?: string;
  /** A version. */
  readonly of?: string;
}

export async function deployments(session: Session, options: DeploymentOptions): Promise<void> {
  const { csv, by: dimensions, from, to, component, of: version } = options;
  const query = { by: dimensions, from, to, component, version };
  const found = await ask(session, 'deployments', query, deploymentAnalytics);
  const by = dimensions.split(',') as readonly DeploymentDimension[];
  const head = [...by.map(titled), 'Ended', 'Committed', 'Rolled back', 'Failed', 'Environment', 'Sent back'];
  const rowOf = (group: DeploymentGroup, rest: readonly string[]) => [
    ...by.map((dimension) => group[dimension] ?? ''),
    ...[group.deployments, group.committed, group.rolled_back, group.failed].map(String),
    ...[group.environment, group.sent_back].map(String),
    ...rest,
  ];
  const lines =
    csv === true
      ? formatCsv([
          [...head, 'Success ‰', 'Rollback ‰', 'p50 ms', 'p90 ms', 'p99 ms'],
          ...found.groups.map((group) => rowOf(group, numbersOf(group))),
        ])
      : formatTable([
          [...head, 'Success', 'p50', 'p90', 'p99'],
          ...found.groups.map((group) => rowOf(group, wordsOf(group))),
        ]);
  session.out.result('analytics-deployments', say(lines, found, found.groups.length, csv), found);
}

export interface FleetOptions extends Days {
  readonly kind: SampleKind;
  readonly name?: string;
}

export async function fleet(session: Session, options: FleetOptions): Promise<void> {
  const { csv, kind, name, from, to } = options;
  const query = { kind, name, from, to };
  const found = await ask(session, 'fleet', query, fleetAnalytics);
  const rows = found.series.flatMap(({ name, points }) =>
    points.map(({ at, instances }) => [at, name, String(instances)]),
  );
  rows.sort(([a = '', of = ''], [b = '', other = '']) => (`${a} ${of}` < `${b} ${other}` ? -1 : 1));
  const table = [['At', titled(NAMES[query.kind]), 'Instances'], ...rows];
  const lines = csv === true ? formatCsv(table) : formatTable(table);
  session.out.result('analytics-fleet', say(lines, found, rows.length, csv), found);
}

const NAMES = { exposed: 'severity', standing: 'standing', running: 'version' } as const;

function titled(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function ask<Answer extends z.ZodType>(
  session: Session,
  about: string,
  query: Readonly<Record<string, unknown>>,
  schema: Answer,
): Promise<z.output<Answer>> {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  const search = new URLSearchParams(given);
  return askServer(session, (server) => server.get(`/api/v1/analytics/${about}?${search}`, schema));
}

/** Nothing but the values goes into a file. */
function say(
  lines: readonly string[],
  { from, to, more }: { readonly from: string; readonly to: string; readonly more: boolean },
  rows: number,
  csv: boolean | undefined,
): readonly string[] {
  if (csv === true) return lines;
  if (rows === 0) return [`nothing from ${from} to ${to}`];
  return [`${from} to ${to}`, ...lines, ...(more ? ['… and more: ask for less time, or for one name'] : [])];
}

function numbersOf(group: DeploymentGroup): readonly string[] {
  const { p50, p90, p99 } = group.duration_ms;
  return [group.success_permille, group.rollback_permille, p50, p90, p99].map((value) => String(value ?? ''));
}

function wordsOf({
  success_permille: rate,
  duration_ms: { p50, p90, p99 },
}: DeploymentGroup): readonly string[] {
  return [rate === null ? '-' : `${rate / 10} %`, ...[p50, p90, p99].map(lasted)];
}

function lasted(ms: number | null): string {
  if (ms === null) return '-';
  if (ms < 120_000) return `${Number((ms / 1_000).toPrecision(2))} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
