// What an advisory will do to the installs that reported, told before it is signed.
import { describe, expect, it } from 'vitest';
import { describeImpact, foreseeImpact } from '../../../../server/vendor/core/advisory-impact.ts';
import { type Advisory, advisory } from '../../../../shared/schema/advisory.ts';
import { componentKey } from '../../../../shared/schema/common.ts';
import { parseVersion } from '../../../../shared/version/version.ts';

function advisoryOf(more: object = {}): Advisory {
  return advisory.parse({
    ...{ schema: 'fairlead/advisory@1', id: 'FL-2026-0003', title: 'hole', severity: 'critical', cves: [] },
    affected: [{ component: 'core/auth', versions: '<1.0.1' }],
    fixed: [{ component: 'core/auth', version: '1.0.1' }],
    order: { deadline: '2026-06-08T00:00:00Z' },
    published: '2026-06-01T00:00:00Z',
    ...more,
  });
}

const fixed = (version: string) => ({ fixed: [{ component: 'core/auth', version }] });

describe('what an advisory will do', () => {
  const install = (...versions: string[]) => ({
    channel: versions[0] === '0.9.0' ? 'frozen' : 'auto',
    components: versions.map((version) => ({
      component: componentKey.parse('core/auth'),
      version: parseVersion(version),
    })),
  });
  const fleet = [
    install('1.0.0'),
    install('1.0.0'),
    install('1.0.1'),
    install('0.9.0'),
    { components: null, channel: null },
  ];

  it('is counted by install, with where each goes', () => {
    const document = advisoryOf({ fixed: [...fixed('1.0.1').fixed, ...fixed('2.0.0').fixed] });

    const impact = foreseeImpact(document, fleet);

    expect(impact).toMatchObject({ installs: 5, hit: 3, silent: 1 });
    expect(impact.moves.map(({ from, to, installs }) => [from, to, installs])).toEqual([
      ['0.9.0', '1.0.1', 1],
      ['1.0.0', '1.0.1', 2],
    ]);
    expect(describeImpact(document, impact, 'all', [])[0]).toBe('hits 3 of 5 installs; 1 never reported');
  });

  it('says who stays exposed, and that nobody could be asked', () => {
    const document = advisoryOf({ fixed: [] });

    const lines = describeImpact(document, foreseeImpact(document, fleet), 'all', []);

    expect(lines.at(-1)).toContain('stays exposed');
    expect(describeImpact(document, foreseeImpact(document, []), 'unknown', [])).toHaveLength(1);
  });

  it('says by which channels, where nothing is forced, and which fix is stopped for now', () => {
    const document = advisoryOf({ severity: 'high', order: undefined, ...fixed('1.0.1') });
    const component = componentKey.parse('core/auth');
    const halted = {
      ...{ component, version: parseVersion('1.0.1'), until: '2026-06-03T00:00:00Z', isForSome: false },
    };
    const impact = foreseeImpact(document, fleet);

    expect(describeImpact(document, impact, 'all', [halted]).slice(-2)).toEqual([
      '  by channel: 2 auto, 1 frozen',
      '  core/auth 1.0.1 is halted: it does not move any install before 2026-06-03T00:00:00Z',
    ]);
    expect(describeImpact(advisoryOf(), impact, 'all', []).join()).not.toContain('by channel');
    expect(describeImpact(document, impact, 'unknown', [halted])).toHaveLength(2);
  });
});
