// The report of compliance as a file: one JSON document, an install a line, whose last line is the digest of all bytes before it.
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { createDigester, type Digest } from '../../../shared/encoding/digest.ts';
import { safeJson } from '../../../shared/encoding/text.ts';
import type {
  ComplianceAdvisories,
  ComplianceAdvisory,
  ComplianceInstall,
  Period,
} from '../../../shared/protocol/compliance.ts';
import { type ComplianceSummary, summarize } from './compliance-summary.ts';

export const REPORT_SCHEMA = 'fairlead/compliance-report@1';

export interface ComplianceReport {
  readonly kind: 'compliance' | 'cra';
  /** The customer, the advisory or the period. */
  readonly subject: string;
  readonly period: Period;
  /** Of the server: where its log ended when it was asked, and when that was. */
  readonly server: ComplianceAdvisories['server'];
  readonly summary: ComplianceSummary;
  readonly advisories: readonly ComplianceAdvisory[];
  readonly installs: readonly ComplianceInstall[];
}

export function createReport(
  about: Pick<ComplianceReport, 'kind' | 'subject'>,
  { period, advisories, server }: ComplianceAdvisories,
  installs: readonly ComplianceInstall[],
): ComplianceReport {
  const summary = summarize(installs, advisories);
  return { ...about, period, server, summary, advisories, installs };
}

/**
 * The lines of the file, and its digest: of all bytes before the last line. What would act on a terminal stands as escapes, so the
 * bytes are the same wherever it is printed.
 */
export function formatReport(report: ComplianceReport): {
  readonly lines: readonly string[];
  readonly digest: Digest;
} {
  const { advisories, installs, ...head } = report;
  const begin = safeJson({ schema: REPORT_SCHEMA, ...head }).slice(0, -1);
  const lines = [
    `${begin},"advisories":[`,
    ...listed(advisories),
    '],"installs":[',
    ...listed(installs),
    '],',
  ];
  const digester = createDigester();
  for (const line of lines) digester.update(utf8(`${line}\n`));
  const digest = digester.end();
  return { lines: [...lines, `"digest":"${digest}"}`], digest };
}

function listed(values: readonly object[]): readonly string[] {
  return values.map((value, i) => `${safeJson(value)}${i === values.length - 1 ? '' : ','}`);
}
