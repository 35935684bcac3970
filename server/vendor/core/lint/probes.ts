// Probes: what each asks must be a place that a program on the install can listen at, and the right one of two.
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import { kindOf, textsOf } from '../../../../shared/schema/probes/probes.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import { fillKnown } from './filled.ts';
import { problem, quote } from './problem.ts';

export function findProbeProblems(release: CapabilityRelease): readonly DocumentIssue[] {
  return release.health.flatMap((probe, at) => {
    const wrong = kindOf(probe).lint(probe, (text) => fillKnown(text, release.settings));
    return [...wrong, ...slotProblems(release, probe)].map(({ key, found, expected, remedy }) =>
      problem(`health.${at}.${key}`, quote(found), expected, remedy),
    );
  });
}

/** Of two versions side by side, one answers at a place that no setting moves: the old one, for the new one too. */
function slotProblems({ service }: CapabilityRelease, probe: CapabilityRelease['health'][number]) {
  const { key, isCommand } = kindOf(probe);
  if (service.blueGreen === undefined || isCommand === true) return [];
  const text = textsOf(probe).find(([[place]]) => place === key)?.[1] ?? '';
  if (text.includes('${settings.')) return [];
  const expected = 'a place of its own for each of two versions side by side';
  return [{ key, found: text, expected, remedy: `write "\${settings.${service.blueGreen.public}}" in it` }];
}
