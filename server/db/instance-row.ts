// The row of an instance: its columns, what a report sets of them, and what a list tells of them.
import type { Digest } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import type { InstancesReply } from '../../shared/protocol/fleet.ts';
import type { Standing } from '../../shared/protocol/instances.ts';
import type { Channel, Report } from '../../shared/protocol/report.ts';
import { type ClassFacts, FACT_NAMES } from '../../shared/schema/classes.ts';
import { digestOfSaid, saidIn } from '../core/said.ts';

export interface InstanceRow {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  /** Ed25519, base64url. */
  readonly public_key: string;
  readonly agent_version: string;
  readonly enrolled_at: string;
  readonly last_seen: string | null;
  /** 0 before the first report. */
  readonly last_sequence: number;
  readonly last_report: string | null;
  /** Of the last report's bytes, as in Content-Digest; null where the row says something else than any report. */
  readonly report_digest: string | null;
  /** What lists and analytics ask of the last report. */
  readonly channel: Channel | null;
  readonly manifest: string | null;
  readonly verdict: string | null;
  /** Its components as one text: their rows are written only when it changes. */
  readonly running: string | null;
  /** Who keeps it from what, as one text: the rows of that are written only when it changes. */
  readonly blocked: string | null;
  /** How many of its components are. */
  readonly unhealthy: number | null;
  /** Which of them, as one text of JSON; null where none is. */
  readonly ill: string | null;
  /** The stream that it follows. */
  readonly track: string | null;
  /** Digest of what it says that spans are kept of; see spans.ts. */
  readonly said: string | null;
  /** What it is, for classes, as JSON in one order of facts and values; null where its agent says nothing of it. */
  readonly facts: string | null;
  /** Which starts of its agent spoke, as JSON; see core/twins.ts. */
  readonly voices: string | null;
  /** When two agents last spoke in turns for it. */
  readonly twins_heard: string | null;
  /** Whose it is; null is the vendor's own. */
  readonly customer: string | null;
  /** Why it is not let in; null while it is. */
  readonly standing: Standing | null;
  readonly standing_since: string | null;
  readonly standing_by: string | null;
  readonly standing_reason: string | null;
  /** The server that its agent says it has gone to. */
  readonly moved_to: string | null;
  readonly revision: number;
}

/** What is looked at before a report is written. */
export const KNOWN = [
  'id',
  'public_key',
  'last_seen',
  'last_sequence',
  'report_digest',
  'verdict',
  'unhealthy',
  'running',
  'blocked',
  'said',
  'voices',
  'twins_heard',
  'standing',
  'standing_since',
] as const satisfies readonly (keyof InstanceRow)[];
export type KnownRow = Pick<InstanceRow, (typeof KNOWN)[number]> & {
  /** Of its proposals; null where there never was one. */
  readonly mark: number | null;
};

export type ReportedColumns = ReturnType<typeof reportedColumns>;

export function reportedColumns(report: Report, received: EpochMs) {
  const { sequence, agentVersion, channel, manifest, decision, components, track, facts } = report;
  const ill = components.flatMap(({ component, health }) => (health === 'unhealthy' ? [component] : []));
  return {
    last_seen: formatInstantMs(received),
    last_sequence: sequence,
    last_report: storedText(report),
    // PostgreSQL takes no NUL in a text, and a list shows it to people.
    agent_version: sanitizeLine(agentVersion, 300),
    channel,
    manifest,
    verdict: decision?.verdict ?? null,
    running: JSON.stringify(components.map(({ component, version }) => [component, version])),
    blocked: JSON.stringify(blockersOf(report)),
    unhealthy: ill.length,
    ill: ill.length === 0 ? null : JSON.stringify(ill),
    track,
    said: digestOfSaid(saidIn(report)),
    facts: facts === undefined ? null : factsText(facts),
  } satisfies Partial<InstanceRow>;
}

/** Each owner with each of their codes once; a code is short, whatever an agent says. */
export function blockersOf({ decision }: Report): readonly (readonly [owner: string, code: string])[] {
  const all = (decision?.blockers ?? []).map(({ owner, code }) => [owner, sanitizeLine(code, 60)] as const);
  return [...new Map(all.map((one) => [one.join(' '), one])).values()].slice(0, MOST_BLOCKERS);
}

const MOST_BLOCKERS = 20;

/** The same facts are the same text: rows are counted by it. */
function factsText(facts: ClassFacts): string {
  const known = FACT_NAMES.flatMap((name) => {
    const values = facts[name];
    return values === undefined ? [] : [[name, [...new Set(values)].sort()] as const];
  });
  return JSON.stringify(Object.fromEntries(known));
}

/** A report as it is kept: its records are rows of their own, as is the head of its log, and its facts a column. */
function storedText({ records: _, facts: __, ledger: ___, ...state }: Report): string {
  return JSON.stringify(state);
}

export type InstanceSummary = InstancesReply['instances'][number];

/** What `summaryOf` reads. */
export const SUMMARY = [
  'id',
  'name',
  'hostname',
  'agent_version',
  'enrolled_at',
  'last_seen',
  'channel',
  'manifest',
  'verdict',
  'track',
  'facts',
  'twins_heard',
  'customer',
  'standing',
  'standing_since',
  'standing_by',
  'standing_reason',
  'moved_to',
  'revision',
] as const satisfies readonly (keyof InstanceRow)[];
export type SummaryRow = Pick<InstanceRow, (typeof SUMMARY)[number]>;

export function summaryOf(row: SummaryRow): InstanceSummary {
  return {
    id: row.id,
    name: row.name,
    hostname: row.hostname,
    agentVersion: row.agent_version,
    enrolled: row.enrolled_at,
    lastSeen: row.last_seen,
    channel: row.channel,
    manifest: row.manifest as Digest | null,
    verdict: row.verdict,
    ...(row.track === null ? {} : { track: row.track }),
    ...(row.facts === null ? {} : { facts: JSON.parse(row.facts) as Record<string, string[]> }),
    ...(row.twins_heard === null ? {} : { twinsHeard: row.twins_heard }),
    ...(row.customer === null ? {} : { customer: row.customer }),
    ...standingOf(row),
    ...(row.moved_to === null ? {} : { movedTo: row.moved_to }),
    revision: Number(row.revision),
  };
}

function standingOf(row: SummaryRow): Pick<InstanceSummary, 'standing'> {
  const { standing: state, standing_since: since, standing_by: by, standing_reason: reason } = row;
  return state === null || since === null
    ? {}
    : { standing: { state, since, by: by ?? '', reason: reason ?? '' } };
}
