// What the server has not heard yet, which deployment records go into the next report, what of it the server reads, and whether there is to be one.
import { z } from 'zod';
import { MOST_RECORDS, type OptionalPart, type Report } from '../../shared/protocol/report.ts';
import { instant, line } from '../../shared/schema/common.ts';
import type { DeploymentRecord, Fix } from '../../shared/schema/deployment.ts';

/**
 * Records stay on disk for good and only the newest can still change, so one mark says what was delivered: everything
 * below `record`, and of `record` itself its first `stages` states.
 */
export const outbox = z.strictObject({
  schema: z.literal('fairlead/outbox@1'),
  /** The last sequence number given to a report. */
  sequence: z.int().min(0),
  delivered: z.strictObject({ record: z.int().min(1), stages: z.int().min(0) }).nullable(),
});
export type Outbox = z.output<typeof outbox>;

export const EMPTY_OUTBOX: Outbox = { schema: 'fairlead/outbox@1', sequence: 0, delivered: null };

/** `records` oldest first; so is the answer. */
export function selectUndelivered(
  state: Outbox,
  records: readonly DeploymentRecord[],
): readonly DeploymentRecord[] {
  const { delivered } = state;
  if (delivered === null) return records;
  return records.filter(
    (record) =>
      record.id > delivered.record ||
      (record.id === delivered.record && record.stages.length > delivered.stages),
  );
}

export function nextBatch(state: Outbox, records: readonly DeploymentRecord[]): readonly DeploymentRecord[] {
  return selectUndelivered(state, records).slice(0, MOST_RECORDS);
}

/** The state once a report with these records was taken by the server. */
export function markDelivered(state: Outbox, batch: readonly DeploymentRecord[]): Outbox {
  const last = batch.at(-1);
  if (last === undefined) return state;
  return { ...state, delivered: { record: last.id, stages: last.stages.length } };
}

/** Without what this server does not read: it would refuse the whole. */
export function readableBy(reads: readonly OptionalPart[], { facts, ...report }: Report): Report {
  const told = facts !== undefined && reads.includes('facts') ? { facts } : {};
  const heard = report.records.map(withoutOwn);
  const records = reads.includes('fetched') ? heard : heard.map(withoutFetched);
  if (reads.includes('fixes')) return { ...report, ...told, records };
  return {
    ...{ ...report, ...told },
    decision: report.decision === null ? null : withoutFix(report.decision),
    records: records.map(withoutFix),
  };
}

type Reported = Report['records'][number];

/** What services wrote is the install's, but for what an error tells of it; and so is how fast its registries are. */
function withoutOwn({
  once: _,
  pulled: __,
  ...record
}: Reported & Pick<DeploymentRecord, 'once' | 'pulled'>): Reported {
  return record;
}

function withoutFetched({ fetched: _, ...record }: Reported): Reported {
  return record;
}

function withoutFix<Told extends { readonly fix?: Fix | undefined }>({ fix: _, ...told }: Told) {
  return told;
}

/** Whether this install says anything about itself, as its administrator has put it down. Where nothing was said, it does. */
export const reportingFile = z.strictObject({
  schema: z.literal('fairlead/reporting-file@1'),
  reporting: z.enum(['on', 'off']),
  since: instant,
  by: line,
  reason: line,
});
export type ReportingFile = z.output<typeof reportingFile>;

/** What nobody can read was written by somebody who had something to say: until it is said anew nothing leaves. */
export function isReportingOff(known: ReportingFile | null, damage: string | null): boolean {
  return known === null ? damage !== null : known.reporting === 'off';
}
