// What the rooms of the running agent share: a few collaborators, each for one purpose. A function names those it needs.
import type { Compile } from '../../../shared/compile/compile.ts';
import type { KnownFacts } from '../../../shared/compile/target.ts';
import type { Digest } from '../../../shared/encoding/digest.ts';
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import type { InTurn } from '../../../shared/node/turns.ts';
import type { VerifyReply } from '../../../shared/protocol/admin.ts';
import type { SaidFacts } from '../../../shared/protocol/facts.ts';
import type { Endpoint } from '../../../shared/protocol/survey.ts';
import type { SlotsState } from '../../../shared/protocol/upkeep.ts';
import type { PolicyTemplate } from '../../../shared/schema/proposal.ts';
import type { SbomRef } from '../../../shared/schema/sbom.ts';
import type { ApprovalsFile } from '../../core/approvals.ts';
import type { DecisionRecord } from '../../core/conclude.ts';
import type { ProposalsFile } from '../../core/proposals.ts';
import type { ReceiptsFile } from '../../core/receipts.ts';
import type { Deployer, DriverName } from '../../ports/deploy.ts';
import type { Clock, Log, Notices, Pulse } from '../../ports/machine.ts';
import type { Freshness, Repository, Sample, Samples } from '../../ports/server.ts';
import type { AuditLog, JsonStore, Settings, TreeStore } from '../../ports/state.ts';
import type { FetchAhead } from './fetch-ahead.ts';
import type { Reporting } from './gate.ts';
import type { Hints } from './hints.ts';
import type { Latest } from './latest.ts';
import type { Ledger } from './ledger.ts';
import type { OwnDeployments } from './own-deployments.ts';
import type { Reporter } from './reporter.ts';
import type { ServerContact } from './server-contact.ts';
import type { Weights } from './weights.ts';
import type { Witness } from './witness.ts';

export interface AgentState {
  readonly self: Self;
  readonly offers: Offers;
  readonly choice: Choice;
  readonly records: Records;
  readonly deployer: Deployer;
  readonly trees: TreeStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly pulse: Pulse;
  /** Absent where nobody is told anything. */
  readonly notices?: Notices | undefined;
  /** Ends the loop's wait: something local changed. */
  wake(): void;
}

/** Those of the collaborators that a function works with; whoever calls it needs to have no other. */
export type Needs<Part extends keyof AgentState> = Pick<AgentState, Part>;

/** Who this is, as others are told. */
export interface Self {
  readonly instance: {
    readonly id: string;
    readonly name: string;
    readonly server: string;
    /** Without its password; absent where requests go straight to the server. */
    readonly proxy?: string;
  };
  readonly agentVersion: string;
  /** Where it is started from, for `status`; absent where nobody looks. */
  readonly slots?: () => Promise<{ slots?: SlotsState }>;
  /** What the machine says of itself, as the agent found it; absent where nobody looked. */
  readonly machine?: Pick<KnownFacts, 'os' | 'arch'>;
  /** What may run services here; absent where every driver may. */
  readonly drivers?: readonly DriverName[] | undefined;
  /** How long a new generation is watched, over the policy's word; absent where that counts. */
  readonly soakMs?: number | undefined;
}

/** What the vendor offers: asked for, trusted for a time, fitted to this install, brought here ahead. */
export interface Offers {
  readonly contact: ServerContact;
  readonly hints: Hints;
  freshness(now: EpochMs): Freshness;
  root: Repository['root'];
  /** What stands on the way to the server now. Never throws. */
  survey(): Promise<Endpoint[]>;
  readonly compile: Compile;
  /** One decision is made after the other. */
  readonly inTurn: InTurn;
  readonly latest: Latest;
  readonly fetchAhead: FetchAhead;
  readonly weights: Weights;
  /** What of it the agent deploys by itself. */
  readonly own: OwnDeployments;
  /** What its server proposes, which is nobody's order. */
  readonly proposals: ProposalExchange;
  /** The bill of materials of a tree, as it was signed. Errors: transport/*, trust/*. */
  bill(tree: Digest, ref: SbomRef): Promise<Uint8Array>;
  /** Its template of a policy. Errors: transport/*, enrolment/identity-lost. */
  template(name: string): Promise<PolicyTemplate>;
}

export interface ProposalExchange {
  /**
   * Looks after them beside the rounds; `mark` is what the server last said about news, null when it said nothing, and
   * `unknown` when there is some.
   */
  request(mark?: number | 'unknown' | null): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

/** What people of this install chose: policy and configuration, and their answers to plans. */
export interface Choice {
  readonly settings: Settings;
  /** What they say that this install is. */
  readonly facts: JsonStore<SaidFacts>;
  readonly approvals: JsonStore<ApprovalsFile>;
  /** Approvals and facts are read, judged and written one after the other: two at once must not lose one. */
  readonly inTurn: InTurn;
  /** What the server proposes, and what was said to it; one after the other too. */
  readonly proposals: JsonStore<ProposalsFile>;
  readonly proposalsInTurn: InTurn;
}

/** What is written down of all that, here and at the vendor's. */
export interface Records {
  readonly audit: AuditLog;
  readonly ledger: Ledger;
  readonly reporter: Reporter;
  readonly witness: Witness;
  readonly receipts: JsonStore<ReceiptsFile>;
  /** The bytes of every root that was ever trusted here: receipts outlive keys. Errors: disk/*. */
  keptRoots(): Promise<readonly Uint8Array[]>;
  readonly reporting: Reporting;
  /** What would leave, byte by byte. */
  preview(samples: Samples): Promise<Sample[]>;
  readonly decisions: JsonStore<DecisionRecord>;
  /** What the last full verification of the live trees found. */
  readonly verification: JsonStore<VerifyReply>;
  /** State files that could not be read, until a person has looked at what is left of them. */
  damages(): Promise<readonly string[]>;
}
