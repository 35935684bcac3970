// The rows of looking back: from when to when an install said something, and how each advisory read from when on; and how many are kept.
import { durationMs } from '../../shared/encoding/instant.ts';
import type { SaidKind } from '../core/said.ts';

/** Of each install, beside those that stand; the oldest go, and `forgotten` says up to when. */
export const KEPT_SPANS = 2_000;
/** Regulation (EU) 2024/2847, Article 13(13): documentation is at hand for ten years. */
export const KEPT_SPANS_MS = durationMs('P3653D');

/**
 * Beside what reports say: `silent`, nothing was heard; `owned`, it was this customer's; `forgotten`, what ended up to then is kept no
 * longer.
 */
export type SpanKind = SaidKind | 'silent' | 'owned' | 'forgotten';

export interface SpanRow {
  readonly instance: string;
  readonly kind: SpanKind;
  readonly subject: string;
  readonly value: string;
  /** JSON; see core/said.ts. */
  readonly detail: string | null;
  /** When the first report that says so was received, by the server's clock. */
  readonly since: string;
  /** Its number and digest. */
  readonly since_sequence: number | null;
  readonly since_report: string | null;
  /** When its agent was last heard before. */
  readonly heard_before: string | null;
  /** When the first one was received that says so no longer; null while it stands. */
  readonly until: string | null;
  readonly until_sequence: number | null;
  readonly until_report: string | null;
  /** JSON: of what runs, the record of the deployment that brought it; null where none was reported. */
  readonly proof: string | null;
}

/** There is one row of each. */
export const SPAN_KEY = ['instance', 'since', 'kind', 'subject', 'value'] as const;

/** A deployment record by its number on its instance, and the digest of it as the server keeps it. */
export interface Proof {
  readonly record: number;
  readonly plan: string;
  readonly digest: string;
  /** When it was committed, by the clock of the install. */
  readonly at: string;
  /** When the report that brought it was received. */
  readonly told: string;
}

export interface AdvisoryRevisionRow {
  readonly advisory: string;
  /** Counts up from 1. */
  readonly revision: number;
  /** SHA-256 of the document's bytes. */
  readonly digest: string;
  /** When it was published here. */
  readonly at: string;
  /** The version of the timestamp that led to it. */
  readonly metadata: number;
  /** The entry of the audit log that tells of it; null where none names it. */
  readonly entry: number | null;
  readonly body: string;
}

export interface SpanTables {
  readonly spans: SpanRow;
  readonly advisory_revisions: AdvisoryRevisionRow;
}
