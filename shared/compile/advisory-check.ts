// Contradictions of an advisory: what would be signed, forced on nobody or on everybody, and help none of them.

import { type EpochMs, instantMs } from '../encoding/instant.ts';
import { didYouMean } from '../encoding/nearest.ts';
import type { Advisory } from '../schema/advisory.ts';
import type { AdvisoryDetails } from '../schema/advisory-details.ts';
import { intervalsOf } from '../version/intervals.ts';
import { compareVersions } from '../version/version.ts';
import { isAffected } from './exposure.ts';
import type { KnownVersions } from './pin-report.ts';

export type AdvisoryProblemCode =
  | 'range-empty'
  | 'fix-affected'
  | 'fix-in-vain'
  | 'fix-elsewhere'
  | 'unknown-component'
  | 'deadline-past'
  | 'exploited-ahead'
  | 'alias-itself';

export interface AdvisoryProblem {
  readonly code: AdvisoryProblemCode;
  /** Of the command that wrote it: what to give otherwise. */
  readonly flag: '--affected' | '--fixed' | '--deadline' | '--exploited-since' | '--alias';
  readonly problem: string;
}

/** Empty for an advisory that says something which can be true. `known` is what was released. */
export function findAdvisoryProblems(
  advisory: Advisory,
  known: KnownVersions,
  now: EpochMs,
): readonly AdvisoryProblem[] {
  return [
    ...advisory.affected
      .filter(({ component }) => known.versionsOf(component).length === 0)
      .map(({ component }) => unknown('--affected', component, known)),
    ...advisory.affected.filter(({ versions }) => intervalsOf(versions).length === 0).map(nothing),
    ...advisory.fixed.flatMap((fix) => fixProblems(advisory, fix, known)),
    ...deadlineProblems(advisory, now),
  ];
}

/** The same of what it says to people. */
export function findDetailsProblems(
  { advisory, aliases = [], exploitedSince }: AdvisoryDetails,
  now: EpochMs,
): readonly AdvisoryProblem[] {
  const problems: AdvisoryProblem[] = [];
  if (aliases.includes(advisory)) {
    problems.push({ code: 'alias-itself', flag: '--alias', problem: `${advisory} is its own name` });
  }
  if (exploitedSince !== undefined && instantMs(exploitedSince) > now) {
    const problem = `${exploitedSince} is still to come: say since when the hole is known to be in use`;
    problems.push({ code: 'exploited-ahead', flag: '--exploited-since', problem });
  }
  return problems;
}

function fixProblems(
  advisory: Advisory,
  { component, version }: Advisory['fixed'][number],
  known: KnownVersions,
): readonly AdvisoryProblem[] {
  if (known.versionsOf(component).length === 0) return [unknown('--fixed', component, known)];
  if (!advisory.affected.some((entry) => entry.component === component)) {
    const problem = `${component} ${version} is named as fixed, but no version of it is affected`;
    return [{ code: 'fix-elsewhere', flag: '--fixed', problem }];
  }
  // Installs go up only, and never to a version that the same advisory drives them from.
  if (isAffected(advisory, component, version)) {
    const ranges = advisory.affected.filter((entry) => entry.component === component);
    const written = ranges.map(({ versions }) => versions).join(' and ');
    const problem = `${component} ${version} is in the affected range ${written} itself: narrow it, or name a later version`;
    return [{ code: 'fix-affected', flag: '--affected', problem }];
  }
  const below = known
    .versionsOf(component)
    .filter((one) => isAffected(advisory, component, one))
    .some((one) => compareVersions(one, version) < 0);
  if (below || !known.versionsOf(component).some((one) => isAffected(advisory, component, one))) return [];
  const problem = `${component} ${version} is lower than every affected version: nobody is moved down to it`;
  return [{ code: 'fix-in-vain', flag: '--fixed', problem }];
}

function deadlineProblems({ order, withdrawn }: Advisory, now: EpochMs): readonly AdvisoryProblem[] {
  if (order === undefined || withdrawn || instantMs(order.deadline) > now) return [];
  const problem = `${order.deadline} is past: for a fix that waits for no window, give a short --notice and a deadline that comes`;
  return [{ code: 'deadline-past', flag: '--deadline', problem }];
}

function nothing({ component, versions }: Advisory['affected'][number]): AdvisoryProblem {
  const problem = `no version of ${component} is in ${versions}`;
  return { code: 'range-empty', flag: '--affected', problem };
}

function unknown(flag: AdvisoryProblem['flag'], component: string, known: KnownVersions): AdvisoryProblem {
  const hint = didYouMean(component, known.components);
  const problem = `nobody has released ${component}${hint === '' ? '' : `; ${hint}`}`;
  return { code: 'unknown-component', flag, problem };
}
