// A report as rows: everything that is written of it, made once, in whichever thread read it.
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { type JsonLimits, parseJson } from '../../shared/encoding/json.ts';
import { type Report, report } from '../../shared/protocol/report.ts';
import { parseDocument } from '../../shared/schema/parse-document.ts';
import { type RecordRow, recordRow } from './deployment-row.ts';
import { type ReportedColumns, reportedColumns } from './instance-row.ts';

export interface ReportRows {
  readonly instance: ReportedColumns;
  /** Component to version. */
  readonly components: readonly (readonly [string, string])[];
  readonly records: readonly RecordRow[];
}

export const MAX_REPORT_BYTES = 2 ** 20;

const LIMITS: JsonLimits = { maxBytes: MAX_REPORT_BYTES, maxDepth: 32, maxNodes: 131_072 };

/** Errors: json/*, document/invalid. */
export function readReport(bytes: Uint8Array, received: EpochMs): ReportRows {
  const name = 'the request body';
  return reportRows(parseDocument(report, parseJson(bytes, name, LIMITS), name), received);
}

export function reportRows(report: Report, received: EpochMs): ReportRows {
  return {
    instance: reportedColumns(report, received),
    // Named twice, a component counts as its last entry says.
    components: [...new Map(report.components.map(({ component, version }) => [component, version]))],
    records: report.records.map((record) => recordRow(record, received)),
  };
}
