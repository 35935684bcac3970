// The workspace's audit: one line for each act, chained by digest, written before the act takes effect.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { FairleadError, isFairleadError, toDiskError } from '../../../shared/errors/error.ts';
import { syncDirectory } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import {
  type AuditHead,
  advanceHead,
  auditHead,
  type Broken,
  EMPTY_AUDIT,
  followLink,
  type Link,
  verifyReached,
} from '../../../shared/schema/audit-chain.ts';
import { digest, instant, line } from '../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { readNewest } from './metadata.ts';
import type { Session } from './passphrases.ts';
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
  holdAgainst(chain, kept, brokenIn(auditFile(directory)));
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
  await writeJson(headFile(directory), advanceHead(head, digestOf(text)), 0o600);
}

export interface Chain {
  readonly entries: readonly AuditEntry[];
  readonly head: AuditHead;
  readonly links: readonly Link[];
  /** Bytes of whole lines. */
  readonly length: number;
}

async function readChain(directory: string): Promise<Chain> {
  const file = auditFile(directory);
  const bytes = (await readIfPresent(file)) ?? new Uint8Array();
  const entries: AuditEntry[] = [];
  const broken = brokenIn(file);
  const links: Link[] = [];
  let head = EMPTY_AUDIT;
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
    const text = bytes.subarray(start, end);
    const entry = parseEntry(text, file, entries.length + 1);
    const link = { previous: entry.previous, digest: digestOf(text) };
    head = followLink(head, link, EMPTY_AUDIT, broken);
    entries.push(entry);
    links.push(link);
    start = end + 1;
  }
  // Nothing is signed before it is on the record: a log that is gone with its checkpoint would pass for a new one.
  if (entries.length === 0 && (await readNewest(directory, 'root')) !== null)
    throw broken(1, 'it is missing');
  const chain = { entries, head, links, length: start };
  holdAgainst(chain, await readHead(directory), broken);
  return chain;
}

/** The line that a checkpoint names is there, unchanged. Error: vendor/audit-broken. */
function holdAgainst({ links }: Chain, kept: AuditHead, broken: Broken): void {
  const walked = links.reduce((head, link) => followLink(head, link, kept, broken), EMPTY_AUDIT);
  verifyReached(walked, kept, broken);
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
    throw new FairleadError('vendor/audit-broken', { file, line }, { cause });
  }
}

function headFile(directory: string): string {
  return join(directory, 'audit-head.json');
}

function auditFile(directory: string): string {
  return join(directory, 'audit.jsonl');
}

function brokenIn(file: string): Broken {
  return (line) => new FairleadError('vendor/audit-broken', { file, line });
}
