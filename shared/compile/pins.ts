// Pins: which of them hold now, what they allow, and whose word decides a component's version.
import { type EpochMs, instantMs } from '../encoding/instant.ts';
import { linesBehind, type Pin } from '../schema/pin.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import {
  compareVersions,
  isAbove,
  isBelow,
  majorOf,
  minorOf,
  parseRange,
  satisfies,
  type Version,
} from '../version/version.ts';

export type PinOrigin = 'pin:capability' | 'pin:suite' | 'pin:platform';

export interface PinSet {
  /** The pins on a component itself; all of them must hold. */
  on(component: ComponentName): readonly Pin[];
  /** Whose word decides: the nearest pinned level, the component's own first; null when no pin reaches it. */
  governing(component: ComponentName): PinOrigin | null;
  /** Those of the nearest level above the component that has any. */
  above(component: ComponentName): readonly Pin[];
  /** Sorted. */
  readonly active: readonly Pin[];
}

export function createPinSet(pins: readonly Pin[]): PinSet {
  const active = sortPins(pins);
  const groups = Map.groupBy(active, pinnedComponent);
  return {
    active,
    on: (component) => groups.get(component) ?? [],
    above: (component) =>
      levelsOf(component)
        .slice(1)
        .map(([name]) => groups.get(name) ?? [])
        .find((group) => group.length > 0) ?? [],
    governing: (component) => levelsOf(component).find(([name]) => groups.has(name))?.[1] ?? null,
  };
}

export function isExpired(pin: Pin, now: EpochMs): boolean {
  return pin.expires !== undefined && instantMs(pin.expires) <= now;
}

export function pinnedComponent(pin: Pin): ComponentName {
  return pin.level === 'platform' ? 'platform' : pin.name;
}

/** `core/auth at ~1.2`, for people. */
export function formatPin(pin: Pin): string {
  return `${pinnedComponent(pin)} at ${pin.version}`;
}

/** The versions of `newestFirst` that a pin allows. `latest-1` counts minor lines among exactly these. */
export function selectPinned(pin: Pin, newestFirst: readonly Version[]): readonly Version[] {
  const behind = linesBehind(pin.version);
  if (behind === null) {
    const range = parseRange(pin.version);
    return newestFirst.filter((version) => satisfies(version, range));
  }
  const line = [...new Set(newestFirst.map(minorLine))][behind];
  return newestFirst.filter((version) => minorLine(version) === line);
}

/** The pin wants something above this version: a required stop on the way there is no breach of it. */
export function leadsAbove(pin: Pin, stop: Version, newestFirst: readonly Version[]): boolean {
  if (linesBehind(pin.version) === null) return isBelow(stop, parseRange(pin.version));
  return selectPinned(pin, newestFirst).some((version) => compareVersions(version, stop) > 0);
}

/** By component, then by content: the order in which pins stand in a policy means nothing. */
export function sortPins(pins: readonly Pin[]): readonly Pin[] {
  const keyed = pins.map((pin) => ({ pin, key: JSON.stringify([pinnedComponent(pin), pin.version, pin]) }));
  return keyed.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map(({ pin }) => pin);
}

/** The version is higher than all the pin wants. */
export function isBeyond(pin: Pin, version: Version, newestFirst: readonly Version[]): boolean {
  if (linesBehind(pin.version) === null) return isAbove(version, parseRange(pin.version));
  return selectPinned(pin, newestFirst).every((wanted) => compareVersions(version, wanted) > 0);
}

/** The component's own level first. */
function levelsOf(component: ComponentName): readonly (readonly [ComponentName, PinOrigin])[] {
  const [suite = '', capability] = component.split('/');
  const levels: readonly (readonly [ComponentName, PinOrigin])[] = [
    [component, 'pin:capability'],
    [suite, 'pin:suite'],
    ['platform', 'pin:platform'],
  ];
  if (component === 'platform') return levels.slice(2);
  return capability === undefined ? levels.slice(1) : levels;
}

function minorLine(version: Version): string {
  return `${majorOf(version)}.${minorOf(version)}`;
}
