// Reporting pins: which hold, which have expired, which an advisory overrides, which name nothing.

import { didYouMean } from '../encoding/nearest.ts';
import { mapped, type Pieces } from '../encoding/pieces.ts';
import { linesBehind, type Pin } from '../schema/pin.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import { compareVersions, type Version } from '../version/version.ts';
import type { Context } from './context.ts';
import { isExpired, pinnedComponent, selectPinned, sortPins } from './pins.ts';
import type { AnyRelease } from './releases.ts';
import type { Assignment } from './repair.ts';
import type { PinReport } from './target.ts';

/** `forced`: the advisory behind each component that one moved. */
export function* reportPins(
  context: Context,
  assignment: Assignment,
  forced: ReadonlyMap<ComponentName, string>,
): Pieces<readonly PinReport[]> {
  const broken = new Set(yield* brokenPins(context, assignment));
  const known = knownVersions(context);
  const by = [...new Set([...forced.values(), ...context.standing.values()])].sort();
  const report = (pin: Pin): PinReport => {
    if (isExpired(pin, context.input.now)) return { pin, state: 'expired', by: [] };
    const problem = findPinProblem(pin, known);
    if (problem !== null) return { pin, state: 'unmatched', by: [], problem };
    return broken.has(pin) && by.length > 0
      ? { pin, state: 'overridden', by }
      : { pin, state: 'active', by: [] };
  };
  return yield* mapped(sortPins(context.input.pins), report, (pin) => versionsOf(context, pin).length);
}

function versionsOf({ index }: Context, pin: Pin): readonly AnyRelease[] {
  return index.of(pinnedComponent(pin));
}

/** The active pins on components whose version in the assignment is not one they allow. */
export function* brokenPins(context: Context, assignment: Assignment): Pieces<readonly Pin[]> {
  const isBroken = (pin: Pin) => {
    const choice = assignment.get(pinnedComponent(pin)) ?? null;
    if (choice === null) return false;
    const versions = versionsOf(context, pin).map((release) => release.document.version);
    return !selectPinned(pin, [...new Set([...versions, choice.version])]).includes(choice.version);
  };
  const broken = yield* mapped(
    context.pins.active,
    (pin) => (isBroken(pin) ? pin : null),
    (pin) => versionsOf(context, pin).length,
  );
  return broken.filter((pin) => pin !== null);
}

/** What the catalog lists, and what runs although it lists it no more. */
export function knownVersions({ index, running }: Pick<Context, 'index' | 'running'>): KnownVersions {
  return {
    components: [...new Set([...index.components, ...running.keys()])],
    versionsOf(component) {
      const released = index.of(component).map(({ document }) => document.version);
      const here = running.get(component)?.version;
      if (here === undefined || released.includes(here)) return released;
      return [...released, here].sort((a, b) => compareVersions(b, a));
    },
  };
}

/** What a pin can be about: every component that was ever released or runs, with its versions, newest first. */
export interface KnownVersions {
  readonly components: readonly ComponentName[];
  versionsOf(component: ComponentName): readonly Version[];
}

/**
 * Why the pin protects nothing, or freezes what it means to keep; null when neither is so. Before the first document of the
 * vendor nothing is known, and every pin may be right.
 */
export function findPinProblem(pin: Pin, known: KnownVersions): string | null {
  const component = pinnedComponent(pin);
  // The library takes nothing at all for everything.
  if (pin.version.trim() === '') return 'it names no version, which allows every one';
  if (known.components.length === 0) return null;
  const versions = known.versionsOf(component);
  if (versions.length === 0) {
    const hint = didYouMean(component, known.components);
    return `nobody has released ${component}${hint === '' ? '' : `; ${hint}`}`;
  }
  if (selectPinned(pin, versions).length > 0) return null;
  const what =
    linesBehind(pin.version) === null ? `that ${pin.version} allows` : `so far behind (${pin.version})`;
  return `no version of ${component} was released ${what}; there are ${versions.slice(0, 10).join(', ')}`;
}
