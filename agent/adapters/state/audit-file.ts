// The audit log on disk: `audit/log.jsonl`, appended and fsynced line by line, and the checkpoint beside it.
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { toDiskError } from '../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../shared/node/read-file.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import { type AuditHead, auditHead, EMPTY_AUDIT } from '../../../shared/schema/audit-chain.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { type AuditChain, type AuditEvent, chainEntry, readChain } from '../../core/audit-chain.ts';
import type { Clock } from '../../ports/machine.ts';
import type { AuditLog } from '../../ports/state.ts';

const NOTHING = new Uint8Array();

export function createAuditFile(stateDir: string, clock: Clock): AuditLog {
  const directory = join(stateDir, 'audit');
  const log = join(directory, 'log.jsonl');
  const checkpoint = join(directory, 'checkpoint.json');
  let head: AuditHead | null = null;
  /** What log and checkpoint looked like after the last append of this process. */
  let left = '';
  const inTurn = createTurns();

  /** A log that somebody else touched since is looked at whole: an entry that follows nothing would break it for good. */
  async function headOnDisk(): Promise<AuditHead> {
    const looks = await looksOf(log, checkpoint);
    if (head !== null && looks === left) return head;
    const found = await openLog(directory, log, checkpoint);
    left = await looksOf(log, checkpoint);
    head = found;
    return found;
  }

  async function appendNext(event: AuditEvent): Promise<void> {
    const from = await headOnDisk();
    // Unknown until this append is whole: a failed one is looked up on disk again.
    head = null;
    const next = chainEntry(from, event, formatInstantMs(clock.now()));
    await appendDurably(log, Buffer.concat([next.line, utf8('\n')]));
    await writeDurably(checkpoint, canonicalize({ ...next.head }));
    left = await looksOf(log, checkpoint);
    head = next.head;
  }

  async function read(): Promise<AuditChain> {
    await inTurn(async () => undefined);
    // In this order: another process may write meanwhile, and its log is never behind its checkpoint.
    const head = await readCheckpoint(checkpoint);
    const { lines } = splitLines((await readIfPresent(log)) ?? NOTHING);
    return readChain(lines, head, log);
  }

  return {
    append: (event) => inTurn(() => appendNext(event)),
    verify: () => inTurn(async () => void (await headOnDisk())),
    head: () => inTurn(headOnDisk),
    entries: async () => (await read()).entries,
    read,
  };
}

/** The verified head of what is on disk; a line that a crash tore in half never was acknowledged and goes. */
async function openLog(directory: string, log: string, checkpoint: string): Promise<AuditHead> {
  await makeDirectory(directory);
  const bytes = (await readIfPresent(log)) ?? NOTHING;
  const { lines, whole } = splitLines(bytes);
  const { head } = readChain(lines, await readCheckpoint(checkpoint), log);
  if (whole < bytes.length) await writeDurably(log, bytes.subarray(0, whole));
  else await writeLastAgain(log, lines.at(-1), whole);
  return head;
}

async function looksOf(...paths: readonly string[]): Promise<string> {
  const looks = paths.map(async (path) => {
    const { ino, size, mtimeMs } = await stat(path).catch(() => ({ ino: 0, size: 0, mtimeMs: 0 }));
    return [ino, size, mtimeMs].join();
  });
  return (await Promise.all(looks)).join(' ');
}

async function appendDurably(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const handle = await open(path, 'a', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncDirectory(join(path, '..'));
  } catch (cause) {
    throw toDiskError(path, cause, bytes.length);
  }
}

/** After an fsync that failed, the kernel shows a line that is on no disk: nothing may follow it before it is. */
async function writeLastAgain(path: string, line: Uint8Array | undefined, whole: number): Promise<void> {
  if (line === undefined) return;
  const bytes = Buffer.concat([line, utf8('\n')]);
  try {
    const handle = await open(path, 'r+');
    try {
      await handle.write(bytes, 0, bytes.length, whole - bytes.length);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw toDiskError(path, cause, bytes.length);
  }
}

async function readCheckpoint(path: string): Promise<AuditHead> {
  const bytes = await readIfPresent(path);
  return bytes === null ? EMPTY_AUDIT : parseDocumentBytes(auditHead, bytes, path);
}

/** The lines that end in a line break, and how many bytes they take. */
function splitLines(bytes: Uint8Array): { readonly lines: readonly Uint8Array[]; readonly whole: number } {
  const lines: Uint8Array[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  const last = lines.at(-1);
  // A sector that a power cut kept from the end of a file reads as zeros; an entry holds none.
  if (last?.includes(0) !== true) return { lines, whole: start };
  return { lines: lines.slice(0, -1), whole: start - last.length - 1 };
}
