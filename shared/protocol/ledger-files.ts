// What leaves a program of its ledger, and of what it keeps of others': one JSON object a line, and a last line by which a file that was cut or changed is known.
import { z } from 'zod';
import { equalBytes, utf8 } from '../encoding/bytes.ts';
import { createDigester } from '../encoding/digest.ts';
import { instantMs } from '../encoding/instant.ts';
import { FairleadError } from '../errors/error.ts';
import type { AuditHead } from '../schema/audit-chain.ts';
import { digest, instant, line } from '../schema/common.ts';
import { type DsseEnvelope, dsseEnvelope } from '../trust/dsse.ts';
import type { VerificationKey } from '../trust/key.ts';
import { findRestore, type LedgerHead, ledgerHead, openReceipt, type Receipt } from './receipt.ts';

/** A head of an install's log, as its server keeps it. */
const keptLine = z.strictObject({
  schema: z.literal('fairlead/ledger-head@1'),
  instance: line,
  ...ledgerHead.shape,
  at: instant,
});

/** The last line of a file of heads or receipts. */
const endLine = z.strictObject({
  schema: z.literal('fairlead/ledger-end@1'),
  lines: z.int().min(0),
  /** Of all bytes before it. */
  digest,
});

/** What somebody else keeps of a log. */
export interface KeptHead extends LedgerHead {
  readonly of: 'install' | 'server';
  /** The install that it is about, or that it was given to. */
  readonly instance: string;
  readonly at: string;
  readonly kind: 'receipt' | 'head';
}

/** The lines of a file of them, one by one, and the line that ends it: those of a whole fleet are longer than any text. */
export function createKeptFormatter() {
  const before = createDigester();
  let lines = 0;
  return {
    add(text: string): string {
      before.update(utf8(`${text}\n`));
      lines++;
      return text;
    },
    end: (): string => JSON.stringify({ schema: 'fairlead/ledger-end@1', lines, digest: before.end() }),
  };
}

/** A file of a few, as text. */
export function formatKept(lines: readonly string[]): string {
  const { add, end } = createKeptFormatter();
  const all = lines.map(add);
  return `${[...all, end()].join('\n')}\n`;
}

export function formatHead(head: Omit<z.output<typeof keptLine>, 'schema'>): string {
  return JSON.stringify({ schema: 'fairlead/ledger-head@1', ...head });
}

/** The last line of an exported ledger: what comes before it, its digest vouches for. */
export function formatLedgerEnd({ schema, count, digest: last }: AuditHead): string {
  return JSON.stringify({ schema, count, digest: last });
}

export interface KeptLines {
  readonly heads: readonly KeptHead[];
  /** Each with its line. */
  readonly signed: readonly (readonly [number, DsseEnvelope])[];
}

export interface KeptReader {
  /** The next line's bytes, without its line break. Error: audit/damaged. */
  take(line: Uint8Array): void;
  /** Errors: audit/damaged where a byte is another than was written, audit/empty. */
  end(): KeptLines;
}

/** A file of receipts or heads. */
export function createKeptReader(path: string): KeptReader {
  const before = createDigester();
  const heads: KeptHead[] = [];
  const signed: (readonly [number, DsseEnvelope])[] = [];
  let [lines, ended] = [0, false];
  return {
    take(bytes) {
      if (ended) throw damaged(path, lines + 2, 'it comes after the end');
      const value = tryParse(bytes);
      const head = keptLine.safeParse(value).data;
      const end = head === undefined ? endLine.safeParse(value).data : undefined;
      if (end !== undefined) {
        const isWritten = equalBytes(bytes, utf8(JSON.stringify(end)));
        if (!isWritten || end.lines !== lines || end.digest !== before.end())
          throw damaged(path, lines + 1, 'lines are missing, or another than were written');
        ended = true;
        return;
      }
      lines++;
      before.update(bytes);
      before.update(LINE_BREAK);
      if (head === undefined) signed.push([lines, parseSigned(value, path, lines)]);
      else heads.push({ ...headOf(head), of: 'install', kind: 'head' });
    },
    end() {
      if (!ended) throw damaged(path, lines + 1, 'its last line, which says how many there are, is missing');
      if (lines === 0) throw new FairleadError('audit/empty', { path });
      return { heads, signed };
    },
  };
}

/**
 * What such a file holds, each held against those before it. Errors: audit/unsigned, audit/forked where two of them speak against
 * each other.
 */
export function openKept(
  { heads, signed }: KeptLines,
  path: string,
  keys: ReadonlyMap<string, VerificationKey>,
): readonly KeptHead[] {
  const receipts = signed.map(([nth, envelope]) => opened(envelope, keys, path, nth));
  verifyAgree(receipts, path);
  return [...heads, ...receipts.flatMap(headsOf)];
}

/** What a receipt says of both logs. */
export function headsOf({ instance, at, agent, server }: Receipt): readonly KeptHead[] {
  const kept = { instance, at, kind: 'receipt' } as const;
  return [
    { ...agent, ...kept, of: 'install' },
    { ...server, ...kept, of: 'server' },
  ];
}

function headOf({ schema: _, ...head }: z.output<typeof keptLine>) {
  return head;
}

function parseSigned(value: unknown, path: string, nth: number): DsseEnvelope {
  const envelope = dsseEnvelope.safeParse(value).data;
  if (envelope !== undefined) return envelope;
  throw damaged(path, nth, 'it is neither a receipt nor a head');
}

function opened(
  envelope: DsseEnvelope,
  keys: ReadonlyMap<string, VerificationKey>,
  path: string,
  nth: number,
): Receipt {
  const receipt = openReceipt(envelope, keys);
  if (receipt !== null) return receipt;
  throw new FairleadError('audit/unsigned', { path, line: nth });
}

/** Without a log at hand: what the server signed at two times may be two logs. */
function verifyAgree(receipts: readonly Receipt[], path: string): void {
  const known = new Map<string, { readonly digest: string; readonly at: string }>();
  const inOrder = receipts.toSorted((a, b) => instantMs(a.at) - instantMs(b.at));
  for (const { instance, at, server, agent, seen, restored = [] } of inOrder) {
    const said: readonly (readonly [string, number, string | null])[] = [
      [`server`, server.count, server.digest],
      [`install ${instance}`, agent.count, agent.digest],
      ...(seen === null ? [] : ([['server', seen.count, seen.digest]] as const)),
    ];
    for (const [whose, count, is] of said) {
      const was = known.get(`${whose} ${count}`);
      const isOther = was !== undefined && was.digest !== is;
      // What went with a restore between the two, the log itself has to tell.
      if (isOther && !(whose === 'server' && findRestore(restored, { count, at: was.at }) !== null))
        throw new FairleadError('audit/forked', {
          ...{ path, entry: count, at, more: 0 },
          problem: `two receipts name two different entries ${count} of the log of the ${whose}`,
        });
      if (is !== null) known.set(`${whose} ${count}`, { digest: is, at });
    }
  }
}

const LINE_BREAK = utf8('\n');

/** Undefined for what is no JSON. */
export function tryParse(line: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.length).toString('utf8'));
  } catch {
    return undefined;
  }
}

function damaged(path: string, nth: number, problem: string): FairleadError {
  return new FairleadError('audit/damaged', { path, line: nth, problem });
}
