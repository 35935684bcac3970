// Which backups go: everything of the last hour stays, then one in five minutes for a day, then one a day for thirty, and fewer where they take too much room.
import { durationMs, type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import type { SetName } from './backup-names.ts';

const ALL_KEPT_MS = durationMs('PT1H');
const DAY_MS = durationMs('P1D');
export const BACKUPS_KEPT_MS = durationMs('P30D');
/** A founding number: a backup every five minutes. */
export const SLOT_MS = durationMs('PT5M');
const HOUR_MS = durationMs('PT1H');
/** The next one comes after twenty times as long as the last one took: a twentieth of a disk's time at most. */
const SHARE = 20;
const SOONEST_MS = durationMs('PT1M');
/** Of copies of the database at one place; a smaller disk has less. */
export const MOST_BACKUP_BYTES = 100e9;

/** Every minute where one takes three seconds, and every five in any case. A last one of a later time was made by a clock that was ahead. */
export function isBackupDue(
  last: { readonly at: string; readonly tookMs: number } | null,
  now: EpochMs,
): boolean {
  if (last === null) return true;
  const age = now - instantMs(last.at);
  return age < 0 || age >= Math.min(SLOT_MS, Math.max(SOONEST_MS, SHARE * last.tookMs));
}

/** The newest never goes, whatever its clock said. */
export function selectExpired(
  sets: readonly SetName[],
  now: EpochMs,
  mostBytes: number = MOST_BACKUP_BYTES,
): readonly SetName[] {
  const newestFirst = sets.toSorted((a, b) => b.sequence - a.sequence);
  const [newest, ...older] = newestFirst;
  if (newest === undefined) return [];
  const places = new Set<string>();
  const kept = older.filter(({ at }) => {
    const place = placeOf(now - at, at);
    if (place === null || (place !== ALWAYS && places.has(place))) return false;
    places.add(place);
    return true;
  });
  const crowded = selectCrowded(kept, now, mostBytes - newest.bytes);
  const stays = new Set(kept.filter((one) => !crowded.has(one)));
  return older.filter((one) => !stays.has(one));
}

const ALWAYS = '';

/** Of those with one place in time the newest stays. Null for one that is too old; a clock that was ahead makes none old. */
function placeOf(age: number, at: EpochMs): string | null {
  if (age > BACKUPS_KEPT_MS) return null;
  if (age <= ALL_KEPT_MS) return ALWAYS;
  if (age <= DAY_MS) return `slot ${Math.floor(at / SLOT_MS)}`;
  return `day ${Math.floor(at / DAY_MS)}`;
}

/** First all but one an hour, then all but one a day, then the oldest, until the rest has room. `newestFirst` is what age leaves. */
function selectCrowded(newestFirst: readonly SetName[], now: EpochMs, room: number): ReadonlySet<SetName> {
  let bytes = newestFirst.reduce((sum, one) => sum + one.bytes, 0);
  const gone = new Set<SetName>();
  for (const span of [HOUR_MS, DAY_MS, null]) {
    const places = new Set<number>();
    const spare = newestFirst.filter((one) => {
      if (gone.has(one)) return false;
      const place = span === null ? 0 : Math.floor(Math.min(one.at, now) / span);
      const isSpare = span === null || places.has(place);
      places.add(place);
      return isSpare;
    });
    for (const one of spare.toReversed()) {
      if (bytes <= room) return gone;
      gone.add(one);
      bytes -= one.bytes;
    }
  }
  return gone;
}
