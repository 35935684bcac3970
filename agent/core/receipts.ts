// The receipts of the server that are kept beside the audit log: which, and what speaks against a new one.
import { z } from 'zod';
import { type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import {
  findRestore,
  type LedgerClaim,
  type LedgerHead,
  type Receipt,
  readReceipt,
} from '../../shared/protocol/receipt.ts';
import { instant, line } from '../../shared/schema/common.ts';
import { type DsseEnvelope, dsseEnvelope } from '../../shared/trust/dsse.ts';

/** The first, and of each day the last, of the newest so many days. */
export const KEPT_RECEIPTS = 400;
/** The newest of them: one is enough to prove it. */
export const KEPT_FORKS = 20;

export const receiptsFile = z.strictObject({
  schema: z.literal('fairlead/receipts@1'),
  /** Whose they are; an install that moved begins anew. */
  instance: line,
  /** Oldest first, each as the server signed it. */
  kept: z.array(dsseEnvelope),
  /** Where one speaks against the one before: both together prove it. */
  forks: z.array(z.strictObject({ found: instant, before: dsseEnvelope, after: dsseEnvelope })),
});
export type ReceiptsFile = z.output<typeof receiptsFile>;

export interface Fork {
  readonly found: string;
  /** What the server's log had where it no longer has it. */
  readonly seen: LedgerHead & { readonly at: string };
  /** When the server came out of a backup, by its own word, where that explains it. */
  readonly restored: string | null;
}

export type Judgement =
  /** `fork`: it says itself that the server's log is another than the one before said. */
  | { readonly kind: 'ours'; readonly isFork: boolean }
  /** It answers another report than the one that was sent. */
  | { readonly kind: 'foreign' };

/** Whether a receipt that the server signed answers this claim, and whether its log is still the one that was seen. */
export function judgeReceipt(told: Receipt, claim: LedgerClaim, instance: string): Judgement {
  const isAnswer =
    told.instance === instance &&
    isSame(told.agent, claim) &&
    (told.seen?.count ?? null) === (claim.seen?.count ?? null);
  if (!isAnswer) return { kind: 'foreign' };
  const { seen } = claim;
  if (seen === null) return { kind: 'ours', isFork: false };
  // Also where it says one thing of its end and another of what it has there.
  const isFork =
    told.seen?.digest !== seen.digest ||
    told.server.count < seen.count ||
    (told.server.count === seen.count && told.server.digest !== seen.digest);
  return { kind: 'ours', isFork };
}

function isSame(a: LedgerHead, b: LedgerHead): boolean {
  return a.count === b.count && a.digest === b.digest;
}

/** The file once it holds this one as well. */
export function keepReceipt(known: ReceiptsFile, envelope: DsseEnvelope, found: string | null): ReceiptsFile {
  const { kept } = known;
  const last = kept.at(-1);
  const isSameDay = last !== undefined && kept.length > 1 && dayOf(last) === dayOf(envelope);
  const all = [...(isSameDay && found === null ? kept.slice(0, -1) : kept), envelope];
  const [first] = all;
  const trimmed = all.length > KEPT_RECEIPTS && first !== undefined ? [first, ...all.slice(2)] : all;
  const fork = found === null || last === undefined ? [] : [{ found, before: last, after: envelope }];
  return { ...known, kept: trimmed, forks: [...known.forks, ...fork].slice(-KEPT_FORKS) };
}

function dayOf(envelope: DsseEnvelope): string | undefined {
  return readReceipt(envelope)?.at.slice(0, 10);
}

/** A log that went back is an alarm for so long; the receipts that prove it stay. */
const ALARM_MS = 30 * 24 * 3_600_000;

export function selectForks(known: ReceiptsFile | null, now: EpochMs): readonly Fork[] {
  const recent = (known?.forks ?? []).filter(({ found }) => now - instantMs(found) < ALARM_MS);
  return recent.flatMap(({ found, before, after }) => {
    const [was, is] = [readReceipt(before), readReceipt(after)];
    if (was === null || is === null) return [];
    const seen = { ...was.server, at: was.at };
    return { found, seen, restored: findRestore(is.restored ?? [], seen)?.at ?? null };
  });
}
