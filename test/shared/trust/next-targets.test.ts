// The next version of a long list: what is parsed of it alone is what a whole parse would have found, or it is parsed as a whole.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { canonicalize } from '../../../shared/encoding/canonical.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { applyDifference, makeDifference, type Stretch } from '../../../shared/trust/difference.ts';
import type { SigningKey } from '../../../shared/trust/key.ts';
import {
  type FileMeta,
  type Outline,
  signMetadata,
  signPayload,
  type Targets,
} from '../../../shared/trust/metadata.ts';
import { verifyNextTargets, verifyOutlined } from '../../../shared/trust/next-targets.ts';
import type { Signer } from '../../../shared/trust/rules.ts';
import { hashOf, newKey } from '../../support/repository-simulator.ts';

const KEY = newKey();
const { keytype, scheme, keyval } = KEY.key;
const SIGNER: Signer = {
  name: 'targets',
  role: { keyids: [KEY.keyid], threshold: 1 },
  keys: new Map([[KEY.keyid, { keytype, scheme, public: keyval.public }]]),
};

const NAMES = Array.from({ length: 400 }, (_, i) => `capabilities/core/c${1_000 + i}.json`);

function entryOf(name: string, more: JsonObject = {}): JsonObject {
  const sha256 = createHash('sha256').update(name).digest('hex');
  return {
    length: name.length,
    hashes: { sha256 },
    custom: { kind: 'release', name, version: '1.0.0', ...more },
  };
}

function signedOf(version: number, targets: JsonObject, more: JsonObject = {}): JsonObject {
  const head = { _type: 'targets', spec_version: '1.0.31', version, expires: '2099-01-01T00:00:00Z' };
  return { ...head, targets, ...more };
}

const listOf = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, entryOf(name)]));
const fileOf = (version: number, targets: JsonObject, keys: readonly SigningKey[] = [KEY]) =>
  signMetadata(signedOf(version, targets), keys);
const metaOf = (version: number, bytes: Uint8Array): FileMeta => ({
  ...{ version, length: bytes.length, hashes: new Map([['sha256', hashOf('sha256', bytes)]]) },
});
const whole = (version: number, bytes: Uint8Array) =>
  verifyOutlined('releases', SIGNER, metaOf(version, bytes), bytes);

const OLD = fileOf(8, listOf(NAMES));
const BEFORE = whole(8, OLD);

/** What comes of the part that is new; null where the whole has to be read. */
function next(bytes: Uint8Array, old: Uint8Array = OLD, before: Targets = BEFORE): Targets | null {
  const difference = makeDifference(old, bytes);
  if (difference === null) throw new Error('there is no difference');
  const made = applyDifference(old, difference, bytes.length);
  return verifyNextTargets('releases', SIGNER, before, old, made, digestOf(bytes));
}

/** As it says in which order it stands in the file, which `targets` need no longer have. */
const withPaths = ({ outline, ...targets }: Targets) => ({
  ...targets,
  outline: { ...outline, paths: [...targets.targets.keys()] },
});

