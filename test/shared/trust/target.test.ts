// Whether bytes are the signed file: length and every known hash.
import { describe, expect, it } from 'vitest';
import { namingHash, verifyFile } from '../../../shared/trust/target.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';
import { hashOf } from '../../support/repository-simulator.ts';

const BYTES = Buffer.from('content');
const sha256 = hashOf('sha256', BYTES);
const sha512 = hashOf('sha512', BYTES);
const wrong = 'ab'.repeat(32);

describe('a file is accepted', () => {
  it.each([
    ['with SHA-256', { sha256 }],
    ['with SHA-512', { sha512 }],
    ['with both', { sha256, sha512 }],
    ['with a known hash beside an unknown one', { sha256, blake3: wrong }],
  ])('%s', (_how, hashes) => {
    const expected = { length: BYTES.length, hashes: new Map(Object.entries(hashes)) };

    expect(() => verifyFile(BYTES, expected, 'file')).not.toThrow();
  });

  it('where nothing is said about it', () => {
    expect(() => verifyFile(BYTES, { length: null, hashes: null }, 'file')).not.toThrow();
  });
});

describe('a file is refused', () => {
  it.each([
    ['whose hash differs', { sha256: wrong }, 'sha256 differs'],
    ['of which one hash of two differs', { sha256, sha512: wrong }, 'sha512 differs'],
    ['of which the other differs', { sha256: wrong, sha512 }, 'sha256 differs'],
    [
      'with hashes of unknown algorithms only',
      { blake3: wrong, md5: hashOf('md5', BYTES) },
      'no hash of a known algorithm',
    ],
    ['with no hash at all', {}, 'no hash of a known algorithm'],
  ])('%s', (_how, hashes, problem) => {
    const expected = { length: null, hashes: new Map(Object.entries(hashes)) };

    expect(
      dataOf(
        refusalOf(() => verifyFile(BYTES, expected, 'file')),
        'trust/hash-mismatch',
      ),
    ).toEqual({
      file: 'file',
      problem,
    });
  });

  it.each([BYTES.length - 1, BYTES.length + 1, 0])('when %i bytes were signed', (length) => {
    const expected = { length, hashes: new Map([['sha256', sha256]]) };

    expect(
      dataOf(
        refusalOf(() => verifyFile(BYTES, expected, 'file')),
        'trust/length-mismatch',
      ),
    ).toEqual({
      file: 'file',
      expected: length,
      actual: BYTES.length,
    });
  });
});

it('is named by its SHA-256, or else by its SHA-512, or not at all', () => {
  expect(namingHash(new Map(Object.entries({ sha512, sha256 })))).toBe(sha256);
  expect(namingHash(new Map(Object.entries({ sha512 })))).toBe(sha512);
  expect(namingHash(new Map(Object.entries({ blake3: wrong })))).toBeNull();
});
