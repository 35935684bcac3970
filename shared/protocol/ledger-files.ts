// What leaves a program of its ledger, and of what it keeps of others': one JSON object a line, and a last line by which a file that was cut or changed is known.
import { z } from 'zod';
import { utf8 } from '../encoding/bytes.ts';
import { digestOf } from '../encoding/digest.ts';
import { instantMs } from '../encoding/instant.ts';
import { FairleadError } from '../errors/error.ts';
import type { AuditHead } from '../schema/audit-chain.ts';
import { digest, instant, line } from '../schema/common.ts';
import { dsseEnvelope } from '../trust/dsse.ts';
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

/** A file of them, as text. */
export function formatKept(lines: readonly string[]): string {
  const text = lines.map((one) => `${one}\n`).join('');
  const end = { schema: 'fairlead/ledger-end@1', lines: lines.length, digest: digestOf(utf8(text)) };
  return `${text}${JSON.stringify(end)}\n`;
}

export function formatHead(head: Omit<z.output<typeof keptLine>, 'schema'>): string {
  return JSON.stringify({ schema: 'fairlead/ledger-head@1', ...head });
}

/** The last line of an exported ledger: what comes before it, its digest vouches for. */
export function formatLedgerEnd({ schema, count, digest: last }: AuditHead): string {
  return JSON.stringify({ schema, count, digest: last });
}

/**
 * What a file of receipts or heads holds, each held against those before it. Errors: audit/damaged where a byte is another than
 * was written, audit/unsigned, audit/forked where two of them speak against each other.
 */
export function readKept(
  bytes: Uint8Array,
  path: string,
  keys: ReadonlyMap<string, VerificationKey>,
): readonly KeptHead[] {
  const lines = wholeLines(bytes, path);
  const receipts: Receipt[] = [];
  const heads: KeptHead[] = [];
  for (const [i, text] of lines.entries()) {
    const value = parseLine(text, path, i + 1);
    const envelope = dsseEnvelope.safeParse(value).data;
    const head = keptLine.safeParse(value).data;
    if (envelope !== undefined) receipts.push(opened(envelope, keys, path, i + 1));
    else if (head !== undefined) {
      const { schema: _, ...kept } = head;
      heads.push({ ...kept, of: 'install', kind: 'head' });
    } else throw damaged(path, i + 1, 'it is neither a receipt nor a head');
  }
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

function opened(
  envelope: z.output<typeof dsseEnvelope>,
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

function wholeLines(bytes: Uint8Array, path: string): readonly string[] {
  const text = Buffer.from(bytes).toString('utf8');
  const lines = text.split('\n');
  // Behind the last line break.
  const rest = lines.pop();
  const last = lines.pop() ?? '';
  const end = endLine.safeParse(tryParse(last)).data;
  if (rest !== '' || end === undefined || JSON.stringify(end) !== last)
    throw damaged(path, lines.length + 1, 'its last line, which says how many there are, is missing');
  const before = bytes.subarray(0, bytes.length - utf8(last).length - 1);
  if (end.lines !== lines.length || digestOf(before) !== end.digest)
    throw damaged(path, lines.length + 1, 'lines are missing, or another than were written');
  return lines;
}

function parseLine(text: string, path: string, nth: number): unknown {
  const value = tryParse(text);
  if (value === undefined) throw damaged(path, nth, 'it is no JSON');
  return value;
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function damaged(path: string, nth: number, problem: string): FairleadError {
  return new FairleadError('audit/damaged', { path, line: nth, problem });
}
