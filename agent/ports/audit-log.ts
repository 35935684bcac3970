// The audit log as the engine sees it: what happened, who did it, and whether the record is whole.
import type { AuditChain, AuditEntry, AuditEvent } from '../core/audit-chain.ts';

export interface AuditLog {
  /** Durable when it resolves. Errors: audit/damaged, disk/*. */
  append(event: AuditEvent): Promise<void>;
  /** Every entry, oldest first, after the whole chain was verified. Error: audit/damaged. */
  entries(): Promise<readonly AuditEntry[]>;
  /** The same with where the chain stands. */
  read(): Promise<AuditChain>;
}