describe('the next version of a long list', () => {
  it('is what a whole parse finds, whatever was added, changed and removed', () => {
    const change = fc.record({
      added: fc.uniqueArray(fc.integer({ min: 0, max: 4_000 }), { maxLength: 6 }),
      changed: fc.uniqueArray(fc.nat(NAMES.length - 1), { maxLength: 4 }),
      removed: fc.uniqueArray(fc.nat(NAMES.length - 1), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let [old, before, names] = [OLD, BEFORE, new Map(NAMES.map((name) => [name, entryOf(name)]))];
        for (const [i, { added, changed, removed }] of changes.entries()) {
          names = new Map(names);
          for (const at of removed) names.delete(NAMES[at] ?? '');
          for (const at of changed)
            names.set(
              NAMES[at] ?? '',
              entryOf(NAMES[at] ?? '', { supportUntil: `20${30 + i}-01-01T00:00:00Z` }),
            );
          for (const at of added) names.set(`capabilities/core/c${at}x.json`, entryOf(`${at}`));
          const bytes = fileOf(9 + i, Object.fromEntries(names));
          const found = next(bytes, old, before);
          const expected = whole(9 + i, bytes);
          expect(found).toEqual(withPaths(expected));
          // What follows next is of what was found: it stands in another order, and says so.
          [old, before] = [bytes, found ?? expected];
        }
      }),
      { numRuns: 40 },
    );
  });

  it('may lose its first entry, its last one, or all but a few', () => {
    for (const names of [NAMES.slice(1), NAMES.slice(0, -1), ['a.json', ...NAMES], [...NAMES, 'z.json']]) {
      const bytes = fileOf(9, listOf(names));
      expect(next(bytes)).toEqual(withPaths(whole(9, bytes)));
    }
  });

  const another = newKey();
  const payloadOf = (signed: JsonObject) => canonicalize(signed);
  /** Signed as it stands, canonical or not. */
  const signedAs = (text: string) => {
    const signatures = JSON.stringify([signPayload(utf8(text), KEY)]);
    return utf8(`{"signatures":${signatures},"signed":${text}}\n`);
  };
  const text = Buffer.from(payloadOf(signedOf(9, listOf(NAMES)))).toString();
  const [, first = '', second = ''] =
    /("capabilities\/core\/c1000.json":\{.*?\d\}),("capabilities\/core\/c1001.json":\{.*?\d\}),/.exec(text) ??
    [];

  const later = '"capabilities/core/c1201.json"';
  const block = text.slice(
    text.indexOf('"capabilities/core/c1010.json"'),
    text.indexOf('"capabilities/core/c1040.json"'),
  );

  it.each<[name: string, bytes: Uint8Array]>([
    ['another key signed it', fileOf(9, listOf([...NAMES, 'z.json']), [another])],
    ['nobody signed it', fileOf(9, listOf([...NAMES, 'z.json']), [])],
    ['two entries changed places', signedAs(text.replace(`${first},${second}`, `${second},${first}`))],
    ['an entry stands twice', signedAs(text.replace(first, `${first},${first}`))],
    ['an entry stands twice, apart', signedAs(text.replace('},"version":9', `,${first}},"version":9`))],
    ['there is white space', signedAs(text.replace(first, first.replace(':', ': ')))],
    [
      'a new entry is in another order',
      signedAs(text.replace('},"version":9', ',"z":{"length":1,"hashes":{"sha256":"00"}}},"version":9')),
    ],
    ['a comma is missing', signedAs(text.replace(`${first},`, first))],
    ['a comma is left over', signedAs(text.replace('},"version":9', ',},"version":9'))],
    [
      'a key stands twice around the entries',
      signedAs(text.replace('"version":9', '"version":8,"version":9')),
    ],
    ['there is white space around the entries', signedAs(text.replace('"version":9', '"version": 9'))],
    ['many entries stand behind the others', signedAs(text.replace(block, '').replace(later, block + later))],
    ['many entries stand twice', signedAs(text.replace(later, block + later))],
    ['there is one key more', signedAs(text.replace(',"version":9', ',"unknown":1,"version":9'))],
    ['a path is a number', fileOf(9, listOf([...NAMES, '7']))],
    ['a path is not plain', fileOf(9, listOf([...NAMES, 'capabilities/core/ä.json']))],
    [
      'a path is "__proto__"',
      signedAs(
        text.replace('},"version":9', ',"__proto__":{"hashes":{"sha256":"00"},"length":1}},"version":9'),
      ),
    ],
    ['a path holds a quote', fileOf(9, listOf([...NAMES, 'capabilities/core/"},"x":{.json']))],
    ['a hash is none', fileOf(9, { ...listOf(NAMES), z: { length: 1, hashes: { sha256: 'x' } } })],
    [
      'it delegates',
      signMetadata(signedOf(9, listOf(NAMES), { delegations: { keys: {}, roles: [] } }), [KEY]),
    ],
  ])('is read as a whole where %s', (_, bytes) => {
    expect(next(bytes)).toBeNull();
  });

  it('is read as a whole where the disk holds other bytes than were parsed', () => {
    const other = fileOf(8, listOf(NAMES.map((name) => name.replace('c1399', 'c1399b'))));
    const bytes = fileOf(9, listOf([...NAMES, 'z.json']));
    const made = applyDifference(other, makeDifference(other, bytes) ?? utf8(''), bytes.length);

    expect(verifyNextTargets('releases', SIGNER, BEFORE, other, made, digestOf(bytes))).toBeNull();
  });

  it('is read as a whole where nothing is known of the one before', () => {
    const { outline: _, ...unknown } = BEFORE;

    expect(next(fileOf(9, listOf([...NAMES, 'z.json'])), OLD, unknown)).toBeNull();
  });

  it('is read as a whole where much of it is new, or every old entry was cut: that is work for a thread', () => {
    const names = Array.from({ length: 2_500 }, (_, i) => `capabilities/core/c${10_000 + i}.json`);
    const [old, bytes] = [fileOf(8, listOf(names)), fileOf(9, listOf(names))];
    const before = whole(8, old);
    const of = (stretches: readonly Stretch[]) =>
      verifyNextTargets('releases', SIGNER, before, old, { bytes, stretches }, digestOf(bytes))?.targets
        .size ?? null;
    const { start, ends } = before.outline as Outline;
    const cut = [...ends].map((end, i) => {
      const from = (i === 0 ? start : (ends[i - 1] ?? 0) + 1) + 5;
      return { from, length: end - from, at: from };
    });
    const last = ends.at(-1) ?? 0;

    expect(bytes.length).toBeGreaterThan(2 * 256 * 1024);
    expect([of([]), of(cut)]).toEqual([null, null]);
    expect(of([{ from: start, length: last - start, at: start }])).toBe(names.length);
    // As much as is parsed between two turns.
    expect(of([{ from: start + 250_000, length: last - start - 250_000, at: start + 250_000 }])).toBe(
      names.length,
    );
  });

  it('is of no file with much around its list', () => {
    const around = { expires: '2099-01-01T00:00:00Z', spec_version: `1.0.${'9'.repeat(70_000)}` };

    expect(whole(9, signMetadata(signedOf(9, listOf(NAMES), around), [KEY])).outline).toBeUndefined();
  });

  it('believes no stretch that is not where it says', () => {
    const bytes = fileOf(9, listOf([...NAMES, 'z.json']));
    const made = applyDifference(OLD, makeDifference(OLD, bytes) ?? utf8(''), bytes.length);
    const [start = { from: 0, length: 0, at: 0 }] = made.stretches;
    for (const by of [-200, -1, 1, 50, 200]) {
      const stretches = [{ ...start, at: start.at + by }];
      const found = verifyNextTargets(
        'releases',
        SIGNER,
        BEFORE,
        OLD,
        { ...made, stretches },
        digestOf(made.bytes),
      );
      expect(found === null || [...found.targets.keys()].length === NAMES.length + 1).toBe(true);
    }
  });
});

describe('the outline of a list', () => {
  it.each<[name: string, targets: JsonObject]>([
    ['without entries', {}],
    ['with a path that is a number', { 7: entryOf('7') }],
    ['with a path in letters of two bytes', { ä: entryOf('x') }],
  ])('%s does no harm', (name, targets) => {
    const { outline } = whole(1, fileOf(1, targets));

    expect(outline === undefined).toBe(name !== 'without entries');
  });

  it('is of no file in another form', () => {
    const signed = signedOf(1, listOf(NAMES));
    const signatures = [signPayload(canonicalize(signed), KEY)];

    expect(whole(1, utf8(JSON.stringify({ signatures, signed }))).outline).toBeUndefined();
    expect(whole(1, utf8(JSON.stringify({ signed, signatures }))).outline).toBeUndefined();
  });
});
