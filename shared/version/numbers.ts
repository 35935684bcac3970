// Versions as numbers and ranges as stretches of them, for searches that compare a hundred thousand times: of versions without a pre-release, and as large as any is.
import type semver from 'semver';

const MAX_MAJOR = 2 ** 17;
const MAX_PART = 2 ** 18;

/** In the order of versions; null for a pre-release, and for parts that have no room in a number. `version` in its canonical spelling. */
export function numberOf(version: string): number | null {
  let [number, part, parts] = [0, 0, 1];
  for (let at = 0; at < version.length; at++) {
    const code = version.charCodeAt(at);
    if (code >= ZERO && code <= NINE) {
      part = part * 10 + code - ZERO;
      if (part >= (parts === 1 ? MAX_MAJOR : MAX_PART)) return null;
    } else {
      if (code !== DOT) return null;
      number = number * MAX_PART + part;
      part = 0;
      parts++;
    }
  }
  return parts === 3 ? number * MAX_PART + part : null;
}

const [DOT, ZERO, NINE] = [46, 48, 57];

/** Which numbers a range admits. */
export class Stretches {
  /** From the first, up to but without the second, and so on with each pair. */
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  holds(number: number): boolean {
    const bounds = this.#bounds;
    for (let i = 0; i < bounds.length; i += 2) {
      if (number >= (bounds[i] ?? 0) && number < (bounds[i + 1] ?? 0)) return true;
    }
    return false;
  }
}

/** Null where a bound has no room in a number. */
export function stretchesOf(range: semver.Range): Stretches | null {
  const bounds: number[] = [];
  for (const comparators of range.set) {
    let [from, to] = [0, Number.POSITIVE_INFINITY];
    for (const { operator, semver: bound, value } of comparators) {
      // A comparator that allows anything has no version.
      if (value === '') continue;
      const { major, minor, patch, prerelease } = bound;
      if (major >= MAX_MAJOR || minor >= MAX_PART || patch >= MAX_PART) return null;
      const at = placeOf(major, minor, patch);
      // Of versions without a pre-release, those behind one begin where it would be released.
      const after = prerelease.length > 0 ? at : at + 1;
      const isExact = operator !== '>=' && operator !== '>' && operator !== '<' && operator !== '<=';
      if (operator === '>=' || isExact) from = Math.max(from, at);
      if (operator === '>') from = Math.max(from, after);
      if (operator === '<') to = Math.min(to, at);
      if (operator === '<=' || isExact) to = Math.min(to, after);
    }
    if (from < to) bounds.push(from, to);
  }
  return new Stretches(bounds);
}

function placeOf(major: number, minor: number, patch: number): number {
  return (major * MAX_PART + minor) * MAX_PART + patch;
}
