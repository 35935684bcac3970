// What the server has not heard yet: which deployment records go into the next report.
import { z } from 'zod';
import { MOST_RECORDS } from '../../shared/protocol/report.ts';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';

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
