// What processes on one database have from each other: one time to go by, and notice that something changed, never what.
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import pg from 'pg';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import type { DatabaseAddress, PostgresAddress } from '../core/database-address.ts';
import { connectionOf } from './postgres.ts';
import type { Database } from './tables.ts';
import { isPostgres } from './transact.ts';

/**
 * An id, never the thing: whom there is news for, by what was proposed to it, which advisory is to be enforced, who is shut out.
 * PostgreSQL commits those who notify one after the other: one for a publication or a proposal, never one for a report.
 */
export type Notice =
  | 'publication'
  | `instance ${string}`
  | `group ${string}`
  | `advisory ${string}`
  | `shut ${string}`;

const NOTICE = /^(?:publication|(?:instance|group|advisory|shut) [A-Za-z0-9_-]{1,128})$/;
const CHANNEL = 'fairlead';
const RECONNECT_MS = [250, 1_000, 5_000] as const;

/** Told by any process on the database, this one included. One that was lost costs time alone: everybody also looks. */
export interface Notices {
  tell(notice: Notice): Promise<void>;
  /** Also told of a publication once a connection is there again: what was said meanwhile is lost. The caller ends it. */
  listen(onNotice: (notice: Notice) => void): Listening;
}

export interface Listening {
  /** What is said from then on is heard, for the first time. */
  readonly begun: Promise<void>;
  stop(): Promise<void>;
}

/** The embedded file has one process, which needs nobody to pass them on. */
export function createNotices(db: Database, address: DatabaseAddress): Notices {
  if (address.kind === 'postgres') {
    return {
      tell: (notice) => tellOthers(db, notice),
      listen: (onNotice) => listen(address, onNotice),
    };
  }
  const listeners = new Set<(notice: Notice) => void>();
  return {
    tell: async (notice) => {
      for (const onNotice of listeners) onNotice(notice);
    },
    listen: (onNotice) => {
      listeners.add(onNotice);
      return { begun: Promise.resolve(), stop: async () => void listeners.delete(onNotice) };
    },
  };
}

export async function tellOthers(db: Database, notice: Notice): Promise<void> {
  if (!isPostgres(db)) return;
  await db
    .selectNoFrom((select) => select.fn('pg_notify', [select.val(CHANNEL), select.val(notice)]).as('told'))
    .execute()
    .catch(() => undefined);
}

function listen(address: PostgresAddress, onNotice: (notice: Notice) => void): Listening {
  const stopping = new AbortController();
  const begun = Promise.withResolvers<void>();
  const tell = (notice: Notice) => {
    begun.resolve();
    onNotice(notice);
  };
  const listening = listenUntil(address, tell, stopping.signal);
  return {
    begun: begun.promise,
    stop: () => {
      stopping.abort();
      return listening;
    },
  };
}

async function listenUntil(
  address: PostgresAddress,
  onNotice: (notice: Notice) => void,
  stopping: AbortSignal,
): Promise<void> {
  for (let failures = 0; !stopping.aborted; failures++) {
    const client = new pg.Client(connectionOf(address, null));
    const ended = new Promise<void>((resolve) => {
      client.once('end', resolve);
      client.on('error', () => resolve());
      stopping.addEventListener('abort', () => resolve(), { once: true });
    });
    client.on('notification', ({ payload = '' }) => {
      if (NOTICE.test(payload)) onNotice(payload as Notice);
    });
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      failures = 0;
      onNotice('publication');
      await ended;
    } catch {
      // The next attempt may find it; until then everybody looks for themselves.
    }
    void client.end().catch(() => undefined);
    const pause = RECONNECT_MS[Math.min(failures, RECONNECT_MS.length - 1)] ?? 0;
    await setTimeout(pause, undefined, { signal: stopping }).catch(() => undefined);
  }
}

const COMPARE_MS = 10_000;

/**
 * The time that all go by: one whose clock is wrong refuses nobody and signs nothing strange. With the embedded file it is
 * the machine's. Error: server/database-away.
 */
export async function databaseClock(db: Database): Promise<() => EpochMs> {
  if (!isPostgres(db)) return Date.now;
  let ahead = await compare(db);
  const again = () =>
    compare(db).then(
      (found) => {
        ahead = found;
      },
      // Until it answers again the last comparison holds: no clock of ours was moved in between, only that of the machine.
      () => undefined,
    );
  setInterval(again, COMPARE_MS).unref();
  return () => Math.round(performance.now() + ahead);
}

/** How far the database's clock is ahead of one that nobody can move. */
async function compare(db: Database): Promise<number> {
  const asked = performance.now();
  const { rows } = await sql<{ readonly at: number }>`
    select extract(epoch from clock_timestamp()) * 1000 as at`.execute(db);
  const answered = performance.now();
  return Number(rows[0]?.at) - (asked + answered) / 2;
}
