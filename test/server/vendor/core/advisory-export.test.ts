// Exported advisories: each is what its format asks, and says of every version what the advisory says.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExportInput, revisionsOf } from '../../../../server/vendor/core/advisory-export.ts';
import { exportCsaf } from '../../../../server/vendor/core/csaf-export.ts';
import { exportOsv } from '../../../../server/vendor/core/osv-export.ts';
import { importOsv } from '../../../../server/vendor/core/osv-import.ts';
import { osvRecord } from '../../../../server/vendor/core/osv-record.ts';
import { isAffected } from '../../../../shared/compile/exposure.ts';
import { type Advisory, advisory } from '../../../../shared/schema/advisory.ts';
import { advisoryDetails } from '../../../../shared/schema/advisory-details.ts';
import { componentKey } from '../../../../shared/schema/common.ts';
import { intervalsOf } from '../../../../shared/version/intervals.ts';
import { parseVersion, type Range, type Version } from '../../../../shared/version/version.ts';
import { findCsafProblems, findOsvProblems } from '../../../support/field-formats.ts';

const AUTH = componentKey.parse('core/auth');
const AT = '2026-11-01T00:00:00Z';
const PUBLISHER = { name: 'Example Ltd', namespace: 'https://example.com', contact: 'security@example.com' };
const RELEASED = ['0.9.0', '1.0.0', '1.0.1-rc.1', '1.0.1', '2.0.0', '2.1.0'].map(parseVersion);
const PACKAGES = ['npm:auth', 'pkg:npm/auth'].map((name) => ({ package: name, component: AUTH }));

function inputOf(more: object = {}, told: object = {}): ExportInput {
  const document = advisory.parse({
    ...{ schema: 'fairlead/advisory@1', id: 'FL-2026-1', title: 'Token reuse', severity: 'high' },
    ...{ cves: ['CVE-2026-1234'], published: AT, notes: 'More.' },
    affected: [{ component: 'core/auth', versions: '>=1.0.0 <1.0.1 || >=2.0.0 <=2.0.0' }],
    fixed: [{ component: 'core/auth', version: '1.0.1' }],
    ...more,
  });
  const {
    schema: _,
    advisory: __,
    ...details
  } = advisoryDetails.parse({
    ...{ schema: 'fairlead/advisory-details@1', advisory: 'FL-2026-1', ...told },
  });
  return {
    ...{ advisory: document, details, exploited: details.exploitedSince !== undefined },
    revisions: [{ at: AT, kind: 'published' }],
    packages: [],
    released: (component) => (component === AUTH ? RELEASED : []),
  };
}

const FULL = {
  aliases: ['GHSA-jfh8-c2jp-5v3q'],
  cvss: [
    'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N/E:P',
    'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N',
  ],
  references: [{ kind: 'fix', url: 'https://example.com/1' }],
  ...{ impact: 'Reads mail.', action: 'Rotate tokens.', exploitedSince: '2026-10-30T00:00:00Z' },
};

interface Csaf {
  readonly document: { readonly title: string; readonly tracking: Record<string, unknown> };
  readonly vulnerabilities: readonly Record<string, unknown>[];
}
const csafOf = (input: ExportInput) => exportCsaf(input, PUBLISHER, '1.0.0') as Csaf;

const CASES: readonly [string, ExportInput][] = [
  ['with everything', { ...inputOf({}, FULL), packages: PACKAGES }],
  ['with nothing beyond itself', inputOf()],
  ['without a fix and without a CVE', inputOf({ fixed: [], cves: [] }, { aliases: FULL.aliases })],
  ['of two holes', inputOf({ cves: ['CVE-2026-1234', 'CVE-2026-1235'] }, FULL)],
  ['that was withdrawn', inputOf({ withdrawn: true }, FULL)],
  ['of what nobody released', inputOf({ affected: [{ component: 'core/none', versions: '<1' }], fixed: [] })],
  ['of every version', inputOf({ affected: [{ component: 'core/auth', versions: '*' }], fixed: [] })],
  [
    'that says the same twice',
    inputOf({
      affected: ['<1.0.0', '<1.0.0', '3.0.0'].map((versions) => ({ component: 'core/auth', versions })),
    }),
  ],
  ['whose score is nothing', inputOf({}, { cvss: ['CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N'] })],
  [
    'that was changed',
    {
      ...inputOf(),
      revisions: [
        { at: AT, kind: 'published' },
        { at: AT, kind: 'changed' },
        { at: '2026-11-03T00:00:00Z', kind: 'withdrawn' },
      ],
    },
  ],
];

