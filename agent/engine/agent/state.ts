// What every part of the running agent shares: its ports, its facts, and the few things it remembers.

import type { Compile } from '../../../shared/compile/cache.ts';
import type { InTurn } from '../../../shared/node/turns.ts';
import type { VerifyReply } from '../../../shared/protocol/admin.ts';
import type { ApprovalsFile } from '../../core/approvals.ts';
import type { DecisionRecord } from '../../core/decision-record.ts';
import type { Outbox } from '../../core/outbox.ts';
import type { AuditLog } from '../../ports/audit-log.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Deployer } from '../../ports/deployer.ts';
import type { JsonStore } from '../../ports/json-store.ts';
import type { Log } from '../../ports/log.ts';
import type { Pulse } from '../../ports/pulse.ts';
import type { Repository } from '../../ports/repository.ts';
import type { ServerChannel } from '../../ports/server-channel.ts';
import type { Settings } from '../../ports/settings.ts';
import type { TreeStore } from '../../ports/tree-store.ts';
import type { FetchAhead } from './fetch-ahead.ts';
import type { Ledger } from './ledger.ts';
import type { Reporter } from './reporter.ts';
import type { ServerContact } from './server-contact.ts';

export interface AgentOptions {
  readonly instance: {
    readonly id: string;
    readonly name: string;
    readonly server: string;
    /** Without its password; absent where requests go straight to the server. */
    readonly proxy?: string;
  };
  readonly agentVersion: string;
  /** How the agent before this one ended, in the word of the service manager; null where it does not say. */
  readonly previousEnd: string | null;
  readonly pollIntervalMs: number;
  /** Uniform in [0, 1). */
  readonly chance: () => number;
  readonly clock: Clock;
  readonly log: Log;
  readonly repository: Repository;
  readonly deployer: Deployer;
  readonly pulse: Pulse;
  readonly trees: TreeStore;
  readonly settings: Settings;
  readonly audit: AuditLog;
  readonly channel: ServerChannel;
  readonly outbox: JsonStore<Outbox>;
  readonly approvals: JsonStore<ApprovalsFile>;
  readonly decisions: JsonStore<DecisionRecord>;
  /** What the last full verification of the live trees found. */
  readonly verification: JsonStore<VerifyReply>;
}

export interface AgentState extends AgentOptions {
  readonly contact: ServerContact;
  readonly reporter: Reporter;
  readonly ledger: Ledger;
  readonly fetchAhead: FetchAhead;
  readonly compile: Compile;
  /** Approvals are read, judged and written one after the other: two at once must not lose one. */
  readonly approvalTurn: InTurn;
  /** Ends the loop's wait: something local changed. */
  wake(): void;
}
