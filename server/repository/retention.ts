// How long a released update stays to be had, as its vendor signed it: no publication goes back on that.
import { byCodePoint } from '../../shared/encoding/canonical.ts';
import { type EpochMs, formatInstant, instantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { parseReleasePath } from '../../shared/schema/release-ref.ts';
import type { TargetFile } from '../../shared/trust/metadata.ts';
import { endOfSupport, keptUntil } from '../../shared/trust/target-notes.ts';
import { type Roles, resolveIn } from './state.ts';

/** A release that is listed, and until when it stays to be had; infinity where no day was signed. */
export interface KeptRelease {
  readonly path: string;
  readonly target: TargetFile;
  readonly until: EpochMs;
}

/** Each as the role that may speak for it lists it, by their paths. */
export function listKept(roles: Roles): readonly KeptRelease[] {
  const paths = new Set<string>();
  for (const { content } of roles.values()) {
    for (const path of content.targets.keys()) if (parseReleasePath(path) !== null) paths.add(path);
  }
  const found = [...paths].sort(byCodePoint).flatMap((path) => {
    const resolved = resolveIn(roles, path);
    return resolved.kind === 'found' ? [{ path, target: resolved.target }] : [];
  });
  const supportEnds = endOfSupport(found.flatMap(({ target }) => target.notes ?? []));
  return found.map((one) => ({ ...one, until: keptUntil(one.target.notes, supportEnds) }));
}

/** None is listed no longer before its day, and no day that was signed becomes an earlier one. Error: publication/kept. */
export function verifyKept(published: Roles, next: Roles, now: EpochMs): void {
  for (const { path, target, until } of listKept(published)) {
    const found = resolveIn(next, path);
    if (found.kind !== 'found') {
      if (until > now) throw new FairleadError('publication/kept', { path, until: dayOf(until) });
      continue;
    }
    const was = target.notes?.availableUntil;
    const is = found.target.notes?.availableUntil;
    // One that is signed no more could come back as an earlier one.
    const isShorter = was !== undefined && (is === undefined || instantMs(is) < instantMs(was));
    if (isShorter && instantMs(was) > now) throw new FairleadError('publication/kept', { path, until: was });
  }
}

/** Null for good: no day was signed. */
export function dayOf(until: EpochMs): string | null {
  return Number.isFinite(until) ? formatInstant(until) : null;
}
