// What is withheld: newer releases this instance would take at once, were it not for a wave, pause, halt or quarantine.
import { compareVersions } from '../version/version.ts';
import { type Context, withoutWithholding } from './context.ts';
import type { Assignment } from './repair.ts';
import { resolve } from './resolve.ts';
import type { Withheld } from './target.ts';

/** By component. Compares with what would be chosen if nothing were withheld. */
export function findWithheld(context: Context, chosen: Assignment): readonly Withheld[] {
  if (context.offers.withheld.size === 0) return [];
  const ideal = resolve(withoutWithholding(context));
  if (ideal.kind !== 'solved') return [];
  return [...ideal.choices]
    .flatMap(([component, wanted]) => {
      const has = chosen.get(component) ?? null;
      const isBetter = wanted !== null && (has === null || compareVersions(wanted.version, has.version) > 0);
      return isBetter ? (context.offers.withheld.get(wanted.digest) ?? []) : [];
    })
    .toSorted((a, b) => (a.component < b.component ? -1 : 1));
}
