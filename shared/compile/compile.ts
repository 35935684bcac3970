// Compile: from configuration, catalog, pins and what runs to the one deployment this instance should have.

import { compareVersions } from '../version/version.ts';
import { assemble } from './assemble.ts';
import { resolve } from './constraints.ts';
import { type Context, createContext, withoutWithholding } from './context.ts';
import { harden } from './emergency.ts';
import { explainConflict, findHeldBack } from './lift.ts';
import { reportPins } from './pin-report.ts';
import type { Assignment } from './repair.ts';
import { misconfigured } from './settings.ts';
import type { CompileInput, CompileResult, Withheld } from './target.ts';

/**
 * The highest versions that pins, bills of materials and requirements let hold together; then, over pins, the nearest
 * fix of whatever a critical advisory affects. The same input gives the same result, whatever the order of its parts.
 */
export function compile(input: CompileInput): CompileResult {
  const context = createContext(input);
  const solution = resolve(context);
  if (solution.kind !== 'solved') {
    return {
      kind: 'conflict',
      problems:
        solution.kind === 'unsolvable'
          ? solution.because
          : ['too many combinations of versions to try them all'],
      pins: reportPins(context, context.running, new Map()),
      lift: explainConflict(context),
    };
  }
  const { moves, forced } = harden(context, solution.choices);
  const assignment = new Map([...solution.choices, ...moves]);
  const target = assemble(context, assignment, forced);
  return {
    kind: 'compiled',
    target,
    pins: reportPins(context, assignment, forced),
    withheld: findWithheld(context, solution.choices),
    ...findHeldBack(context, solution.choices),
    misconfigured: misconfigured(target),
  };
}

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
