// The workspace's audit: one line for each act, chained by digest, written before the act takes effect.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import { toDiskError } from '../../../shared/errors/system-error.ts';
import { syncDirectory } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { type AuditHead, auditHead, EMPTY_AUDIT } from '../../../shared/schema/audit-head.ts';
import { digest, instant, line } from '../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { readNewest } from './metadata.ts';
import type { Session } from './session.ts';
import { writeJson } from './workspace.ts';

export const auditEntry = z.strictObject({
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

/** The same with where the chain stands; `kept` is a checkpoint from elsewhere that it must still hold. */
export async function verifyAudit(directory: string, kept: AuditHead): Promise<Chain> {
  const chain = await readChain(directory);
  holdAgainst(chain, kept, auditFile(directory));
  return chain;
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
  const text = utf8(JSON.stringify({ ...entry, previous: head.digest }));
  const bytes = Buffer.concat([text, utf8('\n')]);
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
  // A kill before this leaves the log ahead of its checkpoint by one line; never behind.
  await writeJson(
    headFile(directory),
    { ...EMPTY_AUDIT, count: head.count + 1, digest: digestOf(text) },
    0o600,
  );
}

export interface Chain {
  readonly entries: readonly AuditEntry[];
  readonly head: AuditHead;
  /** Digest of each line. */
  readonly digests: readonly Digest[];
  /** Bytes of whole lines. */
  readonly length: number;
}

async function readChain(directory: string): Promise<Chain> {
  const file = auditFile(directory);
  const bytes = (await readIfPresent(file)) ?? new Uint8Array();
  const entries: AuditEntry[] = [];
  const digests: Digest[] = [];
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
    const text = bytes.subarray(start, end);
    const entry = parseEntry(text, file, entries.length + 1);
    if (entry.previous !== (digests.at(-1) ?? null)) throw broken(file, entries.length + 1);
    entries.push(entry);
    digests.push(digestOf(text));
    start = end + 1;
  }
  // Nothing is signed before it is on the record: a log that is gone with its checkpoint would pass for a new one.
  if (entries.length === 0 && (await readNewest(directory, 'root')) !== null) throw broken(file, 1);
  const head = { ...EMPTY_AUDIT, count: entries.length, digest: digests.at(-1) ?? null };
  const chain = { entries, head, digests, length: start };
  holdAgainst(chain, await readHead(directory), file);
  return chain;
}

/** The line that a checkpoint names is there, unchanged. Error: vendor/audit-broken. */
function holdAgainst({ digests }: Chain, kept: AuditHead, file: string): void {
  if (kept.count === 0) return;
  if (digests.length < kept.count) throw broken(file, digests.length + 1);
  if (digests[kept.count - 1] !== kept.digest) throw broken(file, kept.count);
}

/** Workspaces of earlier versions have none until the next act. */
async function readHead(directory: string): Promise<AuditHead> {
  const path = headFile(directory);
  const bytes = await readIfPresent(path);
  return bytes === null ? EMPTY_AUDIT : parseDocumentBytes(auditHead, bytes, path);
}

function parseEntry(text: Uint8Array, file: string, line: number): AuditEntry {
  try {
    return parseDocumentBytes(auditEntry, text, `${file}:${line}`);
  } catch (cause) {
    if (!isFairleadError(cause)) throw cause;
    throw broken(file, line, { cause });
  }
}

function headFile(directory: string): string {
  return join(directory, 'audit-head.json');
}

function auditFile(directory: string): string {
  return join(directory, 'audit.jsonl');
}

function broken(file: string, line: number, options?: { readonly cause: unknown }): FairleadError {
  return new FairleadError('vendor/audit-broken', { file, line }, options);
}
