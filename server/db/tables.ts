// The tables: instants are ISO 8601 text, documents are JSON text, so that SQLite and PostgreSQL read the same rows.
import { type Generated, type Kysely, PostgresAdapter, type RawBuilder, sql, type Transaction } from 'kysely';
import type { TokenRole } from '../../shared/protocol/fleet.ts';
import type { DeploymentStatRow, FleetSampleRow } from './analytics-row.ts';
import type { DeploymentRow } from './deployment-row.ts';
import type { InstanceRow } from './instance-row.ts';
import type { OutboxTables } from './outbox-row.ts';
import type { ProposalTables } from './proposal-row.ts';
import type { SpanTables } from './span-row.ts';

export interface CustomerRow {
  readonly id: string;
  readonly name: string;
  readonly revision: number;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A secret is kept as its SHA-256 only: whoever reads a backup cannot use it. */
interface TokenRow {
  readonly id: string;
  readonly hash: string;
  readonly name: string;
  readonly role: TokenRole;
  readonly created_at: string;
  readonly expires_at: string;
  readonly revoked_at: string | null;
  /** Whose it is; null is the vendor's own. */
  readonly customer: string | null;
}

/** A person's sign-in with a browser. */
interface SessionRow {
  readonly hash: string;
  /** The provider by its address: who somebody is there says nothing anywhere else. */
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  /** JSON: those that held something here at the sign-in. */
  readonly groups: string;
  readonly created_at: string;
  readonly used_at: string;
  readonly expires_at: string;
}

/** What passes of agents are sealed with, sealed itself; see pass-keys.ts. */
interface PassKeyRow {
  readonly id: string;
  readonly sealed: string;
  readonly created_at: string;
}

interface EnrolmentRow {
  readonly hash: string;
  readonly name: string;
  readonly created_at: string;
  readonly expires_at: string;
  /** The instance that redeemed the code. */
  readonly used_by: string | null;
  /** Whose the instance will be. */
  readonly customer: string | null;
}

/** What each instance runs, by its last report. */
interface InstanceComponentRow {
  readonly instance: string;
  readonly component: string;
  readonly version: string;
}

/** How many instances run a version: one of several numbers, of which the sum counts; see running-versions.ts. */
export interface RunningVersionRow {
  readonly component: string;
  readonly version: string;
  readonly shard: number;
  readonly instances: number;
}

/** Who keeps each instance from what, by its last report. */
interface InstanceBlockerRow {
  readonly instance: string;
  readonly owner: string;
  readonly code: string;
}

/** The last reports of each instance, for looking back. */
interface ReportRow {
  readonly instance: string;
  readonly sequence: number;
  readonly received_at: string;
  readonly body: string;
}

/** Which changes a deployment carried. */
interface DeploymentChangeRow {
  readonly change: string;
  readonly instance: string;
  readonly record: number;
  /** As the deployment has it: lists of one change go by it. */
  readonly started_at: string | null;
}

interface ChangeRow {
  readonly id: string;
  readonly component: string;
  readonly version: string;
  readonly updated_at: string;
  readonly body: string;
}

interface AuditRow {
  readonly sequence: number;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly details: string;
  readonly previous: string | null;
  readonly digest: string;
}

/** Its only row says whose turn to publish the last one was, and the highest version given; see publishing.ts. */
interface PublishingRow {
  readonly id: number;
  readonly turn: string;
  readonly version: number;
}

/** What was done last about backups; see backup-marks.ts. */
interface BackupMarkRow {
  readonly name: string;
  /** JSON. */
  readonly value: string;
}

/** What is to be done later, by whichever process; see jobs.ts. */
export interface JobRow {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly due_at: string;
  /** Begun since it last succeeded. */
  readonly attempts: number;
  readonly last_error: string | null;
  readonly given_up_at: string | null;
  /** Another for each time it is taken; null while nobody has it. */
  readonly lease: string | null;
  readonly leased_by: string | null;
  readonly leased_until: string | null;
}

export interface EventRow {
  /** Given by the database, in the order in which they are written, not in the order in which they are committed. */
  readonly id: number;
  readonly at: string;
  readonly kind: string;
  readonly instance: string | null;
  readonly actor: string;
  readonly subject: string;
  readonly details: string;
}

/** A halt that the server signed by itself; see guard-halts.ts. */
export interface GuardHaltRow {
  /** Of the release that it stops. */
  readonly digest: string;
  readonly issued_at: string;
  readonly expires_at: string;
  readonly release: string;
  readonly change: string;
  /** For people; null for every install. */
  readonly class: string | null;
  readonly reason: string;
  /** Digest of its bytes: by it the halt that is published is known again. */
  readonly document: string;
  /** When it was found gone, or another in its place, before its time. */
  readonly lifted_at: string | null;
}

/** Where the log of an install ended when it said so; see ledger-kept.ts. */
export interface LedgerHeadRow {
  readonly instance: string;
  /** `newest`, or branch, day, and which of that day: `003 2026-11-29 01`. */
  readonly place: string;
  /** Goes up each time that the log is another than it was: what was said before that stays beside what is said since. */
  readonly branch: number;
  readonly entries: number;
  readonly digest: string;
  /** When it was received, by the server's clock. */
  readonly at: string;
}

/** The database gives the id, unless a row is copied. */
type StoredEvent = Omit<EventRow, 'id'> & { readonly id: Generated<number> };

/** Set once it has ended and was counted; no report sets it back. */
type StoredDeployment = DeploymentRow & { readonly counted: Generated<number | null> };

export interface Tables extends ProposalTables, OutboxTables, SpanTables {
  readonly customers: CustomerRow;
  readonly tokens: TokenRow;
  readonly sessions: SessionRow;
  readonly pass_keys: PassKeyRow;
  readonly enrolments: EnrolmentRow;
  readonly instances: InstanceRow;
  readonly instance_components: InstanceComponentRow;
  readonly running_versions: RunningVersionRow;
  readonly instance_blockers: InstanceBlockerRow;
  readonly reports: ReportRow;
  readonly deployments: StoredDeployment;
  readonly deployment_changes: DeploymentChangeRow;
  readonly deployment_stats: DeploymentStatRow;
  readonly fleet_samples: FleetSampleRow;
  readonly changes: ChangeRow;
  readonly audit: AuditRow;
  readonly publishing: PublishingRow;
  readonly jobs: JobRow;
  readonly events: StoredEvent;
  readonly backup_marks: BackupMarkRow;
  readonly guard_halts: GuardHaltRow;
  readonly ledger_heads: LedgerHeadRow;
}

/** The database, or one transaction of it. */
export type Database = Kysely<Tables>;

/** What was begun at the one door for transactions; see transact.ts. */
export type DatabaseTransaction = Transaction<Tables>;

export interface ColumnTypes {
  /** Compared by its bytes: cursors go on from a text, whatever language the database speaks. */
  readonly text: 'text' | RawBuilder<string>;
  /** Up to 2^53: SQLite's integers are that large, PostgreSQL's are not. */
  readonly integer: 'integer' | 'bigint';
}

export function columnTypesOf(db: Kysely<unknown>): ColumnTypes {
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter;
  return isPostgres
    ? { text: sql<string>`text collate "C"`, integer: 'bigint' }
    : { text: 'text', integer: 'integer' };
}
