// The workspace's audit: one line for each act, chained by digest, written before the act takes effect.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { toDiskError } from '../../../shared/errors/system-error.ts';
import { syncDirectory } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { digest, instant, line } from '../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import type { Session } from './session.ts';

const auditEntry = z.strictObject({
  at: instant,
  actor: line,
  /** What was done: the command, such as `release` or `rollout pause`. */
  action: line,
  /** What it was done to: a change, a release, an advisory, a role. */
  subject: line,
  details: z.record(z.string(), z.string()),
  /** Digest of the line before, null on the first. */
  previous: digest.nullable(),
});

export type AuditEntry = z.output<typeof auditEntry>;

const NEWLINE = 0x0a;

/** Every entry, its chain verified. A line that a kill cut short was never an entry. Error: vendor/audit-broken. */
export async function readAudit(directory: string): Promise<readonly AuditEntry[]> {
  return (await readChain(directory)).entries;
}

/** What this session does, now. */
export function auditAct(
  session: Session,
  action: string,
  subject: string,
  details: AuditEntry['details'],
): Promise<void> {
  const { actor } = session;
  return appendAudit(session.directory, {
    at: formatInstant(session.now()),
    actor,
    action,
    subject,
    details,
  });
}

/** Durable when it returns. Errors: vendor/audit-broken, disk/*. */
async function appendAudit(directory: string, entry: Omit<AuditEntry, 'previous'>): Promise<void> {
  const path = auditFile(directory);
  const { head, length } = await readChain(directory);
  const bytes = utf8(`${JSON.stringify({ ...entry, previous: head })}\n`);
  try {
    const handle = await open(path, 'a', 0o600);
    try {
      await handle.truncate(length);
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncDirectory(directory);
  } catch (cause) {
    throw toDiskError(path, cause, bytes.length);
  }
}

interface Chain {
  readonly entries: readonly AuditEntry[];
  readonly head: AuditEntry['previous'];
  /** Bytes of whole lines. */
  readonly length: number;
}

async function readChain(directory: string): Promise<Chain> {
  const file = auditFile(directory);
  const bytes = (await readIfPresent(file)) ?? new Uint8Array();
  const entries: AuditEntry[] = [];
  let head: AuditEntry['previous'] = null;
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
    const text = bytes.subarray(start, end);
    const entry = parseEntry(text, file, entries.length + 1);
    if (entry.previous !== head) throw broken(file, entries.length + 1);
    entries.push(entry);
    head = digestOf(text);
    start = end + 1;
  }
  return { entries, head, length: start };
}

function parseEntry(text: Uint8Array, file: string, line: number): AuditEntry {
  try {
    return parseDocumentBytes(auditEntry, text, `${file}:${line}`);
  } catch (cause) {
    if (!isFairleadError(cause)) throw cause;
    throw broken(file, line, { cause });
  }
}

function auditFile(directory: string): string {
  return join(directory, 'audit.jsonl');
}

function broken(file: string, line: number, options?: { readonly cause: unknown }): FairleadError {
  return new FairleadError('vendor/audit-broken', { file, line }, options);
}
