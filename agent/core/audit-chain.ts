// The audit log's chain: every line carries the digest of the line before it, so that nothing changes unnoticed.
import { z } from 'zod';
import { fromUtf8 } from '../../shared/encoding/bytes.ts';
import { canonicalize } from '../../shared/encoding/canonical.ts';
import { digestOf } from '../../shared/encoding/digest.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import {
  type AuditHead,
  advanceHead,
  EMPTY_AUDIT,
  followLink,
  verifyReached,
} from '../../shared/schema/audit-chain.ts';
import { digest, instant, line } from '../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';

export const AUDIT_EVENTS = [
  'enrolled',
  'agent-started',
  'agent-stopped',
  'policy-changed',
  'approval-given',
  'apply-requested',
  'deployment-started',
  'deployment-ended',
  'rollback-requested',
  'quarantine-lifted',
  'repair-requested',
  'policy-unreadable',
  'proposal-received',
  'proposal-answered',
] as const;

const auditEntry = z.strictObject({
  schema: z.literal('fairlead/audit@1'),
  /** Counts up from 1. */
  sequence: z.int().min(1),
  at: instant,
  event: z.enum(AUDIT_EVENTS),
  /** `agent`, or the account behind a local command. */
  actor: line,
  details: z.record(z.string(), z.union([z.string(), z.int(), z.boolean(), z.null()])),
  /** Digest of the previous line's bytes; null on the first. */
  previous: digest.nullable(),
});

export type AuditEntry = z.output<typeof auditEntry>;
export type AuditEvent = Pick<AuditEntry, 'event' | 'actor' | 'details'>;

export interface AuditChain {
  /** Oldest first. */
  readonly entries: readonly AuditEntry[];
  readonly head: AuditHead;
}

/** The next line's bytes, without its line break, and the head after it. */
export function chainEntry(
  head: AuditHead,
  event: AuditEvent,
  at: string,
): { readonly line: Uint8Array; readonly head: AuditHead } {
  const written = canonicalize({
    schema: 'fairlead/audit@1',
    sequence: head.count + 1,
    at,
    event: event.event,
    actor: sanitizeLine(event.actor),
    // One entry, one line: canonical JSON keeps a line break as it is.
    details: Object.fromEntries(
      Object.entries(event.details).map(([k, v]) => [k, typeof v === 'string' ? sanitizeLine(v, 300) : v]),
    ),
    previous: head.digest,
  });
  // Nothing follows a line that cannot be read: the log would end there for good.
  parseEntry(written, 'the audit log', head.count + 1);
  return { line: written, head: advanceHead(head, digestOf(written)) };
}

/** Reads every line, oldest first, and checks that each continues the one before. Error: audit/damaged. */
export function readChain(lines: readonly Uint8Array[], checkpoint: AuditHead, path: string): AuditChain {
  const broken = (line: number, problem: string) =>
    new FairleadError('audit/damaged', { path, line, problem });
  const entries: AuditEntry[] = [];
  let head = EMPTY_AUDIT;
  for (const bytes of lines) {
    const entry = parseEntry(bytes, path, head.count + 1);
    const { sequence, previous } = entry;
    head = followLink(head, { sequence, previous, digest: digestOf(bytes) }, checkpoint, broken);
    entries.push(entry);
  }
  verifyReached(head, checkpoint, broken);
  return { entries, head };
}

/** The line an entry stands in: what the next one's digest is made of. */
export function lineOf(entry: AuditEntry): string {
  return fromUtf8(canonicalize({ ...entry }));
}

function parseEntry(bytes: Uint8Array, path: string, lineNumber: number): AuditEntry {
  try {
    return parseDocumentBytes(auditEntry, bytes, path);
  } catch (cause) {
    throw new FairleadError(
      'audit/damaged',
      { path, line: lineNumber, problem: 'it is no entry' },
      { cause },
    );
  }
}
