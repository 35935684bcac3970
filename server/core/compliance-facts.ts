// What a judgement of compliance goes by: what an install said from when to when, the advisories as they read, and when it was there.
import type { EpochMs } from '../../shared/encoding/instant.ts';
import type { Advisory } from '../../shared/schema/advisory.ts';

/** From when to when it said something; times by the server's clock. */
export interface SaidSpan {
  readonly kind: string;
  readonly subject: string;
  readonly value: string;
  readonly detail: string | null;
  readonly since: EpochMs;
  /** The same as text, as `untilAt` is. */
  readonly sinceAt: string;
  readonly sinceSaid: Said;
  readonly heardBefore: EpochMs | null;
  /** Infinity while it stands. */
  readonly until: EpochMs;
  readonly untilAt: string;
  readonly untilSaid: Said;
  readonly proof: {
    readonly record: number;
    readonly plan: string;
    readonly digest: string;
    readonly at: EpochMs;
    readonly told: EpochMs;
  } | null;
}

interface Said {
  readonly sequence: number | null;
  readonly report: string | null;
}

export interface JudgedAdvisory {
  /** As it last read in the period. */
  readonly document: Advisory;
  readonly published: EpochMs;
  /** Infinity while it stands. */
  readonly withdrawn: EpochMs;
}

export interface JudgedInstall {
  readonly spans: readonly SaidSpan[];
  /** From when on it was there, and whose it is asked for. */
  readonly there: EpochMs;
  /** The part of the period in which it was. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** It went away at the end of that part. */
  readonly hasLeft: boolean;
  /** Null where it was heard within a day before the end. */
  readonly silentSince: EpochMs | null;
  readonly isIsolated: boolean;
  readonly cloned: { readonly from: EpochMs; readonly to: EpochMs } | null;
}
