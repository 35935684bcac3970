// The receipts of the server that are kept beside the audit log: which, and what speaks against a new one.
import { z } from 'zod';
import { type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import {
  findRestore,
  type LedgerClaim,
  type LedgerHead,
  type Receipt,
  readReceipt,
} from '../../shared/protocol/receipt.ts';
import { instant, line } from '../../shared/schema/common.ts';
import { type DsseEnvelope, dsseEnvelope } from '../../shared/trust/dsse.ts';

/** Every one of so many days. */
export const WHOLE_DAYS = 7;
/** Of one of them: the first, which nothing that is told later washes away, and the newest. */
export const MOST_A_DAY = 50;
/** In all, with the first and the last of each day before: the very first, and the newest. */
export const KEPT_RECEIPTS = 800;
/** The first and the newest of them: one is enough to prove it. */
export const KEPT_FORKS = 20;

const keptReceipt = z.strictObject({
  /** Counts up: their order, whatever a clock says. */
  nth: z.int().min(1),
  /** By the clock of this machine: which of them go is not for the server to choose. */
  taken: instant,
  signed: dsseEnvelope,
});
type KeptReceipt = z.output<typeof keptReceipt>;

export const receiptsFile = z.strictObject({
  schema: z.literal('fairlead/receipts@1'),
  /** Whose they are; an install that moved begins anew. */
  instance: line,
  /** Oldest first, each as the server signed it. */
  kept: z.array(keptReceipt),
  /** Where one speaks against the one before: both together prove it. */
  forks: z.array(z.strictObject({ before: keptReceipt, after: keptReceipt })),
  /** When the log of this install last took in such a one. */
  noted: instant.nullable(),
  /** That its state came out of a backup is still to be said to the server. */
  restored: z.boolean(),
});
export type ReceiptsFile = z.output<typeof receiptsFile>;

export function noReceipts(instance: string): ReceiptsFile {
  return { schema: 'fairlead/receipts@1', instance, kept: [], forks: [], noted: null, restored: false };
}

export interface Fork {
  readonly found: string;
  /** What the server's log had where it no longer has it. */
  readonly seen: LedgerHead & { readonly at: string };
  /** When the server came out of a backup, by its own word, where that explains it. */
  readonly restored: string | null;
}

export type Judgement =
  /** `isFork`: it says itself that the server's log is another than the one before said. */
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

const DAY_MS = 24 * 3_600_000;

/** The file once it holds this one as well; `noted` has moved where the log is to take in a fork. */
export function keepReceipt(
  known: ReceiptsFile,
  signed: DsseEnvelope,
  { now, isFork }: { readonly now: EpochMs; readonly isFork: boolean },
): ReceiptsFile {
  const last = known.kept.at(-1);
  const taken = formatInstantMs(now);
  const next = { nth: (last?.nth ?? 0) + 1, taken, signed };
  const kept = firstAndNewest(thin([...known.kept, next], now), KEPT_RECEIPTS);
  if (!isFork || last === undefined) return { ...known, kept };
  const forks = firstAndNewest([...known.forks, { before: last, after: next }], KEPT_FORKS);
  // Each entry makes the next report owe a head, and its answer may be the next fork.
  const isDue = known.noted === null || !isLately(known.noted, now);
  return { ...known, kept, forks, noted: isDue ? taken : known.noted };
}

function thin(all: readonly KeptReceipt[], now: EpochMs): readonly KeptReceipt[] {
  const since = dayOf(formatInstantMs(now - WHOLE_DAYS * DAY_MS));
  const days = Map.groupBy(all, ({ taken }) => dayOf(taken));
  const left = [...days].flatMap(([day, ofDay]) => {
    const most = day > since ? MOST_A_DAY : 2;
    return ofDay.length <= most ? ofDay : [...ofDay.slice(0, most - 1), ...ofDay.slice(-1)];
  });
  // A clock that was set back comes to a day again.
  return left.toSorted((a, b) => a.nth - b.nth);
}

function dayOf(at: string): string {
  return at.slice(0, 10);
}

function firstAndNewest<Item>(all: readonly Item[], most: number): Item[] {
  return all.length <= most ? [...all] : [...all.slice(0, 1), ...all.slice(1 - most)];
}

/** Within a day of now. What lies further ahead was written by a clock that was wrong. */
export function isLately(at: string, now: EpochMs): boolean {
  return Math.abs(now - instantMs(at)) < DAY_MS;
}

/** All that the server signed and is kept here, each once, in the order in which it came. */
export function everyReceipt({ kept, forks }: ReceiptsFile): readonly DsseEnvelope[] {
  const all = [...kept, ...forks.flatMap(({ before, after }) => [before, after])];
  const each = new Map(all.map((one) => [one.nth, one]));
  return [...each.values()].toSorted((a, b) => a.nth - b.nth).map(({ signed }) => signed);
}

/** Up to which entry of this install's log the newest of them vouches. */
export function reachOf({ kept }: ReceiptsFile): number {
  const last = kept.at(-1);
  return (last === undefined ? null : readReceipt(last.signed))?.agent.count ?? 0;
}

/** A log that went back is an alarm for so long; the receipts that prove it stay. */
const ALARM_MS = 30 * DAY_MS;

export function selectForks(known: ReceiptsFile | null, now: EpochMs): readonly Fork[] {
  const recent = (known?.forks ?? []).filter(({ after }) => now - instantMs(after.taken) < ALARM_MS);
  return recent.flatMap(({ before, after }) => {
    const [was, is] = [readReceipt(before.signed), readReceipt(after.signed)];
    if (was === null || is === null) return [];
    const seen = { ...was.server, at: was.at };
    return { found: after.taken, seen, restored: findRestore(is.restored ?? [], seen)?.at ?? null };
  });
}
