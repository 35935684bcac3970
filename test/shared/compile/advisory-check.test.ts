// Advisories that contradict themselves or the catalog: each named with the option to give otherwise.
import { describe, expect, it } from 'vitest';
import { findAdvisoryProblems, findDetailsProblems } from '../../../shared/compile/advisory-check.ts';
import type { KnownVersions } from '../../../shared/compile/pin-report.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { advisory } from '../../../shared/schema/advisory.ts';
import type { Version } from '../../../shared/version/version.ts';

const NOW = instantMs('2026-03-02T12:00:00Z');
const RELEASED: Readonly<Record<string, readonly string[]>> = {
  'core/auth': ['1.1.0', '1.0.1', '1.0.0'],
  'core/api': ['1.0.0'],
};
const known: KnownVersions = {
  components: Object.keys(RELEASED),
  versionsOf: (component) => (RELEASED[component] ?? []) as readonly Version[],
};

function problemsOf(parts: Readonly<Record<string, unknown>>) {
  const document = advisory.parse({
    schema: 'fairlead/advisory@1',
    id: 'FL-2026-0001',
    title: 'tokens are reused',
    severity: 'critical',
    cves: [],
    affected: [{ component: 'core/auth', versions: '<1.0.1' }],
    fixed: [{ component: 'core/auth', version: '1.0.1' }],
    order: { deadline: '2026-03-09T00:00:00Z' },
    published: '2026-03-02T12:00:00Z',
    ...parts,
  });
  return findAdvisoryProblems(document, known, NOW).map(({ code, flag, problem }) => {
    told.push(problem);
    return [code, flag];
  });
}

/** What was said of the last advisories, in words. */
const told: string[] = [];

describe('an advisory', () => {
  it.each([
    ['of one range and the version above it', {}],
    ['without a fix yet', { fixed: [] }],
    [
      'about versions that are on installs only',
      { affected: [{ component: 'core/auth', versions: '<0.9' }] },
    ],
    [
      'whose fix came between two lines',
      { affected: [{ component: 'core/auth', versions: '<1.0.1 || 1.1.0' }] },
    ],
    ['that is not critical', { severity: 'high', order: undefined }],
    [
      'that was withdrawn after its deadline',
      { withdrawn: true, order: { deadline: '2026-01-01T00:00:00Z' } },
    ],
  ])('%s may be signed', (_name, parts) => {
    expect(problemsOf(parts)).toEqual([]);
  });

  it.each([
    [
      'whose fix is affected itself',
      { affected: [{ component: 'core/auth', versions: '<=1.0.1' }] },
      'fix-affected',
      '--affected',
    ],
    [
      'whose fix is affected by another of its ranges',
      {
        affected: [
          { component: 'core/auth', versions: '<1.0.1' },
          { component: 'core/auth', versions: '~1.0.1' },
        ],
      },
      'fix-affected',
      '--affected',
    ],
    [
      'whose fix is a pre-release of an affected version',
      {
        affected: [{ component: 'core/auth', versions: '<1.2.0' }],
        fixed: [{ component: 'core/auth', version: '1.1.0-rc.1' }],
      },
      'fix-affected',
      '--affected',
    ],
    [
      'whose fix is lower than what is affected',
      {
        affected: [{ component: 'core/auth', versions: '>=1.1.0' }],
        fixed: [{ component: 'core/auth', version: '1.0.0' }],
      },
      'fix-in-vain',
      '--fixed',
    ],
    [
      'of a range that nothing is in',
      { affected: [{ component: 'core/auth', versions: '<1.0.0 >=1.0.0' }], fixed: [] },
      'range-empty',
      '--affected',
    ],
    [
      'of a misspelt component',
      { affected: [{ component: 'core/atuh', versions: '<1.0.1' }], fixed: [] },
      'unknown-component',
      '--affected',
    ],
    [
      'that fixes a component nobody released',
      { fixed: [{ component: 'core/none', version: '1.0.1' }] },
      'unknown-component',
      '--fixed',
    ],
    [
      'that fixes what it does not affect',
      { fixed: [{ component: 'core/api', version: '1.0.0' }] },
      'fix-elsewhere',
      '--fixed',
    ],
    [
      'whose deadline is past',
      { order: { deadline: '2026-03-02T12:00:00Z' } },
      'deadline-past',
      '--deadline',
    ],
  ])('%s is refused, and the option named', (_name, parts, code, flag) => {
    expect(problemsOf(parts)).toContainEqual([code, flag]);
  });

  it.each<[string, Readonly<Record<string, unknown>>, readonly string[]]>([
    [
      'the component that was meant',
      { affected: [{ component: 'core/atuh', versions: '<1.0.1' }], fixed: [] },
      ['nobody has released core/atuh; did you mean "core/auth"?'],
    ],
    [
      'nothing where nothing is near',
      {
        affected: [{ component: 'extra/mail', versions: '*' }],
        fixed: [{ component: 'extra/mail', version: '1.0.0' }],
      },
      ['nobody has released extra/mail', 'nobody has released extra/mail'],
    ],
    [
      'every range of its component, and of no other',
      {
        affected: [
          { component: 'core/auth', versions: '<1.0.1' },
          { component: 'core/api', versions: '*' },
          { component: 'core/auth', versions: '~1.0.1' },
        ],
      },
      [
        'core/auth 1.0.1 is in the affected range <1.0.1 and ~1.0.1 itself: narrow it, or name a later version',
      ],
    ],
  ])('is refused and told %s', (_what, parts, problems) => {
    told.length = 0;
    problemsOf(parts);

    expect(told).toEqual(problems);
  });

  it('is told its deadline a second after it, and not a second before', () => {
    const deadlines = ['2026-03-02T11:59:59Z', '2026-03-02T12:00:01Z'].map((deadline) =>
      problemsOf({ order: { deadline } }),
    );

    expect(deadlines).toEqual([[['deadline-past', '--deadline']], []]);
  });
});

it('says nothing of its details that cannot be true', () => {
  const details = { schema: 'fairlead/advisory-details@1' as const, advisory: 'FL-2026-0001' };
  const codes = (parts: object) => findDetailsProblems({ ...details, ...parts }, NOW).map(({ code }) => code);

  expect(codes({ exploitedSince: '2026-03-02T12:00:00Z', aliases: ['GHSA-1'] })).toEqual([]);
  expect(codes({ exploitedSince: '2026-03-02T12:00:01Z', aliases: ['FL-2026-0001'] })).toEqual([
    'alias-itself',
    'exploited-ahead',
  ]);
});
