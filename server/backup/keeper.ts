// The backups of a server that runs: made when they are due, and what takes rights away is at their place before it is acknowledged.
import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import type { OwnPath } from '../../shared/node/own-parts.ts';
import { startOnDemand, startThread } from '../../shared/node/thread.ts';
import { createTurns } from '../../shared/node/turns.ts';
import { isBackupDue } from '../core/backup-retention.ts';
import type { DatabaseAddress } from '../core/database-address.ts';
import type { RepositoryAddress } from '../core/repository-address.ts';
import { readAuditHead, readFirstDigest } from '../db/audit-chain.ts';
import { readBackupMark, writeBackupMark } from '../db/backup-marks.ts';
import { appendEvents } from '../db/events.ts';
import type { Database } from '../db/tables.ts';
import { transact } from '../db/transact.ts';
import { type Layout, readBackupPlace } from '../repository/layout.ts';
import { claimHere } from './back-up.ts';
import { sendLog } from './log.ts';
import { type BackupConfig, type BackupPlace, openPlace } from './place.ts';
import type { BackedUp, Taken } from './take.ts';

export interface Backups {
  /** For people. */
  readonly place: string;
  /** Answers once everything that the audit log holds is at the place as well. Error: backup/not-kept. */
  keep(): Promise<void>;
  /** Makes one if it is due, and sends what the log has; what fails is noted and tried again. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

/** What the thread that makes backups begins with. */
export interface MakerData {
  readonly layout: Layout;
  readonly database: DatabaseAddress;
  readonly repository: RepositoryAddress;
  readonly backup: BackupConfig;
}

/** Makes backups beside whoever asks; it may be stopped in the middle of one, which then is none. */
export interface Maker {
  backUp(): Promise<Taken>;
  stop(): Promise<void>;
}

export function startMaker(module: OwnPath, data: MakerData): Maker {
  const thread = startOnDemand<'backup', Taken>(() => startThread(module, { data }), null);
  return { backUp: () => thread.ask('backup'), stop: () => thread.kill() };
}

export interface Keeping extends Pick<BackedUp, 'layout' | 'db' | 'now'> {
  readonly config: BackupConfig;
  readonly maker: Maker;
  readonly warn: (error: unknown) => void;
}

/** Beside the server, in a thread of their own; the log says once when they begin to fail. */
export function startBackups(
  module: OwnPath,
  backup: BackupConfig,
  { config, db }: Opened,
  now: () => EpochMs,
  log: Pick<Logger, 'error'>,
): Backups {
  const { layout, database, repository } = config;
  return createBackups({
    ...{ layout, db, now, config: backup },
    maker: startMaker(module, { layout, database, repository, backup }),
    warn: (err) => log.error({ job: 'backup', err }, 'no backup; the next attempt follows'),
  });
}

interface Opened {
  readonly config: Omit<MakerData, 'backup'>;
  readonly db: Database;
}

const LOOK_MS = 2_000;
/** So long somebody waits for an answer to what is done already. */
const KEEP_MS = 15_000;

/** Begins with the first look. */
export function createBackups(keeping: Keeping): Backups {
  const { config, layout, maker, warn, db, now } = keeping;
  const place = openPlace(config, layout.backupStaging);
  const inLine = createTurns();
  let isClaimed = false;
  let isFailing = false;
  let isStopped = false;

  async function send(): Promise<void> {
    if (!isClaimed) await claimHere(keeping, config);
    isClaimed = true;
    const [mark, head] = await Promise.all([readBackupMark(db, 'log'), readAuditHead(db)]);
    if (mark !== null && mark.count >= head.count) return;
    await place.verify((await readFirstDigest(db)) ?? '');
    // Before the first backup there is none that could bring anything back.
    await sendLog(place, db, mark?.count ?? head.count, now());
    if (mark === null) await writeBackupMark(db, 'log', { count: head.count });
  }

  async function makeDue(): Promise<void> {
    const last = await readBackupMark(db, 'backup');
    if (isBackupDue(last, now())) await maker.backUp();
  }

  const look = async () => {
    try {
      await inLine(send);
      await makeDue();
      isFailing = false;
    } catch (error) {
      // Killed on purpose, in the middle of one perhaps.
      if (isStopped || isFairleadError(error, 'backup/busy')) return;
      if (!isFailing) warn(error);
      isFailing = true;
      await noteFailure(keeping, place, error);
    }
  };
  let looking: Promise<void> | null = null;
  const timer = setInterval(() => {
    looking ??= look()
      .catch(warn)
      .finally(() => {
        looking = null;
      });
  }, LOOK_MS).unref();
  return {
    place: place.place,
    keep: () =>
      within(KEEP_MS, inLine(send)).catch((cause: unknown) => {
        throw notKept(place.place, cause, true);
      }),
    look,
    stop: async () => {
      isStopped = true;
      clearInterval(timer);
      await maker.stop();
      await looking;
      await place.close();
    },
  };
}

/**
 * For a command beside the server that keeps backups: until that one has sent what the log holds now. Answers at once where
 * none are kept. Error: backup/not-kept.
 */
export async function waitUntilKept(db: Database, layout: Layout): Promise<void> {
  const place = await readBackupPlace(layout);
  if (place === null) return;
  const { count } = await readAuditHead(db);
  const sent = async () => (await readBackupMark(db, 'log'))?.count ?? 0;
  const deadline = performance.now() + KEEP_MS;
  while ((await sent()) < count) {
    if (performance.now() > deadline) {
      const problem = 'no running server sends it there';
      throw new FairleadError('backup/not-kept', { place, problem, done: true });
    }
    await setTimeout(ASK_MS);
  }
}

const ASK_MS = 200;

/** Once, with its time, for as long as it lasts: whoever is told of events hears of it once. */
async function noteFailure(
  { db, now }: Pick<Keeping, 'db' | 'now'>,
  { place }: BackupPlace,
  error: unknown,
): Promise<void> {
  const problem = error instanceof Error ? error.message : String(error);
  const at: EpochMs = now();
  await transact(db, 'serializable', async (trx) => {
    const before = await readBackupMark(trx, 'failed');
    await writeBackupMark(trx, 'failed', { since: before?.since ?? formatInstantMs(at), problem });
    if (before !== null) return;
    const event = { kind: 'backup.failed', instance: null, actor: 'server', subject: place } as const;
    await appendEvents(trx, [{ ...event, details: { problem } }], at);
  });
}

/** A disk that hangs hangs for ever. Errors: those of `work`, and backup/slow. */
export async function within<Result>(ms: number, work: Promise<Result>): Promise<Result> {
  const done = new AbortController();
  const late = setTimeout(ms, undefined, { signal: done.signal, ref: false }).then(() => {
    throw new FairleadError('backup/slow', { seconds: ms / 1000 });
  });
  // Whoever comes too late is heard by nobody.
  for (const one of [work, late]) one.catch(() => undefined);
  return Promise.race([work, late]).finally(() => done.abort());
}

export function notKept(place: string, cause: unknown, done: boolean): FairleadError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new FairleadError('backup/not-kept', { place, problem, done }, { cause });
}
