// Pins in vain: what a pin names that nobody released, misspelt or not, and versions that hold nothing.
import { didYouMean } from '../encoding/nearest.ts';
import { linesBehind, type Pin } from '../schema/pin.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import type { Version } from '../version/version.ts';
import { pinnedComponent, selectPinned } from './pins.ts';

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
