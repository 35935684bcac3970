// The vendor's server: what it has signed, where its bytes come from, how it is told; and whoever asks this agent.
import type { Catalog } from '../../shared/compile/releases.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import type { Hint } from '../../shared/protocol/hint.ts';
import type { PatchEnds, PatchList } from '../../shared/protocol/patches.ts';
import type { AnswersReply, MinesReply, ProposalAnswer } from '../../shared/protocol/proposal.ts';
import type { Heartbeat, OptionalPart, Report } from '../../shared/protocol/report.ts';
import type { PolicyTemplate } from '../../shared/schema/proposal.ts';
import type { FileMeta, Root, Targets } from '../../shared/trust/metadata.ts';
import type { Signer } from '../../shared/trust/rules.ts';

export interface Repository {
  /**
   * Brings trusted metadata and its documents up to date and makes them durable. `unchanged` when the server's timestamp
   * is the trusted one. Errors: trust/*, transport/*, disk/*; what was reached stays, and what failed keeps its old state.
   */
  refresh(now: EpochMs): Promise<'changed' | 'unchanged'>;
  /** Every document of the last refresh, verified, from the disk alone; what the disk lost is left out until the next. Errors: trust/*, disk/*. */
  catalog(): Promise<Catalog>;
  freshness(now: EpochMs): Freshness;
  /** The mirror that answered the last refresh; null where it was the vendor's server. */
  mirror(): string | null;
  /** What all of it hangs on; null until the disk could be read. */
  root(): Root | null;
}

export interface Freshness {
  /** `clock-behind`: this machine's clock is earlier than signed data already seen. */
  readonly state: 'fresh' | 'expired' | 'clock-behind' | 'never';
  /** When the first of the metadata behind the catalog expires; an incomplete refresh does not move it. */
  readonly expires: EpochMs | null;
}

/** As `verifyTargets` of shared/trust/rules.ts, of bytes of any size, wherever there is time for them. Errors: trust/*. */
export type VerifyTargets = (
  role: string,
  signer: Signer,
  expected: FileMeta,
  bytes: Uint8Array,
) => Promise<Targets>;

export type MetadataAnswer =
  | { readonly kind: 'body'; readonly bytes: Uint8Array; readonly etag: string | null }
  /** It still has what `unless` names. */
  | { readonly kind: 'not-modified' }
  /** `place` says where it was looked for. */
  | { readonly kind: 'missing'; readonly status: number; readonly place: string };

/** A server, a mirror, a directory: where bytes come from. Nothing that it gives is believed. */
export interface RepositorySource {
  /** Its address, where it is a copy that somebody named; absent for the vendor's own. */
  readonly mirror?: string;
  /** A metadata file by its name, `2.root.json`. Errors: transport/*. */
  metadata(
    file: string,
    options: { readonly maxBytes: number; readonly unless?: string },
  ): Promise<MetadataAnswer>;
  /** A target by its path, and by its hash in consistent snapshots. Errors: transport/*, trust/misplaced. */
  document(path: string, hash: string | null, maxBytes: number): Promise<Uint8Array>;
  /** Downloads a tree's pack into `file`, going on where an earlier call stopped. Errors: transport/*, disk/*. */
  pack(treeHex: string, file: string, options: DownloadLimits): Promise<void>;
  /** The bill of materials of a tree, by its digest; null where it has none. Errors: transport/*. */
  sbom(treeHex: string, sbomHex: string, maxBytes: number): Promise<Uint8Array | null>;
  /** Which patches lead to a tree; null where it has no list of them. Errors: transport/*, json/*, document/invalid. */
  patches(treeHex: string, signal?: AbortSignal): Promise<PatchList | null>;
  /** Downloads one of them, as a pack. Errors: transport/*, disk/*. */
  patch(ends: PatchEnds, file: string, options: DownloadLimits): Promise<void>;
}

/** A registry was asked, and did not say. */
export interface Unanswered {
  readonly kind: 'unanswered';
  readonly cause: unknown;
}

export interface DownloadLimits {
  readonly maxBytes: number;
  /** Bytes there now, and in all, as far as whoever sends them says so. */
  readonly onProgress: (bytes: number, total: number | null) => void;
  readonly signal?: AbortSignal;
}

/** What the agent tells the server, and what it asks of it in its own name: all with the instance's own key. */
export interface ServerChannel {
  /** Resolves once the report is on the server's disk. Errors: transport/*, enrolment/identity-lost. */
  send(report: Report): Promise<Sent>;
  /** The same of a heartbeat. Errors: as above. */
  beat(heartbeat: Omit<Heartbeat, 'schema'>): Promise<Sent & { readonly wantsWhole: boolean }>;
  /** A page of what the server proposes, behind the one before. Nothing of it is believed. Errors: as above. */
  proposals(after: string | null): Promise<MinesReply>;
  /** Resolves once the answers are on the server's disk. Errors: as above. */
  answerProposals(answers: readonly ProposalAnswer[]): Promise<AnswersReply>;
  /** The vendor’s template of this name, as it is now. Errors: as above. */
  template(name: string): Promise<PolicyTemplate>;
  /** Listens to what the server has to say until that ends, or the signal aborts. Never throws. */
  listen(on: Listening, signal: AbortSignal): Promise<ListeningEnd>;
  /** Why nothing can be sent from here, until a person has mended it; null where it can. */
  damage(): Promise<string | null>;
}

/** What would be said, to be shown before it leaves. */
export interface Samples {
  readonly report: Report;
  readonly answers: readonly ProposalAnswer[];
}

/** A request as it leaves, of a kind that `shared/protocol/sent.ts` names. */
export interface Sample {
  readonly kind: string;
  readonly bytes: string;
}

export interface Listening {
  onOpen(): void;
  /** Nothing of it is believed: it is a reason to ask. */
  onHint(hint: Hint): void;
}

export interface ListeningEnd {
  readonly problem: string;
  /** Somebody on the way answers, and gives no such connection: that does not change within minutes. */
  readonly isRefusal: boolean;
  /** It stood for a while before. */
  readonly isSteady: boolean;
}

export interface Sent {
  /** The highest sequence that the server now holds. */
  readonly sequence: number;
  /** What heartbeats may name from now on; null where the server keeps no such thing, or not this report. */
  readonly held: string | null;
  /** The optional parts of reports that the server reads; an earlier one says nothing, and reads none. */
  readonly reads: readonly OptionalPart[];
  /** Another number than the last: there is news about proposals. Null where the server does not say. */
  readonly proposals: number | null;
  /** When the server last heard another agent speak in this one's name; null where it does not say. */
  readonly twinsHeard: string | null;
  /** For the head of the log that the report named, as it came: nothing of it was looked at. Absent where it named none, or was not kept. */
  readonly receipt?: unknown;
}

export interface AdminRequest {
  readonly method: string;
  readonly path: string;
  /** Bounded by the socket; not yet parsed. */
  readonly body: Uint8Array;
  /** The operator's account, in the operator's own words. */
  readonly actor: string;
}

/** Answers with a value that JSON can hold, or throws a FairleadError. */
export type AdminHandler = (request: AdminRequest) => Promise<unknown>;
