// Runs jobs: one process of all does each, the others take over from one that died, and what fails comes again after a pause.
import { hostname } from 'node:os';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import type { Context } from '../context.ts';
import { appendEvents } from '../db/events.ts';
import {
  addJob,
  type Effect,
  failJob,
  finishJob,
  type HeldJob,
  hurryJob,
  LEASE_MS,
  releaseAll,
  renewLease,
  takeJob,
} from '../db/jobs.ts';
import { transact } from '../db/transact.ts';

export interface JobKind {
  readonly kind: string;
  /** How often it comes by itself; null for one that is added by whoever needs it. */
  readonly everyMs: number | null;
  /** It is given up after so many attempts; what comes by itself never is. */
  readonly attempts: number;
  /**
   * Does it, perhaps for the second time: whoever did it before may have died before that was written down. What it writes
   * into the database it answers with, and that has its effect once. `signal` tells that the lease is lost, `stopping` that
   * the process ends.
   */
  work(context: Context, job: HeldJob, signal: AbortSignal, stopping: AbortSignal): Promise<Effect | null>;
}

/** Between two looks for what is due. */
const LOOK_MS = 5_000;
const PAUSES_MS = [10_000, 60_000, 5 * 60_000, 30 * 60_000, 2 * 60 * 60_000] as const;
const LONGEST_PAUSE_MS = PAUSES_MS[PAUSES_MS.length - 1] ?? 0;
const DAY_MS = 86_400_000;
/** What fails that often in a row is no hiccup. */
const TOLD_AT_ATTEMPT = 3;

/** What comes by itself is not put off for longer than until it would come anyway. */
export function pauseAfter(attempt: number, everyMs: number | null): number {
  const pause = PAUSES_MS[Math.min(attempt, PAUSES_MS.length) - 1] ?? LONGEST_PAUSE_MS;
  return everyMs === null ? pause : Math.min(pause, everyMs);
}

export interface Jobs {
  /** Does what is due now, one after the other; answers how much was done. */
  look(): Promise<number>;
  /** What comes by itself is done now, whatever its time; and soon, where that was asked for a moment ago. */
  hurry(kind: string): Promise<void>;
  /** Answers once nothing more is done. */
  stop(): Promise<void>;
}

/** Adds what comes by itself; begins with the first look. */
export async function createJobs(context: Context, kinds: readonly JobKind[]): Promise<Jobs> {
  const { db, now, log, config } = context;
  const owner = `${hostname()} ${process.pid}`;
  const byName = new Map(kinds.map((kind) => [kind.kind, kind]));
  const stopping = new AbortController();
  /** Kinds that just failed here: where another process can do it, let it go first. */
  const resting = new Map<string, EpochMs>();
  if (config.database.kind === 'file') await releaseAll(db);
  for (const { kind, everyMs } of kinds) {
    if (everyMs !== null) await addJob(db, { id: kind, kind, due: now() + everyMs });
  }

  const takeable = () =>
    kinds
      .filter(({ kind }) => (resting.get(kind) ?? 0) <= now())
      .map(({ kind, everyMs }) => ({ kind, longestMs: everyMs ?? DAY_MS }));

  async function work(): Promise<number> {
    for (let done = 0; ; done++) {
      if (stopping.signal.aborted) return done;
      const held = await takeJob(db, takeable(), owner, now());
      const kind = byName.get(held?.kind ?? '');
      if (held === null || kind === undefined) return done;
      await attempt(context, kind, held, stopping.signal).catch(async (error: unknown) => {
        const pause = pauseAfter(held.attempt, kind.everyMs);
        resting.set(kind.kind, now() + pause + LOOK_MS);
        await giveBack(context, kind, held, error, pause);
      });
    }
  }

  let looking: Promise<number> | null = null;
  /** When what was hurried last is due. */
  let hurriedAt = Number.NEGATIVE_INFINITY;
  const look = () => {
    looking ??= work().finally(() => {
      looking = null;
    });
    return looking;
  };
  const timer = setInterval(() => {
    look().catch((err) => log.warn({ job: 'look', err }, 'could not look for what is due'));
  }, LOOK_MS).unref();
  return {
    look,
    hurry: async (kind) => {
      const at = now();
      const isClockBack = hurriedAt > at + LOOK_MS;
      // It begins later than this: what is new will be seen.
      if (hurriedAt > at && !isClockBack) return;
      hurriedAt = isClockBack ? at : Math.max(at, hurriedAt + LOOK_MS);
      const isNow = hurriedAt === at;
      await hurryJob(db, kind, hurriedAt);
      if (isNow) await look();
    },
    stop: async () => {
      clearInterval(timer);
      stopping.abort();
      await looking?.catch(() => undefined);
    },
  };
}

async function attempt(
  context: Context,
  { kind, everyMs, work }: JobKind,
  held: HeldJob,
  stopping: AbortSignal,
): Promise<void> {
  const { db, now, log } = context;
  const lost = new AbortController();
  const renewal = setInterval(() => {
    // One that could not be renewed is tried again; should somebody take it meanwhile, that is found at the end.
    renewLease(db, held, now()).then(
      (isOurs) => !isOurs && lost.abort(),
      () => undefined,
    );
  }, LEASE_MS / 3).unref();
  try {
    const effect = await work(context, held, lost.signal, stopping);
    const again = everyMs === null ? null : now() + everyMs;
    if (await finishJob(db, held, again, effect)) return;
    log.warn({ job: kind, id: held.id }, 'took so long that another process has it now');
  } finally {
    clearInterval(renewal);
  }
}

async function giveBack(
  { db, now, log }: Context,
  { kind, everyMs, attempts }: JobKind,
  held: HeldJob,
  error: unknown,
  pause: number,
): Promise<void> {
  const isOver = everyMs === null && held.attempt >= attempts;
  log.error({ job: kind, id: held.id, attempt: held.attempt, err: error }, isOver ? 'gave up' : 'failed');
  const problem = error instanceof Error ? error.message : String(error);
  await transact(db, 'committed', async (trx) => {
    await failJob(trx, held, problem, isOver ? null : now() + pause, now());
    // Once for each time that it begins to fail: what fails for a day is no news every hour.
    if (!isOver && held.attempt !== TOLD_AT_ATTEMPT) return;
    const details = { job: kind, attempts: held.attempt, problem };
    await appendEvents(
      trx,
      [{ kind: 'job.failing', instance: null, actor: 'server', subject: held.id, details }],
      now(),
    );
  });
}
