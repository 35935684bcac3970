// What the server signs of this install's log, and what this install holds against the server's: asked for with reports, and kept.
import { type EpochMs, formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import { type LedgerClaim, openReceipt, readReceipt, receiptKeys } from '../../../shared/protocol/receipt.ts';
import type { DsseEnvelope } from '../../../shared/trust/dsse.ts';
import { type Fork, judgeReceipt, keepReceipt, type ReceiptsFile, selectForks } from '../../core/receipts.ts';
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
  take(envelope: DsseEnvelope | null, claim: LedgerClaim): Promise<void>;
  /** The state of this install came out of a backup. Noted once in each process: of a copied directory it is heard all day. */
  noteRestored(sequence: number): Promise<void>;
  /** Where the server's log went back, lately. */
  forks(): Promise<readonly Fork[]>;
}

const DAY_MS = 24 * 3_600_000;
/** A server that signs nothing is asked that often for the same. */
const AGAIN_MS = 3_600_000;

export function createWitness(options: WitnessOptions): Witness {
  const { receipts, audit, ledger, clock, log, instance } = options;
  const inTurn = createTurns();
  let asked: { readonly digest: string; readonly at: EpochMs } | null = null;
  /** Said until the server has heard it. */
  let restored: 'no' | 'to be said' | 'said' = 'no';
  const kept = async (): Promise<ReceiptsFile | null> => {
    const file = await receipts.read();
    return file?.instance === instance ? file : null;
  };

  async function claim(): Promise<LedgerClaim | null> {
    const { count, digest } = await audit.head();
    const now = clock.now();
    if (digest === null) return null;
    const last = (await kept())?.kept.at(-1);
    const newest = last === undefined ? null : readReceipt(last);
    const isSigned = newest !== null && newest.agent.digest === digest && isLately(instantMs(newest.at), now);
    const wasAsked = asked !== null && asked.digest === digest && now - asked.at < AGAIN_MS;
    if (isSigned || wasAsked) return null;
    const seen = newest === null ? null : { ...newest.server, at: newest.at };
    return { count, digest, seen, ...(restored === 'to be said' ? { restored: true } : {}) };
  }

  async function take(envelope: DsseEnvelope | null, said: LedgerClaim): Promise<void> {
    asked = { digest: said.digest, at: clock.now() };
    if (said.restored === true) restored = 'said';
    if (envelope === null) return;
    const root = options.root();
    const told = root === null ? null : openReceipt(envelope, receiptKeys([root]));
    const judged = told === null ? null : judgeReceipt(told, said, instance);
    if (judged === null || judged.kind === 'foreign') {
      log.warn({ receipt: told }, 'the server signed a receipt that is none for this log: it is not kept');
      return;
    }
    const found = judged.isFork ? formatInstant(clock.now()) : null;
    const known = (await kept()) ?? { schema: 'fairlead/receipts@1', instance, kept: [], forks: [] };
    await receipts.write(keepReceipt(known, envelope, found));
    if (found !== null) await noteFork(said);
  }

  async function noteFork({ seen }: LedgerClaim): Promise<void> {
    log.error({ seen }, "the server's audit log is another than it was");
    const about = `the server's log no longer has its entry ${seen?.count} of ${seen?.at}: ${seen?.digest}`;
    // An agent of an earlier version reads no other kinds of entries, and could not go on after one.
    await ledger.note({ event: 'agent-started', actor: 'agent', details: { noticed: about } });
  }

  const quietly = <Result>(work: () => Promise<Result>, otherwise: Result): Promise<Result> =>
    inTurn(work).catch((err: unknown) => {
      log.warn({ err }, 'the receipts of the server could not be looked after');
      return otherwise;
    });
  return {
    claim: () => quietly<LedgerClaim | null>(claim, null),
    take: (envelope, said) => quietly(() => take(envelope, said), undefined),
    noteRestored: async (sequence) => {
      if (restored !== 'no') return;
      restored = 'to be said';
      const details = { restored: 'its state came out of a backup', reports: sequence };
      await ledger.note({ event: 'agent-started', actor: 'agent', details });
    },
    forks: async () => selectForks(await kept(), clock.now()),
  };
}

/** A time that lies ahead was signed by a clock that differs: what it says is as good as new. */
function isLately(at: EpochMs, now: EpochMs): boolean {
  return now - at < DAY_MS;
}
