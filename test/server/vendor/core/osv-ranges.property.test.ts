// Ranges of OSV records: what we sign covers exactly the versions that the specification's own algorithm finds, pre-releases included.
import fc from 'fast-check';
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { type Refuse, readVersions } from '../../../../server/vendor/core/osv-ranges.ts';
import type { OsvEvent } from '../../../../server/vendor/core/osv-record.ts';
import { intervalsOf, isInside, rangesOf } from '../../../../shared/version/intervals.ts';
import { covers, parseRange, type Version } from '../../../../shared/version/version.ts';

const number = fc.nat({ max: 2 });
const prerelease = fc.constantFrom('', '', '-0', '-alpha', '-alpha.1', '-beta', '-rc.1', '-rc.1.0', '-rc.2');
const version = fc
  .tuple(number, number, number, prerelease)
  .map(([major, minor, patch, pre]) => `${major}.${minor}.${patch}${pre}` as Version);

const refuse: Refuse = (field, problem) => {
  throw new Error(`${field}: ${problem}`);
};

interface OsvRange {
  readonly events: readonly OsvEvent[];
}

/** As https://ossf.github.io/osv-schema/#evaluation says it, word by word. */
function isVulnerable(of: Version, ranges: readonly OsvRange[], versions: readonly string[]): boolean {
  return versions.includes(of) || ranges.some((range) => isIncluded(of, range));
}

function isIncluded(of: Version, { events }: OsvRange): boolean {
  const limits = events.flatMap(({ limit }) => limit ?? []);
  if (limits.length > 0 && !limits.some((limit) => limit === '*' || semver.lt(of, limit))) return false;
  let vulnerable = false;
  const moves = events.filter(({ limit }) => limit === undefined).toSorted(compareEvents);
  for (const { introduced, fixed, last_affected } of moves) {
    if (introduced !== undefined && (introduced === '0' || semver.gte(of, introduced))) vulnerable = true;
    else if (fixed !== undefined && semver.gte(of, fixed)) vulnerable = false;
    else if (last_affected !== undefined && semver.gt(of, last_affected)) vulnerable = false;
  }
  return vulnerable;
}

function compareEvents(a: OsvEvent, b: OsvEvent): number {
  const [x, y] = [a, b].map(({ introduced, fixed, last_affected }) => introduced ?? fixed ?? last_affected);
  if (x === undefined || y === undefined || x === y) return 0;
  if (x === '0' || y === '0') return x === '0' ? -1 : 1;
  return semver.compare(x, y);
}

function rangeOf(end: 'fixed' | 'last_affected') {
  const introduced = fc.oneof(fc.constant('0'), version).map((text): OsvEvent => ({ introduced: text }));
  const ends = version.map((text): OsvEvent => ({ [end]: text }));
  const limit = fc.oneof(fc.constant('*'), version).map((text): OsvEvent => ({ limit: text }));
  return fc
    .tuple(introduced, fc.array(fc.oneof(introduced, ends, ends, limit), { maxLength: 6 }))
    .map(([first, more]) => ({ type: 'SEMVER', events: [...more, first] }));
}

const ranges = fc.array(fc.oneof(rangeOf('fixed'), rangeOf('last_affected')), { minLength: 1, maxLength: 3 });

describe('the ranges of a record', () => {
  it('cover what the algorithm of the specification finds vulnerable, and nothing else', () => {
    fc.assert(
      fc.property(ranges, fc.array(version, { maxLength: 3 }), version, (all, versions, of) => {
        const { affected } = readVersions({ ranges: all, versions }, 'affected.0', refuse);
        const signed = rangesOf(affected) ?? [];

        expect(signed.some((range) => covers(range, of))).toBe(isVulnerable(of, all, versions));
      }),
      { numRuns: 3_000 },
    );
  });

  it('are read back as they were signed', () => {
    const part = fc
      .tuple(fc.constantFrom('', '^', '~', '<', '<=', '>', '>=', '='), version)
      .map(([operator, of]) => operator + of);
    const written = fc.oneof(
      fc.constantFrom('*', '1.x', '~1', '^0', '1 - 2.1', '>=1 <2', '<0.0.0-0', '^1.2.0-rc.1', '>1.0.0-rc.1'),
      fc
        .array(fc.array(part, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })
        .map((union) => union.map((parts) => parts.join(' ')).join(' || ')),
    );
    fc.assert(
      fc.property(written, version, (text, of) => {
        const range = parseRange(text);
        const intervals = intervalsOf(range);

        expect(intervals.some((interval) => isInside(interval, of))).toBe(covers(range, of));
        expect((rangesOf(intervals) ?? []).some((again) => covers(again, of))).toBe(covers(range, of));
      }),
      { numRuns: 3_000 },
    );
  });

  // Each listed version held against each interval, this would be four hundred million comparisons.
  it('are read in seconds, however many the record names', { timeout: 20_000 }, () => {
    const versions = Array.from({ length: 20_000 }, (_, i) => `${i}.1.0`);
    const all = Array.from({ length: 10 }, (_, n) => ({
      type: 'SEMVER',
      events: [
        ...Array.from({ length: 999 }, (_, i) => [
          { introduced: `${n * 2_000 + 2 * i}.0.0` },
          { fixed: `${n * 2_000 + 2 * i + 1}.0.0` },
        ]).flat(),
        { limit: '19000.0.0' },
      ],
    }));

    const { affected } = readVersions({ ranges: all, versions }, 'affected.0', refuse);
    const signed = rangesOf(affected) ?? [];

    expect(signed.some((range) => covers(range, '4.0.5' as Version))).toBe(true);
    expect(signed.some((range) => covers(range, '5.0.5' as Version))).toBe(false);
    expect(signed.some((range) => covers(range, '5.1.0' as Version))).toBe(true);
  });

  it('are as few as can be: what overlaps or touches is one', () => {
    const range = (from: string, fixed: string) => ({
      type: 'SEMVER',
      events: [{ introduced: from }, { fixed }],
    });
    const all = [range('2.0.0', '3.0.0'), range('0', '1.0.0'), range('2.5.0', '4.0.0')];

    const { affected } = readVersions(
      { ranges: all, versions: ['1.0.0', '0.5.0', '5.0.0'] },
      'affected.0',
      refuse,
    );

    expect(rangesOf(affected)).toEqual(['<=1.0.0 || >=2.0.0 <4.0.0 || 5.0.0']);
  });
});
