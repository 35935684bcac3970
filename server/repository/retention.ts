// How long a released update stays to be had, as its vendor signed it: no publication goes back on that.
import { byCodePoint } from '../../shared/encoding/canonical.ts';
import { type EpochMs, instantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { parseReleasePath } from '../../shared/schema/release-ref.ts';
import type { TargetFile } from '../../shared/trust/metadata.ts';
import { endOfSupport, keptDay, keptUntil } from '../../shared/trust/target-notes.ts';
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

/**
 * None is listed no longer before its day, no day that was signed becomes an earlier one, and support that ends sooner takes no release away
 * sooner: until when each is kept counts, whatever that follows from. Error: publication/kept.
 */
export function verifyKept(published: Roles, next: Roles, now: EpochMs): void {
  const listed = new Map(listKept(next).map((one) => [one.path, one]));
  for (const { path, target, until } of listKept(published)) {
    const found = listed.get(path);
    const was = target.notes?.availableUntil;
    if (found === undefined) {
      if (until > now) throw new FairleadError('publication/kept', { path, until: keptDay(until) });
    } else if (was !== undefined) {
      const is = found.target.notes?.availableUntil;
      // One that is signed no more could come back as an earlier one.
      if ((is === undefined || found.until < until) && until > now)
        throw new FairleadError('publication/kept', { path, until: keptDay(until) });
      if (is !== undefined && instantMs(is) < instantMs(was) && instantMs(was) > now)
        throw new FairleadError('publication/kept', { path, until: was });
    }
  }
}