describe('an advisory', () => {
  it.each(CASES)('%s is CSAF 2.0, by its schema and every mandatory test', async (_what, input) => {
    expect(await findCsafProblems(csafOf(input))).toEqual([]);
  });

  it.each(CASES)('%s is an OSV record', (_what, input) => {
    expect(findOsvProblems(exportOsv(input).record)).toEqual([]);
  });

  it('that is broken is found by those who judge here', async () => {
    const broken = { ...csafOf(inputOf()), product_tree: {} };
    const osv = {
      ...exportOsv(inputOf()).record,
      id: 'FL-1',
      affected: [{ ranges: [{ type: 'SEMVER', events: [] }] }],
    };

    expect((await findCsafProblems(broken)).join()).toContain('mandatoryTest_6_1_1:');
    expect(findOsvProblems(osv).length).toBeGreaterThan(1);
  });

  it('says of each released version whether it is affected, fixed or neither, and what to do', () => {
    const [one] = csafOf(inputOf({}, FULL)).vulnerabilities;

    expect(one).toMatchObject({
      cve: 'CVE-2026-1234',
      product_status: {
        known_affected: [
          ...['core/auth@1.0.0', 'core/auth@1.0.1-rc.1', 'core/auth@2.0.0'],
          ...['core/auth@vers:semver/>=1.0.0|<1.0.1', 'core/auth@vers:semver/2.0.0'],
        ],
        fixed: ['core/auth@1.0.1'],
        known_not_affected: ['core/auth@0.9.0', 'core/auth@2.1.0'],
      },
      remediations: [
        {
          category: 'vendor_fix',
          details: 'Update to core/auth 1.0.1.',
          product_ids: ['core/auth@1.0.0', 'core/auth@1.0.1-rc.1', 'core/auth@vers:semver/>=1.0.0|<1.0.1'],
        },
        { category: 'none_available', product_ids: ['core/auth@2.0.0', 'core/auth@vers:semver/2.0.0'] },
        { category: 'mitigation', details: 'Rotate tokens.' },
      ],
      threats: [
        { category: 'exploit_status', details: expect.stringContaining('2026-10-30') },
        { category: 'impact', product_ids: ['core/auth@0.9.0', 'core/auth@2.1.0'] },
      ],
      scores: [{ cvss_v3: { baseScore: 7.5, baseSeverity: 'HIGH', version: '3.1' } }],
    });
  });

  it('of several holes has no score that could be taken for one of them', () => {
    const both = csafOf(inputOf({ cves: ['CVE-2026-1234', 'CVE-2026-1235'] }, FULL)).vulnerabilities;

    expect(both.map(({ cve }) => cve)).toEqual(['CVE-2026-1234', 'CVE-2026-1235']);
    expect(both.map(({ scores }) => scores)).toEqual([undefined, undefined]);
    expect(JSON.stringify(both[0]?.notes)).toContain('CVSS:3.1/');
  });

  it('that was taken back leaves open what is affected', () => {
    const { document, vulnerabilities } = csafOf(inputOf({ withdrawn: true }, FULL));

    expect(document.title).toBe('Withdrawn: Token reuse');
    expect(vulnerabilities[0]?.product_status).not.toHaveProperty('known_affected');
    expect(vulnerabilities[0]).not.toHaveProperty('remediations');
    expect(exportOsv(inputOf({ withdrawn: true })).record).toMatchObject({ withdrawn: AT });
  });

  it('goes to OSV under an id that it knows, with its package', () => {
    const named = exportOsv({ ...inputOf({}, FULL), packages: PACKAGES });
    const unnamed = exportOsv(inputOf({ cves: [] }));

    expect(named.record).toMatchObject({
      ...{ id: 'GHSA-jfh8-c2jp-5v3q', aliases: ['FL-2026-1', 'CVE-2026-1234'] },
      affected: [{ package: { ecosystem: 'npm', name: 'auth', purl: 'pkg:npm/auth' } }],
    });
    expect([named.isUnregistered, unnamed.isUnregistered]).toEqual([false, true]);
    expect(unnamed.record).toMatchObject({ id: 'FL-2026-1' });
  });
});

