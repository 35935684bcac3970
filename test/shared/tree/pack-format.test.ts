// The frames of a pack: what is written is read, and what a reader must not trust is bounded.
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import type { JsonValue } from '../../../shared/encoding/json.ts';
import {
  FRAME_LENGTH_BYTES,
  MAX_FRAME_BYTES,
  MAX_UNIT_BYTES,
  maxPackBytes,
  type PackHeader,
  parseFrameLength,
  parsePackHeader,
  parsePackUnit,
  writeFrame,
} from '../../../shared/tree/pack-format.ts';
import { codeOf } from '../../support/error-code.ts';

const tree = digestOf(utf8('tree'));
const other = digestOf(utf8('other'));
const header: PackHeader = { tree, base: null, index: { packed: 10, raw: 20 }, units: 3 };
const unit = { files: [3, 1], offset: 0, raw: 100, packed: 50 };

const bodyOf = (frame: Uint8Array) => frame.subarray(FRAME_LENGTH_BYTES);

describe('frames', () => {
  it('give back the header and the units that were written', () => {
    expect(parsePackHeader(bodyOf(writeFrame(header)), tree)).toEqual(header);
    expect(parsePackUnit(bodyOf(writeFrame(unit)), tree)).toEqual(unit);
  });

  it('announce their length in four bytes, the highest first', () => {
    const frame = writeFrame(unit);

    expect([...frame.subarray(0, 3)]).toEqual([0, 0, 0]);
    expect(parseFrameLength(frame.subarray(0, 4), tree)).toBe(frame.length - FRAME_LENGTH_BYTES);
  });

  it('are refused by their length alone when they are too long', () => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(MAX_FRAME_BYTES + 1);

    expect(codeOf(() => parseFrameLength(length, tree))).toBe('tree/pack-damaged');
    length.writeUInt32BE(2_097_152);
    expect(parseFrameLength(length, tree)).toBe(2_097_152);
  });
});

describe('parsePackHeader', () => {
  it('refuses the pack of another tree', () => {
    expect(codeOf(() => parsePackHeader(bodyOf(writeFrame(header)), other))).toBe('tree/mismatch');
  });

  it('says that a delta is for a newer version, instead of calling it damaged', () => {
    const delta = bodyOf(writeFrame({ ...header, base: other }));

    expect(codeOf(() => parsePackHeader(delta, tree))).toBe('tree/pack-unsupported');
  });

  it.each<[string, JsonValue]>([
    ['an index that announces a gigabyte', { ...header, index: { packed: 10, raw: 2 ** 30 } }],
    ['an index packed into a gigabyte', { ...header, index: { packed: 2 ** 30, raw: 20 } }],
    ['a negative count', { ...header, units: -1 }],
    ['a key too many', { ...header, comment: 'x' }],
    ['a key too few', { tree, base: null, units: 3 }],
    ['text in the place of an object', 'header'],
  ])('refuses %s', (_, value) => {
    expect(codeOf(() => parsePackHeader(canonicalize(value), tree))).toBe('tree/pack-damaged');
  });

  it('takes an index as large as there may be, packed or not, and none that is larger', () => {
    const taken = (packed: number, raw: number) => {
      const bytes = canonicalize({ ...header, index: { packed, raw } });
      return () => parsePackHeader(bytes, tree).index;
    };

    expect(taken(67_174_400, 67_108_864)()).toEqual({ packed: 67_174_400, raw: 67_108_864 });
    expect(codeOf(taken(67_174_401, 1))).toBe('tree/pack-damaged');
    expect(codeOf(taken(1, 67_108_865))).toBe('tree/pack-damaged');
  });

  it('refuses bytes that are not JSON', () => {
    expect(codeOf(() => parsePackHeader(utf8('{"tree"'), tree))).toBe('tree/pack-damaged');
  });
});

describe('parsePackUnit', () => {
  it('takes a unit as large as there may be, of as many files as a tree may have', () => {
    const files = Array.from({ length: 200_000 }, (_, i) => i);
    const largest = { files, offset: 0, raw: 8_388_608, packed: 8_454_144 };

    expect(parsePackUnit(canonicalize(largest), tree)).toEqual(largest);
    for (const more of [{ raw: 8_388_609 }, { packed: 8_454_145 }, { files: [...files, 0] }]) {
      expect(codeOf(() => parsePackUnit(canonicalize({ ...largest, ...more }), tree))).toBe(
        'tree/pack-damaged',
      );
    }
  });

  it.each<[string, JsonValue]>([
    ['more than 8 MiB', { ...unit, raw: MAX_UNIT_BYTES + 1 }],
    ['more packed bytes than 8 MiB can need', { ...unit, packed: 2 * MAX_UNIT_BYTES }],
    ['no files', { ...unit, files: [] }],
    ['a negative position', { ...unit, files: [-1] }],
    ['a negative offset', { ...unit, offset: -1 }],
    ['a dictionary', { ...unit, dictionary: [1] }],
  ])('refuses a unit with %s', (_, value) => {
    expect(codeOf(() => parsePackUnit(canonicalize(value), tree))).toBe('tree/pack-damaged');
  });
});

describe('a description that is refused', () => {
  it.each<[string, JsonValue, string]>([
    ['a value', { ...unit, offset: -1 }, 'its "offset" is not a number from 0 to 9007199254740991'],
    [
      'a part of a list',
      { ...unit, files: [3, 'x'] },
      'its "files" is not a number from 0 to 9007199254740991',
    ],
    ['what has other keys', [], 'it is not an object of files, offset, packed, raw'],
  ])('says what it is about: %s', (_, value, problem) => {
    const refused = () => parsePackUnit(canonicalize(value), tree);

    expect(refused).toThrow(
      expect.objectContaining({
        cause: expect.objectContaining({ data: expect.objectContaining({ problem }) }),
      }),
    );
  });
});

describe('maxPackBytes', () => {
  it('leaves room for content that does not compress, and for the index', () => {
    const ref = { digest: tree, files: 1000, bytes: 100 * 2 ** 20 };

    expect(maxPackBytes({ digest: tree, files: 0, bytes: 0 })).toBe(8_388_608);
    expect(maxPackBytes({ digest: tree, files: 3, bytes: 0 })).toBe(8_388_608 + 3 * 1024);
    expect(maxPackBytes({ digest: tree, files: 0, bytes: 128 })).toBe(8_388_608 + 129);
    expect(maxPackBytes({ digest: tree, files: 0, bytes: 129 })).toBe(8_388_608 + 131);
    expect(maxPackBytes(ref)).toBeGreaterThan(ref.bytes + 1000 * 200);
    expect(maxPackBytes(ref)).toBeLessThan(ref.bytes * 1.2);
  });
});
