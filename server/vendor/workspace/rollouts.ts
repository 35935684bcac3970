// Rollouts and halts as the workspace signs them.
import type { ScopedHalt } from '../../../shared/compile/releases.ts';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { type Classes, classes, covers, formatClasses } from '../../../shared/schema/classes.ts';
import { line } from '../../../shared/schema/common.ts';
import { formatRef, haltPath, haltScopePath, type ReleaseRef } from '../../../shared/schema/release-ref.ts';
import { type Halt, type HaltScope, MAX_HALT_MS, type Rollout } from '../../../shared/schema/rollout.ts';
import { readHaltScopes, readHalts, readRolloutsOf, rolloutTarget } from './documents.ts';
import type { Session } from './passphrases.ts';
import type { SigningResult } from './signing.ts';
import { changeTargets, type TargetEdit } from './targets.ts';
import { jsonBytes } from './workspace.ts';

/**
 * Changes a release's rollouts on one track, or on all when it is null. Error: vendor/not-offered when there is none.
 */
export async function editRollouts(
  session: Session,
  ref: ReleaseRef,
  track: string | null,
  action: string,
  change: Partial<Pick<Rollout, 'paused' | 'withdrawn'>>,
): Promise<SigningResult> {
  const offered = await readRolloutsOf(session.directory, ref);
  const chosen = offered.filter(({ document }) => track === null || document.track === track);
  if (chosen.length === 0) {
    throw new FairleadError('vendor/not-offered', { release: formatRef(ref), track: track ?? 'any track' });
  }
  const edits = chosen.map(({ document }) => rolloutTarget(readable({ ...document, ...change })));
  return changeTargets(session, 'releases', edits, { action, subject: formatRef(ref) });
}

/** What is offered to nobody is limited to nobody: an agent that knows no classes must read that the release is withdrawn. */
function readable({ classes: offeredTo, ...offered }: Rollout): Rollout {
  if (!offered.withdrawn) return offeredTo === undefined ? offered : { ...offered, classes: offeredTo };
  return { ...offered, waves: offered.waves.filter((wave) => wave.classes === undefined) };
}

/**
 * Signs a halt of one release, for all or for installs of its classes; halts that have expired are removed on the way. It takes
 * the place of the one before: see `widenHalt`.
 */
export async function signHalt(
  session: Session,
  ref: ReleaseRef,
  { classes, ...halt }: ScopedHalt,
): Promise<SigningResult> {
  const name = formatRef(ref);
  const path = haltPath(halt.digest);
  const edits: TargetEdit[] = [
    ...(await removalsOfExpired(session)),
    { path, bytes: jsonBytes(halt), label: { kind: 'halt', name } },
    scopeEdit(halt.digest, name, classes ?? null),
  ];
  return changeTargets(session, 'halts', edits, { action: 'rollout halt', subject: name });
}

/**
 * What is signed where one is in force and another is asked for: nobody is released by a halt, and nobody earlier. Another for the
 * same installs takes the place of the one before, and its time; classes that the new one leaves out stay in.
 * Errors: vendor/halted-for-all where it would be narrowed, vendor/option-invalid where that are too many classes.
 */
export function widenHalt(ref: ReleaseRef, before: ScopedHalt | undefined, asked: ScopedHalt): ScopedHalt {
  if (before === undefined) return asked;
  const isWhole = covers(asked.classes, before.classes);
  if (isWhole && covers(before.classes, asked.classes)) return asked;
  const ends = Math.max(instantMs(asked.expires), instantMs(before.expires));
  // The one before may be of a clock that is ahead.
  const longest = Math.min(ends, instantMs(asked.issued) + MAX_HALT_MS);
  const wider = { ...asked, expires: formatInstant(longest) };
  if (isWhole) return wider;
  if (before.classes === undefined) {
    throw new FairleadError('vendor/halted-for-all', { release: formatRef(ref), until: before.expires });
  }
  const both = `${before.reason}; ${asked.reason}`;
  return {
    ...wider,
    classes: union(before.classes, asked.classes ?? []),
    // Each of them is shown why.
    reason: before.reason !== asked.reason && line.safeParse(both).success ? both : asked.reason,
  };
}

function union(before: Classes, asked: Classes): Classes {
  const all = classes.safeParse([...before.filter((one) => !covers(asked, [one])), ...asked]);
  if (all.success) return all.data;
  throw new FairleadError('vendor/option-invalid', {
    ...{ option: '--class', value: formatClasses(asked) },
    form: 'so few that they are twenty with those that are halted already; or leave it out, for all',
  });
}

function scopeEdit(digest: Digest, name: string, classes: Classes | null): TargetEdit {
  const path = haltScopePath(digest);
  if (classes === null) return { path, bytes: null };
  const scope: HaltScope = { schema: 'fairlead/halt-scope@1', digest, classes: [...classes] };
  return { path, bytes: jsonBytes(scope), label: { kind: 'halt-scope', name } };
}

/** Removes a release's halt; `unchanged` when it has none. */
export function liftHalt(session: Session, ref: ReleaseRef, release: Digest): Promise<SigningResult> {
  const edits = [haltPath(release), haltScopePath(release)].map((path) => ({ path, bytes: null }));
  return changeTargets(session, 'halts', edits, { action: 'rollout resume', subject: formatRef(ref) });
}

/** The halt of a release that is in force now, with the classes it is limited to. */
export async function findHalt(session: Session, release: Digest): Promise<ScopedHalt | undefined> {
  const halts = await readHalts(session.directory);
  const found = halts.find(({ document }) => document.digest === release)?.document;
  if (found === undefined || instantMs(found.expires) <= session.now()) return undefined;
  const scope = (await readHaltScopes(session.directory)).find(({ digest }) => digest === release);
  return scope === undefined ? found : { ...found, classes: scope.classes };
}

export function createHalt(release: Digest, reason: string, now: number, lastsMs: number): Halt {
  return {
    schema: 'fairlead/halt@1',
    digest: release,
    reason,
    issued: formatInstant(now),
    expires: formatInstant(now + lastsMs),
  };
}

async function removalsOfExpired(session: Session): Promise<readonly TargetEdit[]> {
  const halts = await readHalts(session.directory);
  return halts
    .filter(({ document }) => instantMs(document.expires) <= session.now())
    .flatMap(({ path, document: { digest } }) => [path, haltScopePath(digest)])
    .map((path) => ({ path, bytes: null }));
}
