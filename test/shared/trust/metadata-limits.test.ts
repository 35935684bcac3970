// The limits of metadata: bounded by its structure before objects are built, and its lists before they are asked.
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { keyIdOf, publicKeyFromBytes } from '../../../shared/trust/key.ts';
import { MAX_METADATA_BYTES, parseEnvelope } from '../../../shared/trust/metadata.ts';
import { parseRoot, parseTargets } from '../../../shared/trust/parse-metadata.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';

describe('metadata is refused before it is built when it has', () => {
  const many = (count: number, one: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => one(i)).join();
  const fileOf = (inside: string) => utf8(`{"signatures":[],"signed":{"x":${inside}}}`);

  it.each([
    ['empty objects close together', `[${many(200_000, () => '{}')}]`],
    ['empty arrays close together', `[${many(200_000, () => '[]')}]`],
    ['arrays in arrays', `[${many(50_000, () => '[[[[[[[[]]]]]]]]')}]`],
    ['small numbers close together', `[${many(500_000, () => '1')}]`],
    [
      'twenty thousand kinds of objects',
      `[${many(20_000, (i) => `{"key number ${i} of its own, and a long one":1}`)}]`,
    ],
    [
      'kinds of objects by the order of keys',
      `[${many(17_000, (i) => `{"a":1,"k${i}":1,"padding padding padding padding":1}`)}]`,
    ],
    [
      'ninety thousand names in one object',
      `{${many(90_000, (i) => `"a rather long name, number ${i}":1`)}}`,
    ],
    [
      'ninety thousand names in many objects',
      `[${many(45, (j) => `{${many(2_100, (i) => `"a name of object ${j}, number ${i}":1`)}}`)}]`,
    ],
  ])('%s', (_name, inside) => {
    expect(refusalOf(() => parseEnvelope(fileOf(inside), 'targets'))).toMatchObject({
      code: 'trust/malformed',
      cause: { code: 'json/too-large' },
    });
  });

  /** Beside what is written for each case an envelope has three kinds of objects, and eight values for its objects and commas. */
  const padded = (name: string) => name.padEnd(60, '-');

  it.each<[string, number, (count: number) => string]>([
    ['values, past the first 20,000 one for 16 bytes', 22_850, (count) => `[${many(count, () => '1')}]`],
    ['kinds of objects', 16_381, (count) => `[${many(count, (i) => `{"${padded(`k${i}`)}":1}`)}]`],
    ['names in one object', 81_020, (count) => `{${many(count, (i) => `"${padded(`k${i}`)}":1`)}}`],
    ['lists in one another', 29, (count) => `${'['.repeat(count + 1)}${']'.repeat(count + 1)}`],
  ])('one more than so many %s: %i', (_name, most, inside) => {
    expect(parseEnvelope(fileOf(inside(most)), 'targets').signatures).toEqual([]);
    expect(refusalOf(() => parseEnvelope(fileOf(inside(most + 1)), 'targets'))).toMatchObject({
      code: 'trust/malformed',
      cause: { code: 'json/too-large' },
    });
  });

  it.each([
    ['seventy thousand honest targets', 70_000],
    ['no target', 0],
  ])('and not when it has %s', (_name, count) => {
    const target = `{"hashes":{"sha256":"${'a'.repeat(64)}"},"length":1234}`;
    const targets = many(count, (i) => `"capabilities/core/service-of-number-${i}/1.0.0.json":${target}`);
    const bytes = fileOf(`{${targets}}`);

    expect(bytes.length).toBeLessThan(MAX_METADATA_BYTES.targets);
    expect(parseEnvelope(bytes, 'targets').signatures).toEqual([]);
  });
});

it('so much is read of a file at most, whatever a list says', () => {
  expect(MAX_METADATA_BYTES).toEqual({
    root: 524_288,
    timestamp: 16_384,
    snapshot: 262_144,
    targets: 16_777_216,
  });
  const fileOfLength = (length: number) => {
    const [before, after] = ['{"signatures":[],"signed":{"x":"', '"}}'];
    return utf8(`${before}${'a'.repeat(length - before.length - after.length)}${after}`);
  };

  expect(parseEnvelope(fileOfLength(16_777_216), 'targets').signatures).toEqual([]);
  expect(refusalOf(() => parseEnvelope(fileOfLength(16_777_217), 'targets')).code).toBe('trust/malformed');
});

describe('the lists of a role end at 1024', () => {
  const key = publicKeyFromBytes(Uint8Array.of(2, ...new Uint8Array(31)));
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}`, key]));
  const texts = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);
  const base = { spec_version: '1.0.31', version: 1, expires: '2030-01-01T00:00:00Z' };
  const role = { keyids: [keyIdOf(key)], threshold: 1 };
  const root = (changes: JsonObject) =>
    parseRoot(
      {
        _type: 'root',
        ...base,
        keys: {},
        roles: { root: role, timestamp: role, snapshot: role, targets: role },
        ...changes,
      },
      'root',
    );
  const targets = (roles: readonly JsonObject[], count = 0) =>
    parseTargets(
      { _type: 'targets', ...base, targets: {}, delegations: { keys: keys(count), roles } },
      'targets',
    );
  const delegate = (name: string, changes: JsonObject) => ({
    name,
    ...role,
    terminating: false,
    paths: ['*'],
    ...changes,
  });

  it.each<[string, string, (count: number) => unknown]>([
    ['keys of a root', 'keys', (count) => root({ keys: keys(count) })],
    [
      'key ids of a role',
      'keyids',
      (count) =>
        root({
          roles: { root: { ...role, keyids: texts(count) }, timestamp: role, snapshot: role, targets: role },
        }),
    ],
    ['keys of delegations', 'keys', (count) => targets([], count)],
    ['delegations', 'delegations.roles', (count) => targets(texts(count).map((name) => delegate(name, {})))],
    ['patterns of a delegation', 'paths', (count) => targets([delegate('a', { paths: texts(count) })])],
    [
      'patterns of all delegations',
      'paths',
      (count) => targets([delegate('a', { paths: texts(count - 1) }), delegate('b', {})]),
    ],
    [
      'hash prefixes',
      'path_hash_prefixes',
      (count) => {
        const { paths: _paths, ...rest } = delegate('a', {});
        return targets([{ ...rest, path_hash_prefixes: texts(count) }]);
      },
    ],
    [
      'hash prefixes of all delegations',
      'paths',
      (count) => {
        const { paths: _paths, ...rest } = delegate('a', {});
        return targets([{ ...rest, path_hash_prefixes: texts(count - 1) }, delegate('b', {})]);
      },
    ],
  ])('%s', (_name, field, read) => {
    expect(read(1024)).toBeDefined();
    expect(
      dataOf(
        refusalOf(() => read(1025)),
        'trust/malformed',
      ).problem,
    ).toBe(`"${field}" is not a list of at most 1024`);
  });
});
