// What the server signs of this install's log, and what this install holds against the server's: asked for with reports, and kept.
import type { EpochMs } from '../../../shared/encoding/instant.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import { type LedgerClaim, openReceipt, readReceipt, receiptKeys } from '../../../shared/protocol/receipt.ts';
import { type DsseEnvelope, dsseEnvelope } from '../../../shared/trust/dsse.ts';
import {
  type Fork,
  isLately,
  judgeReceipt,
  keepReceipt,
  noReceipts,
  type ReceiptsFile,
  reachOf,
  selectForks,
} from '../../core/receipts.ts';
import type { Clock, Log } from '../../ports/machine.ts';
import type { Repository } from '../../ports/server.ts';
import type { AuditLog, JsonStore } from '../../ports/state.ts';
import type { Ledger } from './ledger.ts';

export interface WitnessOptions {
  readonly instance: string;
  readonly audit: Pick<AuditLog, 'head'>;
  readonly ledger: Pick<Ledger, 'note'>;
  readonly receipts: JsonStore<ReceiptsFile>;
  readonly root: Repository['root'];
  readonly clock: Clock;
  readonly log: Log;
}

export interface Witness {
  /** What a report is to say of the log; null where the server has signed that, lately. Never throws. */
  claim(): Promise<LedgerClaim | null>;
  /** Keeps what the server signed for it, if it signed anything; what speaks against the one before is noted. Never throws. */
  take(came: unknown, claim: LedgerClaim): Promise<void>;
  /** The state of this install came out of a backup. Noted once in each process: of a copied directory it is heard all day. */
  noteRestored(sequence: number): Promise<void>;
  /** Where the server's log went back, lately. */
  forks(): Promise<readonly Fork[]>;
}

/** A server that signs nothing is asked that often for the same. */
const AGAIN_MS = 3_600_000;

export function createWitness(options: WitnessOptions): Witness {
  const { receipts, audit, ledger, clock, log, instance } = options;
  const inTurn = createTurns();
  let asked: { readonly digest: string; readonly at: EpochMs } | null = null;
  let isRestoreNoted = false;
  const kept = async (): Promise<ReceiptsFile | null> => {
    const file = await receipts.read();
    return file?.instance === instance ? file : null;
  };

  async function claim(): Promise<LedgerClaim | null> {
    const { count, digest } = await audit.head();
    const now = clock.now();
    if (digest === null) return null;
    const file = await kept();
    const last = file?.kept.at(-1);
    const newest = last === undefined ? null : readReceipt(last.signed);
    const isSigned = last !== undefined && newest?.agent.digest === digest && isLately(last.taken, now);
    const wasAsked = asked !== null && asked.digest === digest && Math.abs(now - asked.at) < AGAIN_MS;
    if (isSigned || wasAsked) return null;
    const seen = newest === null ? null : { ...newest.server, at: newest.at };
    return { count, digest, seen, ...(file?.restored === true ? { restored: true } : {}) };
  }

  async function take(came: unknown, said: LedgerClaim): Promise<void> {
    const now = clock.now();
    asked = { digest: said.digest, at: now };
    const before = (await kept()) ?? noReceipts(instance);
    const known = said.restored === true ? { ...before, restored: false } : before;
    const envelope = came === null ? null : readEnvelope(came);
    const judged = envelope === null ? null : judge(envelope, said);
    if (envelope === null || judged === null) {
      if (known !== before) await receipts.write(known);
      return;
    }
    const next = keepReceipt(known, envelope, { now, isFork: judged.isFork });
    await receipts.write(next);
    if (judged.isFork) log.error({ seen: said.seen }, "the server's audit log is another than it was");
    if (next.noted !== known.noted) await noteFork(said);
  }

  function readEnvelope(came: unknown): DsseEnvelope | null {
    const { data, error } = dsseEnvelope.safeParse(came);
    if (data !== undefined) return data;
    log.warn(
      { problem: error.issues[0]?.message },
      'the server sent a receipt that cannot be read: it is not kept',
    );
    return null;
  }

  function judge(envelope: DsseEnvelope, said: LedgerClaim): { readonly isFork: boolean } | null {
    const root = options.root();
    const told = root === null ? null : openReceipt(envelope, receiptKeys([root]));
    const judged = told === null ? null : judgeReceipt(told, said, instance);
    if (judged?.kind === 'ours') return judged;
    log.warn({ receipt: told }, 'the server signed a receipt that is none for this log: it is not kept');
    return null;
  }

  async function noteFork({ seen }: LedgerClaim): Promise<void> {
    const about = `the server's log no longer has its entry ${seen?.count} of ${seen?.at}: ${seen?.digest}`;
    // An agent of an earlier version reads no other kinds of entries, and could not go on after one.
    await ledger.note({ event: 'agent-started', actor: 'agent', details: { noticed: about } });
  }

  async function noteRestored(reports: number): Promise<void> {
    if (isRestoreNoted) return;
    const known = (await kept()) ?? noReceipts(instance);
    await receipts.write({ ...known, restored: true });
    isRestoreNoted = true;
    // What the server signed before the backup is in it; of anything after that, the server may have seen another.
    const details = { restored: 'its state came out of a backup', from: reachOf(known) + 1, reports };
    await ledger.note({ event: 'agent-started', actor: 'agent', details });
  }

  const quietly = <Result>(work: () => Promise<Result>, otherwise: Result): Promise<Result> =>
    inTurn(work).catch((err: unknown) => {
      log.warn({ err }, 'the receipts of the server could not be looked after');
      return otherwise;
    });
  return {
    claim: () => quietly<LedgerClaim | null>(claim, null),
    take: (came, said) => quietly(() => take(came, said), undefined),
    noteRestored: (sequence) => quietly(() => noteRestored(sequence), undefined),
    forks: async () => selectForks(await kept(), clock.now()),
  };
}
