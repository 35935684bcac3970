// Probes: what each asks must be a place that a program on the install can listen at.
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import { kindOf } from '../../../../shared/schema/probes/probes.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import { fillKnown } from './filled.ts';
import { problem, quote } from './problem.ts';

export function findProbeProblems({ health, settings }: CapabilityRelease): readonly DocumentIssue[] {
  return health.flatMap((probe, at) =>
    kindOf(probe)
      .lint(probe, (text) => fillKnown(text, settings))
      .map(({ key, found, expected, remedy }) =>
        problem(`health.${at}.${key}`, quote(found), expected, remedy),
      ),
  );
}
