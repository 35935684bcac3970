// The backups of a server that runs: made when they are due, and what takes rights away is at their place before it is acknowledged.
import { setTimeout } from 'node:timers/promises';
import type { Logger } from 'pino';
import { durationMs, type EpochMs } from '../../shared/encoding/instant.ts';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import type { OwnPath } from '../../shared/node/own-parts.ts';
import { startOnDemand, startThread } from '../../shared/node/thread.ts';
import { createTurns } from '../../shared/node/turns.ts';
import { SETS } from '../core/backup-names.ts';
import { isBackupDue } from '../core/backup-retention.ts';
import type { DatabaseAddress } from '../core/database-address.ts';
import type { RepositoryAddress } from '../core/repository-address.ts';
import { digestAt, readAuditHead, readFirstDigest } from '../db/audit-chain.ts';
import { readBackupMark, writeBackupMark } from '../db/backup-marks.ts';
import type { Database } from '../db/tables.ts';
import { type Layout, readBackupPlace } from '../repository/layout.ts';
import { claimHere } from './back-up.ts';
import { lookAtArchive, noteFailure } from './failures.ts';
import { type KeptEntry, readLastKept, sendLog, verifyKept } from './log.ts';
import { type BackupConfig, type BackupPlace, openPlace } from './place.ts';
import type { BackedUp, Taken } from './take.ts';

const UNREAD =
  'the newest part of the log at the place of the backups cannot be read: backups go on, and nobody can tell whether this database was set back';

export interface Backups {
  /** A directory's path, or the address of a bucket, which begins with `s3:`. */
  readonly place: string;
  /**
   * Before the server answers anybody: that its database was not set back. A place that cannot be asked now is asked before anything
   * goes there. Error: backup/other-log.
   */
  begin(): Promise<void>;
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
  readonly warn: (error: unknown, what?: string) => void;
  readonly patience?: Patience;
}

/** A disk that hangs hangs for ever. */
interface Patience {
  /** So long somebody waits for an answer to what is done already. */
  readonly keepMs: number;
  /** The first copy of a large repository to a bucket takes long. */
  readonly makeMs: number;
  /** Whoever stops the server kills it before long. */
  readonly stopMs: number;
}

const PATIENCE: Patience = { keepMs: 15_000, makeMs: durationMs('PT2H'), stopMs: 10_000 };

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
    warn: (err, what = 'no backup; the next attempt follows') => log.error({ job: 'backup', err }, what),
  });
}

interface Opened {
  readonly config: Omit<MakerData, 'backup'>;
  readonly db: Database;
}

const LOOK_MS = 2_000;

/** Begins with the first look. `place` is closed with it. */
export function createBackups(
  keeping: Keeping,
  place: BackupPlace = openPlace(keeping.config, keeping.layout.backupStaging),
): Backups {
  const { config, maker, warn, db, now, patience = PATIENCE } = keeping;
  const { keepMs, makeMs, stopMs } = patience;
  const inLine = createTurns();
  let isClaimed = false;
  let kept: KeptEntry | null = null;
  let isFailing = false;
  let isStopped = false;

  async function claim(): Promise<void> {
    await claimHere(keeping, config);
    kept = await readLastKept(place, (cause) => warn(cause, UNREAD));
    if (kept !== null) await verifyKept(place, db, kept);
    isClaimed = true;
  }

  async function send(): Promise<void> {
    if (!isClaimed) await claim();
    // A database may also be set back under a server that runs: by a replica that takes over and lacks the end.
    if (kept !== null) await verifyKept(place, db, kept);
    const [mark, head] = await Promise.all([readBackupMark(db, 'log'), readAuditHead(db)]);
    if (mark !== null && mark.count >= head.count) return;
    await place.verify((await readFirstDigest(db)) ?? '');
    // Before the first backup there is none that could bring anything back.
    const sequence = await sendLog(place, db, mark?.count ?? head.count, now());
    const digest = await digestAt(db, sequence);
    if (digest !== null) kept = { sequence, digest };
    if (mark === null) await writeBackupMark(db, 'log', { count: head.count });
  }

  let next: Promise<void> | null = null;
  /** One that begins after this call, and that all who ask until it begins share: behind one that hangs no queue grows. */
  function sendSoon(): Promise<void> {
    next ??= inLine(() => {
      next = null;
      return send();
    });
    return within(keepMs, next);
  }

  async function makeDue(): Promise<void> {
    const last = await readBackupMark(db, 'backup');
    if (!isBackupDue(last, now())) return;
    const late = await lookAtArchive(keeping);
    if (late !== null) warn(late);
    // Whether it is there at all is soon told; how long a backup takes, not.
    await within(keepMs, place.list(SETS));
    await within(makeMs, maker.backUp());
  }

  async function succeeds(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      // Killed on purpose, in the middle of one perhaps.
      if (isStopped || isFairleadError(error, 'backup/busy')) return false;
      if (!isFailing) warn(error);
      isFailing = true;
      await noteFailure(keeping, 'failed', place.place, error).catch((error) => warn(error));
      return false;
    }
  }

  let [looking, making]: (Promise<void> | null)[] = [null, null];
  const make = async () => {
    if (await succeeds(makeDue)) isFailing = false;
  };
  /** What a command waits for is sent while a backup is made: that may take an hour. */
  const look = async () => {
    if (!(await succeeds(sendSoon))) return;
    making ??= make().finally(() => {
      making = null;
    });
  };
  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = null;
    });
  }, LOOK_MS).unref();
  return {
    place: place.place,
    begin: () =>
      within(keepMs, claim()).catch((error: unknown) => {
        if (isFairleadError(error, 'backup/other-log')) throw error;
      }),
    keep: () =>
      sendSoon().catch((cause: unknown) => {
        throw notKept(place.place, cause, true);
      }),
    look: async () => {
      await look();
      await making;
    },
    stop: async () => {
      isStopped = true;
      clearInterval(timer);
      const ended = Promise.all([maker.stop(), looking, making]).then(() => place.close());
      await within(stopMs, ended).catch((error) => warn(error));
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
  const deadline = performance.now() + PATIENCE.keepMs;
  while ((await sent()) < count) {
    if (performance.now() > deadline) {
      const problem = 'no running server sends it there';
      throw new FairleadError('backup/not-kept', { place, problem, done: true });
    }
    await setTimeout(ASK_MS);
  }
}

const ASK_MS = 200;

/** Errors: those of `work`, and backup/slow. */
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
