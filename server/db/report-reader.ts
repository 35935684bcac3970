// Reads the reports of agents: small ones at once, large ones in a thread, so that none of them holds up everybody else.
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { startOnDemand, startThread } from '../../shared/node/thread.ts';
import { type ReportRows, readReport } from './records.ts';

/** Errors: json/*, document/invalid, server/busy. */
export type ReadReport = (bytes: Uint8Array, received: EpochMs) => Promise<ReportRows>;

export interface ReportQuestion {
  readonly bytes: Uint8Array;
  readonly received: EpochMs;
}

/** An agent's usual report has a few kilobytes; one of this size takes some milliseconds. */
const SMALL_BYTES = 32 * 1024;
/** What may wait for the thread. */
const MAX_WAITING_BYTES = 32 * 2 ** 20;
const RETRY_AFTER_SECONDS = 5;
const IDLE_MS = 60_000;
const HEAP_MB = 256;

export function createReportReader(): ReadReport {
  const thread = startOnDemand<ReportQuestion, ReportRows>(
    () =>
      startThread('server/db/report-thread.ts', {
        limits: { maxOldGenerationSizeMb: HEAP_MB },
      }),
    IDLE_MS,
  );
  let waiting = 0;
  return async (bytes, received) => {
    if (bytes.length <= SMALL_BYTES) return readReport(bytes, received);
    if (waiting + bytes.length > MAX_WAITING_BYTES) {
      throw new FairleadError('server/busy', { seconds: RETRY_AFTER_SECONDS });
    }
    waiting += bytes.length;
    try {
      return await thread.ask({ bytes, received });
    } finally {
      waiting -= bytes.length;
    }
  };
}
