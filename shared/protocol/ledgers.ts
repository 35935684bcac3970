// Ledgers of all three programs, read line by line and held against what others keep of them: the same for each, whoever asks.
import { equalBytes, utf8 } from '../encoding/bytes.ts';
import { type Digest, digestOf } from '../encoding/digest.ts';
import { instantMs } from '../encoding/instant.ts';
import { FairleadError } from '../errors/error.ts';
import {
  type AuditHead,
  auditHead,
  type Broken,
  type Checkpoint,
  EMPTY_AUDIT,
  followLink,
  verifyReached,
} from '../schema/audit-chain.ts';
import { formatLedgerEnd, type KeptHead, tryParse } from './ledger-files.ts';

export type LedgerKind = 'install' | 'server' | 'vendor';

/** Kept heads of what a restore took away: it stands in the log itself, and whoever reads it is told. */
export interface Gone {
  readonly restored: string;
  /** Of the entries that are named and gone. */
  readonly from: number;
  readonly to: number;
  readonly heads: number;
}

export interface LedgerFound {
  readonly kind: LedgerKind;
  readonly head: AuditHead;
  /** Times of the first entry and the last; null of an empty log. */
  readonly first: string | null;
  readonly last: string | null;
  /** How many heads it was held against, and up to which entry they reach; what comes after has nothing but the chain. */
  readonly held: number;
  readonly reaches: number;
  readonly gone: readonly Gone[];
}

export interface LedgerReader {
  /** The next line's bytes, without its line break. Error: audit/damaged. */
  take(line: Uint8Array): void;
  /** Errors: audit/damaged, audit/forked, audit/behind, audit/unrelated where there are heads and none is about this log. */
  end(): LedgerFound;
}

/** What of an entry all programs have. */
export interface LedgerEntry {
  readonly kind: LedgerKind;
  readonly at: string;
  readonly previous: string | null;
  readonly sequence?: number;
  readonly event: string;
  readonly details: Readonly<Record<string, unknown>>;
}

interface Restore {
  /** From here on the log is another than it was. */
  readonly from: number;
  readonly at: string;
}

/** `path` is for messages. */
export function createLedgerReader(
  path: string,
  heads: readonly KeptHead[],
  checkpoint: Checkpoint = EMPTY_AUDIT,
  onEntry: (entry: LedgerEntry) => void = () => undefined,
): LedgerReader {
  const broken: Broken = (line, problem) => new FairleadError('audit/damaged', { path, line, problem });
  const wanted = new Set(heads.map(({ count }) => count));
  const found = new Map<number, Digest>();
  const instances = new Set<unknown>();
  const restores: Restore[] = [];
  let [head, ended] = [EMPTY_AUDIT, false];
  let kind: LedgerKind | null = null;
  let first: string | null = null;
  let last: string | null = null;

  function note({ event, details, at }: LedgerEntry): void {
    if (event === 'enrolled' && typeof details.instance === 'string') instances.add(details.instance);
    if (event === 'backup.restored') restores.push({ from: head.count, at });
    if (event !== 'agent-started') return;
    // It notices only once it has been told, and says itself up to where the log before is vouched for.
    const { restored, from } = details;
    if (typeof restored === 'string' && typeof from === 'number') restores.push({ from, at });
  }

  return {
    take(line) {
      const value = parseLine(line, () => broken(head.count + 1, 'it is no entry'));
      if (ended) throw broken(head.count + 1, 'it comes after the end');
      if (isEnd(value)) {
        verifyEnd(value, head, line, broken);
        ended = true;
        return;
      }
      const entry = entryIn(value);
      if (entry === null || (kind !== null && entry.kind !== kind))
        throw broken(head.count + 1, 'it is no entry');
      kind = entry.kind;
      const digest = digestOf(line);
      head = followLink(head, { ...entry, digest }, checkpoint, broken);
      if (wanted.has(head.count)) found.set(head.count, digest);
      first ??= entry.at;
      last = entry.at;
      note(entry);
      onEntry(entry);
    },
    end() {
      if (kind === null) throw broken(1, 'it is empty, and every log begins with what made it');
      if (kind === 'server' && !ended)
        throw broken(head.count + 1, 'its last line, which says how many there are, is missing');
      verifyReached(head, checkpoint, broken);
      const ours = heads.filter(
        // A log of an early version does not say whose it is.
        ({ of, instance }) =>
          of === kind && (of === 'server' || instances.size === 0 || instances.has(instance)),
      );
      if (heads.length > 0 && ours.length === 0) throw new FairleadError('audit/unrelated', { path });
      const gone = holdAgainst(ours, { found, restores, path, entries: head.count });
      const reaches = ours.reduce((most, { count }) => (found.has(count) ? Math.max(most, count) : most), 0);
      return { kind, head, first, last, held: ours.length, reaches, gone };
    },
  };
}

