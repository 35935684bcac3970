// Compile: from configuration, catalog, pins and what runs to the one deployment this instance should have.
import { assemble } from './assemble.ts';
import { createContext } from './context.ts';
import { harden } from './harden.ts';
import { explainConflict, findHeldBack } from './lift.ts';
import { reportPins } from './pin-report.ts';
import { resolve } from './resolve.ts';
import { misconfigured } from './settings.ts';
import type { CompileInput, CompileResult } from './target.ts';
import { findWithheld } from './withheld.ts';

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
