// Differences between versions of metadata: small, exact, and nothing but bytes to whoever is lied to.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import {
  applyDifference,
  makeDifference,
  maxDifferenceBytes,
  statedVersion,
} from '../../../shared/trust/difference.ts';
import { MAX_METADATA_BYTES } from '../../../shared/trust/metadata.ts';
import { codeOf } from '../../support/error-code.ts';

function metadata(version: number, names: readonly string[]): Uint8Array {
  const entry = (name: string) => ({
    length: name.length,
    hashes: { sha256: Buffer.from(utf8(name)).toString('hex').padEnd(64, '0') },
    custom: { kind: 'release', name, version: '1.0.0' },
  });
  const targets = Object.fromEntries(names.map((name) => [`capabilities/core/${name}.json`, entry(name)]));
  const signatures = [{ keyid: 'k', sig: `${version}`.padStart(128, '0') }];
  return utf8(`${JSON.stringify({ signatures, signed: { _type: 'targets', version, targets } })}\n`);
}

const NAMES = Array.from({ length: 2_000 }, (_, i) => `c${String(i).padStart(5, '0')}`);
const OLD = metadata(8, NAMES);

describe('a difference', () => {
  it('of one more release in two thousand is a hundredth of the file at most', () => {
    const next = metadata(9, [...NAMES, 'c00500b'].sort());
    const difference = makeDifference(OLD, next) ?? new Uint8Array(next.length);

    expect(difference.length).toBeLessThan(next.length / 100);
    expect(Buffer.compare(applyDifference(OLD, difference, next.length).bytes, next)).toBe(0);
  });

  it('is not offered for a small file, nor where little of the old one is left', () => {
    expect(makeDifference(metadata(1, ['a']), metadata(2, ['a', 'b']))).toBeNull();
    expect(
      makeDifference(
        OLD,
        metadata(
          9,
          NAMES.map((name) => name.replace('c', 'd')),
        ),
      ),
    ).toBeNull();
  });

  it('gives the newer file to the byte, whatever was added, removed, moved or doubled, in any script', () => {
    const name = fc.oneof(
      fc.constantFrom(...NAMES),
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.constant('},"'),
    );
    fc.assert(
      fc.property(fc.array(name, { maxLength: 30 }), fc.nat(1_900), fc.nat(100), (added, at, removed) => {
        const names = [...NAMES.slice(0, at), ...added, ...NAMES.slice(at + removed)];
        const next = metadata(9, names);
        const difference = makeDifference(OLD, next);
        return (
          difference === null ||
          Buffer.compare(applyDifference(OLD, difference, next.length).bytes, next) === 0
        );
      }),
      { numRuns: 50 },
    );
  });

  const said = (parts: unknown) => utf8(JSON.stringify({ schema: 'fairlead/metadata-difference@1', parts }));
  it.each<[name: string, bytes: Uint8Array, code: string]>([
    ['no JSON', utf8('not JSON'), 'json/invalid'],
    ['another document', utf8('{"schema":"fairlead/metadata-difference@2","parts":[]}'), 'document/invalid'],
    ['a stretch before the beginning', said([[-1, 10]]), 'document/invalid'],
    ['half a byte', said([[0.5, 10]]), 'json/invalid'],
    ['a stretch behind the end', said([[OLD.length - 1, OLD.length]]), 'trust/length-mismatch'],
    ['nothing', said([]), 'trust/length-mismatch'],
    [
      'all of the file a thousand times',
      said(Array.from({ length: 1_000 }, () => [0, OLD.length])),
      'trust/length-mismatch',
    ],
    ['more text than the file is long', said(['x'.repeat(OLD.length)]), 'json/too-large'],
    ['stretches without number', said(Array.from({ length: 16_100 }, () => [0, 1])), 'json/too-large'],
    ['lists in lists', said([[[[[0]]]]]), 'json/too-large'],
  ])('of %s is refused', (_, bytes, code) => {
    expect(codeOf(() => applyDifference(OLD, bytes, OLD.length))).toBe(code);
  });

  it('makes no file larger than metadata may be: a few kilobytes would ask for gigabytes', () => {
    const length = MAX_METADATA_BYTES.targets + 1;
    const times = Math.ceil(length / OLD.length);
    const parts = Array.from({ length: times }, (_, i) => [
      0,
      i < times - 1 ? OLD.length : length - (times - 1) * OLD.length,
    ]);

    expect(codeOf(() => applyDifference(OLD, said(parts), length))).toBe('json/too-large');
  });

  it('may not be larger than a quarter of what it makes', () => {
    const parts = ['x'.repeat(OLD.length / 3), [0, OLD.length - Math.floor(OLD.length / 3)]];

    expect(said(parts).length).toBeGreaterThan(maxDifferenceBytes(OLD.length));
    expect(codeOf(() => applyDifference(OLD, said(parts), OLD.length))).toBe('json/too-large');
  });
});

it('a difference is no larger than what the loop of an agent parses between two turns', () => {
  expect(maxDifferenceBytes(MAX_METADATA_BYTES.targets)).toBe(256 * 1024);
});

describe('the version that metadata states', () => {
  it.each([
    ['as signers write it', OLD, 8],
    ['with white space', utf8('{"signed": {"version": 12, "x": 1}}'), 12],
    ['not a release’s', utf8('{"signed":{"targets":{"a":{"custom":{"version":"1.0.0"}}},"version":3}}'), 3],
    ['none', utf8('{}'), null],
    ['none in damaged bytes', Uint8Array.of(0xff, 0x00, 0x22), null],
  ])('is found: %s', (_, bytes, version) => {
    expect(statedVersion(bytes)).toBe(version);
  });
});
