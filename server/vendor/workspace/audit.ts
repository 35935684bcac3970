// The workspace's audit: one line for each act, chained by digest, written before the act takes effect.
import { createHash, type Hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestFromHex, digestOf } from '../../../shared/encoding/digest.ts';
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
import { readMemory, writeJson, writeMemory } from './workspace.ts';

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
  holdAgainst(chain, BEGINNING, kept, brokenIn(auditFile(directory)));
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
  const { head, length, hash } = await proveChain(directory);
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
  const next = advanceHead(head, digestOf(text));
  await writeJson(headFile(directory), next, 0o600);
  const whole = digestFromHex(hash.update(bytes).digest('hex'));
  const proof = {
    schema: 'fairlead/audit-proved@1',
    head: next,
    length: length + bytes.length,
    digest: whole,
  };
  await writeMemory(directory, PROVED, proof);
}

/** The last entry of this action about this subject, its chain verified. Error: vendor/audit-broken. */
export async function findAct(
  directory: string,
  action: string,
  subject: string,
): Promise<AuditEntry | null> {
  const { bytes, length } = await proveChain(directory);
  const file = auditFile(directory);
  // As it was written: in texts that hold the same, the quotes are escaped.
  const mark = utf8(`"subject":${JSON.stringify(subject)}`);
  for (let at = bytes.lastIndexOf(mark, length); at > 0; at = bytes.lastIndexOf(mark, at - 1)) {
    const start = bytes.lastIndexOf(NEWLINE, at) + 1;
    const entry = parseDocumentBytes(auditEntry, bytes.subarray(start, bytes.indexOf(NEWLINE, at)), file);
    if (entry.action === action && entry.subject === subject) return entry;
  }
  return null;
}

const PROVED = 'audit-proved.json';

const provedChain = z.strictObject({
  schema: z.literal('fairlead/audit-proved@1'),
  head: auditHead,
  /** So many bytes of the log, whole lines, were verified; and their digest. */
  length: z.int().min(1),
  digest,
});

interface Proved extends Pick<Chain, 'head' | 'length'> {
  /** All that the file holds. */
  readonly bytes: Buffer;
  /** Of the whole lines, to be gone on with. */
  readonly hash: Hash;
}

/**
 * The chain as `readChain` verifies it. Bytes whose digest says that they were verified before are not taken apart again: a
 * long log is read at one go, whatever is appended to it.
 */
async function proveChain(directory: string): Promise<Proved> {
  const file = auditFile(directory);
  const bytes = Buffer.from((await readIfPresent(file)) ?? []);
  const proof = await readMemory(directory, PROVED, provedChain);
  const hash = createHash('sha256').update(bytes.subarray(0, proof?.length ?? 0));
  const isSame =
    proof !== null && proof.length <= bytes.length && proof.digest === `sha256:${hash.copy().digest('hex')}`;
  const kept = await readHead(directory);
  // A checkpoint from before the proof can only be held against the lines themselves.
  if (!isSame || kept.count < proof.head.count) {
    const { head, length } = await readChain(directory);
    return { head, length, bytes, hash: createHash('sha256').update(bytes.subarray(0, length)) };
  }
  const rest = walk(bytes, file, proof);
  holdAgainst(rest, proof, kept, brokenIn(file));
  return { ...rest, bytes, hash: hash.update(bytes.subarray(proof.length, rest.length)) };
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
  const chain = walk(bytes, file, BEGINNING);
  // Nothing is signed before it is on the record: a log that is gone with its checkpoint would pass for a new one.
  if (chain.length === 0 && (await readNewest(directory, 'root')) !== null)
    throw brokenIn(file)(1, 'it is missing');
  holdAgainst(chain, BEGINNING, await readHead(directory), brokenIn(file));
  return chain;
}

const BEGINNING = { head: EMPTY_AUDIT, length: 0 };

/** The whole lines behind where the chain is known already. */
function walk(bytes: Uint8Array, file: string, from: Pick<Chain, 'head' | 'length'>): Chain {
  const entries: AuditEntry[] = [];
  const links: Link[] = [];
  let { head, length: start } = from;
  for (let end = bytes.indexOf(NEWLINE, start); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
    const text = bytes.subarray(start, end);
    const entry = parseEntry(text, file, head.count + 1);
    const link = { previous: entry.previous, digest: digestOf(text) };
    head = followLink(head, link, EMPTY_AUDIT, brokenIn(file));
    entries.push(entry);
    links.push(link);
    start = end + 1;
  }
  return { entries, head, links, length: start };
}

/** The line that a checkpoint names is there, unchanged. Error: vendor/audit-broken. */
function holdAgainst(
  { links }: Chain,
  { head: from }: Pick<Chain, 'head'>,
  kept: AuditHead,
  broken: Broken,
): void {
  if (from.count === kept.count && from.digest !== kept.digest) {
    throw broken(from.count, 'it is another than when the checkpoint was written');
  }
  const walked = links.reduce((head, link) => followLink(head, link, kept, broken), from);
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
