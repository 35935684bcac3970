// The audit log and the heads of installs' logs, taken along: `fairlead-server audit export` and `heads`.
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromUtf8 } from '../../shared/encoding/bytes.ts';
import { canonicalize } from '../../shared/encoding/canonical.ts';
import type { Digest } from '../../shared/encoding/digest.ts';
import { count, EXIT, shellWord } from '../../shared/errors/entry.ts';
import { FairleadError, systemCode, toDiskError } from '../../shared/errors/error.ts';
import { syncDirectory } from '../../shared/node/durable-file.ts';
import type { AuditEntry } from '../../shared/protocol/fleet.ts';
import { createKeptFormatter, formatHead, formatLedgerEnd } from '../../shared/protocol/ledger-files.ts';
import { EMPTY_AUDIT } from '../../shared/schema/audit-chain.ts';
import { readAudit } from '../db/audit.ts';
import { readHeads } from '../db/ledger-kept.ts';
import type { Database, LedgerHeadRow } from '../db/tables.ts';
import { type OnDirectory, withDatabase } from './home.ts';
import { type CliContext, print } from './options.ts';

/** Its digest is that of the line. */
function lineOf({ digest: _, ...entry }: AuditEntry): string {
  return fromUtf8(canonicalize(entry));
}

const ENTRIES_AT_ONCE = 1_000;

async function* entriesIn(db: Database): AsyncGenerator<AuditEntry> {
  for (let after: number | null = 0; after !== null; ) {
    const { entries, next } = await readAudit(db, after, ENTRIES_AT_ONCE);
    yield* entries;
    after = next;
  }
}

/** What is written is the log up to where it stood; the server may run. */
export async function exportLog(context: CliContext, file: string, home: OnDirectory): Promise<number> {
  const entries = await withDatabase(home, context, (db) => writeLines(logLines(db), file));
  print(`${count(entries, 'entry', 'entries')} written to ${file}`);
  print(`check them anywhere: fairlead-server audit verify ${shellWord(file)}`);
  return EXIT.ok;
}

/** Every entry of the log, oldest first, and the line that ends it. */
export async function* logLines(db: Database): AsyncGenerator<string> {
  let head = EMPTY_AUDIT;
  for await (const entry of entriesIn(db)) {
    yield lineOf(entry);
    head = { ...head, count: entry.sequence, digest: entry.digest };
  }
  yield formatLedgerEnd(head);
}

interface HeadSettings extends OnDirectory {
  readonly instance?: string;
}

export async function exportHeads(
  context: CliContext,
  file: string,
  { instance, ...home }: HeadSettings,
): Promise<number> {
  const heads = await withDatabase(home, context, (db) =>
    writeLines(headLines(readHeads(db, instance ?? null)), file),
  );
  print(`${count(heads, 'head')} written to ${file}`);
  print(
    `hold a log of an install against them: fairlead-server audit verify LOG --against ${shellWord(file)}`,
  );
  return EXIT.ok;
}

async function* headLines(heads: AsyncIterable<LedgerHeadRow>): AsyncGenerator<string> {
  const { add, end } = createKeptFormatter();
  for await (const { instance, entries, digest, at } of heads)
    yield add(formatHead({ instance, count: entries, digest: digest as Digest, at }));
  yield end();
}

/**
 * A million entries, or the heads of a fleet, fit no memory. How many lines before the last, which says that it is the last. Errors:
 * file/exists, disk/*.
 */
async function writeLines(lines: AsyncIterable<string>, path: string): Promise<number> {
  let written = 0;
  try {
    const to = await open(path, 'wx', 0o600);
    try {
      let piece = '';
      for await (const line of lines) {
        piece += `${line}\n`;
        written++;
        if (piece.length < PIECE_LENGTH) continue;
        await to.writeFile(piece);
        piece = '';
      }
      await to.writeFile(piece);
      await to.sync();
    } finally {
      await to.close();
    }
    await syncDirectory(dirname(path));
  } catch (cause) {
    if (systemCode(cause) === 'EEXIST') throw new FairleadError('file/exists', { path }, { cause });
    throw toDiskError(path, cause);
  }
  return written - 1;
}

const PIECE_LENGTH = 2 ** 20;
