// Exported ledgers, and what was kept of them, read from files: a ledger in pieces, however long it is.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { FairleadError, systemCode } from '../errors/error.ts';
import { createKeptReader, type KeptHead, openKept } from '../protocol/ledger-files.ts';
import {
  createLedgerReader,
  type LedgerEntry,
  type LedgerFound,
  type LedgerReader,
} from '../protocol/ledgers.ts';
import { receiptKeys } from '../protocol/receipt.ts';
import type { AuditHead } from '../schema/audit-chain.ts';
import type { Root } from '../trust/metadata.ts';
import { verifyInitialRoot } from '../trust/rules.ts';
import { readNamed } from './named-file.ts';

/** An entry of any program is shorter. */
const LONGEST_LINE = 2 ** 20;
const PIECE_BYTES = 2 ** 20;

export interface Against {
  /** Files of receipts or heads. */
  readonly files: readonly string[];
  /** Files of root metadata; what is known here where there are none. */
  readonly roots: readonly string[];
}

/** Errors: file/missing, disk/unreadable, audit/damaged, audit/empty, audit/unsigned, audit/forked, trust/*. */
export async function readAgainst(
  { files, roots }: Against,
  knownRoots: () => Promise<readonly Root[]>,
): Promise<readonly KeptHead[]> {
  const read = await Promise.all(
    files.map(async (path) => {
      const reader = createKeptReader(path);
      await eachLine(path, reader);
      return { path, kept: reader.end() };
    }),
  );
  const given = await readRoots(roots);
  // Heads alone need nobody's keys, which not everybody may read.
  const isSigned = read.some(({ kept }) => kept.signed.length > 0);
  const keys = receiptKeys(given.length > 0 || !isSigned ? given : await knownRoots());
  return read.flatMap(({ path, kept }) => openKept(kept, path, keys));
}

/** Errors: file/missing, disk/unreadable, trust/*. */
export function readRoots(paths: readonly string[]): Promise<readonly Root[]> {
  return Promise.all(paths.map(async (path) => verifyInitialRoot(await readNamed(path))));
}

/** Errors: file/missing, disk/unreadable, and those of the reader. */
export async function verifyLedgerFile(
  path: string,
  heads: readonly KeptHead[],
  checkpoint: AuditHead,
  onEntry?: (entry: LedgerEntry) => void,
): Promise<LedgerFound> {
  const reader = createLedgerReader(path, heads, checkpoint, onEntry);
  await eachLine(path, reader);
  return reader.end();
}

async function eachLine(path: string, { take }: Pick<LedgerReader, 'take'>): Promise<void> {
  // Without O_NONBLOCK opening a pipe waits for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    if (systemCode(cause) === 'ENOENT') throw new FairleadError('file/missing', { path }, { cause });
    throw new FairleadError('disk/unreadable', { path, problem: systemCode(cause) }, { cause });
  });
  try {
    if (!(await file.stat()).isFile())
      throw new FairleadError('disk/unreadable', { path, problem: 'it is no file' });
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    let rest = Buffer.alloc(0);
    let lines = 0;
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, null);
      if (bytesRead === 0) break;
      const bytes = Buffer.concat([rest, piece.subarray(0, bytesRead)]);
      let start = 0;
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
        take(bytes.subarray(start, end));
        lines++;
        start = end + 1;
      }
      rest = bytes.subarray(start);
      if (rest.length > LONGEST_LINE) throw damaged(path, lines + 1, 'no entry is as long');
    }
    if (rest.length > 0) throw damaged(path, lines + 1, 'the end of it is missing');
  } finally {
    await file.close();
  }
}

const NEWLINE = 0x0a;

function damaged(path: string, line: number, problem: string): FairleadError {
  return new FairleadError('audit/damaged', { path, line, problem });
}