it.each([
  [['Maven:org.example:auth'], [{ ecosystem: 'Maven', name: 'org.example:auth' }]],
  [['Debian:12:auth'], [{ ecosystem: 'Debian:12', name: 'auth' }]],
  [
    ['npm:a', 'npm:b', 'pkg:npm/a'],
    [
      { ecosystem: 'npm', name: 'a' },
      { ecosystem: 'npm', name: 'b' },
    ],
  ],
])('a component that is released as %j is that in OSV', (names, expected) => {
  const packages = names.map((name) => ({ package: name, component: AUTH }));
  const { affected } = osvRecord.parse(exportOsv({ ...inputOf(), packages }).record);

  expect(affected?.map((entry) => entry.package)).toEqual(expected);
});

describe('whatever is affected', () => {
  const number = fc.nat({ max: 2 });
  const version = fc
    .tuple(number, number, fc.constantFrom('', '-0', '-alpha.1', '-rc.1'))
    .map(([major, minor, pre]) => `${major}.${minor}.0${pre}` as Version);
  const part = fc
    .tuple(fc.constantFrom('<', '<=', '>', '>=', '^', '~', ''), version)
    .map((two) => two.join(''));
  const range = fc
    .array(fc.array(part, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 })
    .map((union) => union.map((parts) => parts.join(' ')).join(' || '));
  const affected = fc
    .array(range, { minLength: 1, maxLength: 2 })
    .map((ranges) => ranges.map((versions) => ({ component: 'core/auth', versions })));
  const of = (entries: object[], versions: readonly Version[]): ExportInput => ({
    ...inputOf({ affected: entries, fixed: [] }),
    ...{ packages: PACKAGES, released: () => versions },
  });

  it('comes back from OSV as it went', () => {
    fc.assert(
      fc.property(affected, version, (entries, one) => {
        const input = of(entries, [one]);
        const record = osvRecord.parse(exportOsv(input).record);
        // A range that admits nothing goes nowhere.
        fc.pre(record.affected?.some(({ ranges }) => (ranges ?? []).length > 0) === true);

        const again = importOsv(record, { file: 'x', packages: PACKAGES });

        expect(isAffected({ ...input.advisory, affected: again.affected } as Advisory, AUTH, one)).toBe(
          isAffected(input.advisory, AUTH, one),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('is CSAF, with each version in one status', async () => {
    await fc.assert(
      fc.asyncProperty(affected, fc.uniqueArray(version, { maxLength: 6 }), async (entries, versions) => {
        // One that affects nothing is never signed.
        fc.pre(entries.some((entry) => intervalsOf(entry.versions as Range).length > 0));
        expect(await findCsafProblems(csafOf(of(entries, versions)))).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});

describe('revisions', () => {
  const act = (action: string, version: number, subject = 'FL-2026-1') => ({
    ...{ at: `2026-11-0${version}T00:00:00Z`, action, subject, details: { version: String(version) } },
  });
  const kinds = (acts: Parameters<typeof revisionsOf>[0], newest: number, more: object = {}) =>
    revisionsOf(acts, inputOf(more).advisory, newest).map(({ kind, at }) => `${at.slice(8, 10)} ${kind}`);

  it('are the acts on it that are out', () => {
    const acts = [
      ...[act('release', 1), act('advisory publish', 2), act('advisory publish', 3, 'FL-2026-2')],
      ...[act('advisory import', 4), act('advisory withdraw', 5), act('advisory publish', 6)],
      act('sign', 6, 'security'),
    ];

    expect(kinds(acts, 6)).toEqual(['02 published', '04 changed', '05 withdrawn', '06 changed']);
    expect(kinds(acts, 4)).toEqual(['02 published', '04 changed']);
    expect(kinds(acts, 6, { withdrawn: true }).at(-1)).toBe('06 withdrawn');
  });

  it('stand in their order though the clock was set back between them', async () => {
    const back = { ...act('advisory publish', 3), at: '2026-11-01T00:00:00Z' };
    const revisions = revisionsOf([act('advisory publish', 2), back], inputOf().advisory, 3);

    expect(revisions.map(({ at }) => at.slice(8, 10))).toEqual(['02', '02']);
    expect(await findCsafProblems(csafOf({ ...inputOf(), revisions }))).toEqual([]);
  });

  it('leave out what was given up before it was signed by enough', () => {
    const given = { ...act('advisory publish', 2), at: '2026-11-01T00:00:00Z' };

    expect(kinds([given, act('advisory publish', 2)], 2)).toEqual(['02 published']);
  });

  it('of an advisory whose audit is elsewhere are its publication', () => {
    expect(kinds([], 9)).toEqual(['01 published']);
  });
});