interface Held {
  readonly found: ReadonlyMap<number, Digest>;
  readonly restores: readonly Restore[];
  readonly path: string;
  readonly entries: number;
}

/** Throws for the earliest entry that is another than somebody was told. */
function holdAgainst(heads: readonly KeptHead[], { found, restores, path, entries }: Held): readonly Gone[] {
  const wrong = heads.filter(({ count, digest }) => found.get(count) !== digest);
  const gone = new Map<string, Gone>();
  const unexplained: KeptHead[] = [];
  for (const head of wrong) {
    const restore = restores.find((one) => explains(one, head));
    if (restore === undefined) unexplained.push(head);
    else {
      const { from = head.count, to = 0, heads: count = 0 } = gone.get(restore.at) ?? {};
      gone.set(restore.at, {
        ...{ restored: restore.at, heads: count + 1 },
        ...{ from: Math.min(from, head.count), to: Math.max(to, head.count) },
      });
    }
  }
  const sorted = unexplained.toSorted((a, b) => a.count - b.count);
  const [worst, furthest] = [sorted[0], sorted.at(-1)];
  if (worst === undefined || furthest === undefined) return [...gone.values()];
  const { count, kind, at } = worst;
  if (count > entries)
    throw new FairleadError('audit/behind', { path, entries, told: furthest.count, at: furthest.at });
  const problem = `entry ${count} is another than the ${kind} of ${at} names`;
  throw new FairleadError('audit/forked', { path, entry: count, at, problem, more: unexplained.length - 1 });
}

/** Heads have the time of the server, and so has its log; that of an install has its own clock. */
const CLOCKS_DIFFER_MS = 3_600_000;

function explains(restore: Restore, head: KeptHead): boolean {
  return head.count >= restore.from && instantMs(head.at) <= instantMs(restore.at) + CLOCKS_DIFFER_MS;
}

function parseLine(line: Uint8Array, refuse: () => Error): Readonly<Record<string, unknown>> {
  const value = tryParse(line);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw refuse();
}

function isEnd({ schema }: Readonly<Record<string, unknown>>): boolean {
  return schema === EMPTY_AUDIT.schema;
}

function verifyEnd(value: unknown, head: AuditHead, line: Uint8Array, broken: Broken): void {
  const end = auditHead.safeParse(value).data;
  const isWritten = end !== undefined && equalBytes(line, utf8(formatLedgerEnd(end)));
  if (isWritten && end.count === head.count && end.digest === head.digest) return;
  throw broken(head.count + 1, 'the end names another entry than the last');
}

/** By its shape, which each program has its own of; null for everything else. What else it says, its digest vouches for. */
function entryIn(value: Readonly<Record<string, unknown>>): LedgerEntry | null {
  const { schema, at, previous, sequence, event, action, actor, details } = value;
  const isUsual =
    typeof at === 'string' &&
    typeof actor === 'string' &&
    (previous === null || typeof previous === 'string') &&
    typeof details === 'object' &&
    details !== null;
  if (!isUsual) return null;
  const said = { at, previous, details: details as LedgerEntry['details'] };
  const isCounted = typeof sequence === 'number';
  if (schema === 'fairlead/audit@1' && typeof event === 'string' && isCounted)
    return { ...said, kind: 'install', sequence, event };
  if (schema !== undefined || typeof action !== 'string') return null;
  if (isCounted) return { ...said, kind: 'server', sequence, event: action };
  return sequence === undefined ? { ...said, kind: 'vendor', event: action } : null;
}
