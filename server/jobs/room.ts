// Looks whether the disks that the server writes to fill, and says so while it can still be written down.
import { durationMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { Context } from '../context.ts';
import { aboutRoom, type DiskRoom, type RoomLevel, rateRoom } from '../core/disk-room.ts';
import { appendEvents } from '../db/events.ts';
import type { Effect } from '../db/jobs.ts';
import type { Database } from '../db/tables.ts';

/** While it stands it is told again after so long. */
const TOLD_AGAIN_MS = durationMs('P1D');

export async function watchRoom({ db, log, now, readDisks }: Context): Promise<Effect | null> {
  const at = now();
  const since = formatInstantMs(at - TOLD_AGAIN_MS);
  const news: (DiskRoom & { readonly level: RoomLevel })[] = [];
  for (const room of await readDisks()) {
    const level = rateRoom(room);
    if (level === null) continue;
    log.warn({ job: 'room', ...room, level }, 'a disk fills');
    if (!(await wasTold(db, aboutRoom(room.disk, level), since))) news.push({ ...room, level });
  }
  const events = news.map(({ disk, free, size, level }) => ({
    ...({ kind: 'disk.fills', instance: null, actor: 'server', subject: disk } as const),
    details: { disk, free, size, level },
  }));
  return events.length === 0 ? null : (trx) => appendEvents(trx, events, at);
}

/** By the alerts, which all processes on the database share. */
async function wasTold(db: Database, about: string, since: string): Promise<boolean> {
  const row = await db
    .selectFrom('alerts')
    .select('id')
    .where('kind', '=', 'disk-fills')
    .where('about', '=', about)
    .where('last_at', '>', since)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
