// Parsing metadata: what must be there, what may be there, and that ten thousand targets take no time.
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import type { JsonObject } from '../../../shared/encoding/json.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { keyIdOf, loadKey, publicKeyFromBytes, signingKeyFromSeed } from '../../../shared/trust/key.ts';
import { parseEnvelope, signMetadata } from '../../../shared/trust/metadata.ts';
import {
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
} from '../../../shared/trust/parse-metadata.ts';
import { verifyTargets } from '../../../shared/trust/rules.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';

const EXPIRES = '2030-01-01T00:00:00Z';
const key = signingKeyFromSeed(new Uint8Array(32).fill(7));
const role = { keyids: [key.keyid], threshold: 1 };
const base = { spec_version: '1.0.31', version: 1, expires: EXPIRES };
const root = {
  _type: 'root',
  ...base,
  keys: { [key.keyid]: key.key },
  roles: { root: role, timestamp: role, snapshot: role, targets: role },
};
const timestamp = { _type: 'timestamp', ...base, meta: { 'snapshot.json': { version: 3 } } };
const snapshot = { _type: 'snapshot', ...base, meta: { 'targets.json': { version: 2 } } };
const file = { length: 4, hashes: { sha256: 'A09f'.repeat(16) } };
const delegate = { name: 'team', ...role, terminating: true, paths: ['a/*'] };
const targets = {
  _type: 'targets',
  ...base,
  targets: { 'a/b': { ...file, custom: { kind: 'platform' } } },
  delegations: { keys: { [key.keyid]: key.key }, roles: [delegate] },
};

const signedBy = (count: number) =>
  JSON.stringify({
    signatures: Array.from({ length: count }, (_, i) => ({ keyid: `${i}`, sig: '' })),
    signed: {},
  });
const malformedBy = (act: () => unknown) => dataOf(refusalOf(act), 'trust/malformed');

/** The same document with one field replaced or, for undefined, taken away. */
function change(document: object, path: string, value: unknown): JsonObject {
  const copy = structuredClone(document);
  const steps = path.split('/');
  const last = steps.pop() ?? '';
  // biome-ignore lint/suspicious/noExplicitAny: walks any document
  const parent = steps.reduce((at: any, step) => at[step], copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy as JsonObject;
}

/** The paths of all fields, as `change` takes them. */
function fieldsOf(document: object): string[] {
  return Object.entries(document).flatMap(([key, value]) =>
    key.includes('/')
      ? []
      : [key, ...(isObject(value) ? fieldsOf(value).map((field) => `${key}/${field}`) : [])],
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

describe('well-formed metadata', () => {
  it('of root says who holds which role', () => {
    const parsed = parseRoot(root, 'root');

    expect(parsed).toMatchObject({ version: 1, consistentSnapshot: false, expires: Date.parse(EXPIRES) });
    expect(parsed.roles.snapshot).toEqual(role);
    expect(parsed.keys.get(key.keyid)).toEqual({
      keytype: 'ed25519',
      scheme: 'ed25519',
      public: key.key.keyval.public,
    });
  });

  it.each([
    [undefined, false],
    [false, false],
    [true, true],
  ])('of root keeps consistent snapshots where it says so: %s', (consistent_snapshot, consistent) => {
    const document = change(root, 'consistent_snapshot', consistent_snapshot);

    expect(parseRoot(document, 'root').consistentSnapshot).toBe(consistent);
  });

  it.each([[undefined], [7], [null]])('of root keeps a key without a text: %s', (written) => {
    const document = change(root, `keys/${key.keyid}/keyval/public`, written);

    expect(parseRoot(document, 'root').keys.get(key.keyid)).toEqual({
      keytype: 'ed25519',
      scheme: 'ed25519',
      public: '',
    });
  });

  it('says of a file what is written of it, and nothing of what is not', () => {
    const meta = { 'a.json': { version: 1 }, 'b.json': { version: 2, length: 1, hashes: { sha512: '0f' } } };

    expect([...parseSnapshot({ ...snapshot, meta }, 'snapshot').meta]).toEqual([
      ['a.json', { version: 1, length: null, hashes: null }],
      ['b.json', { version: 2, length: 1, hashes: new Map([['sha512', '0f']]) }],
    ]);
  });

  it('of timestamp names the snapshot, and when it was signed', () => {
    expect(parseTimestamp(timestamp, 'timestamp').snapshot).toEqual({
      version: 3,
      length: null,
      hashes: null,
    });
    expect(parseTimestamp(timestamp, 'timestamp').signedAt).toBeNull();
    expect(parseTimestamp({ ...timestamp, signed_at: '2029-01-01T00:00:00Z' }, 't').signedAt).toBe(
      Date.parse('2029-01-01'),
    );
    expect(parseTimestamp({ ...timestamp, signed_at: EXPIRES }, 't').signedAt).toBe(Date.parse(EXPIRES));
  });

  it.each([['2030-01-01T00:00:01Z'], ['yesterday'], [12], [null]])(
    'of timestamp with %j as signing time has none',
    (signed_at) => {
      expect(parseTimestamp({ ...timestamp, signed_at }, 'timestamp').signedAt).toBeNull();
    },
  );

  it('of snapshot lists versions', () => {
    expect(parseSnapshot(snapshot, 'snapshot').meta.get('targets.json')?.version).toBe(2);
  });

  it('of targets lists files in any spelling of their hash, and delegations in order', () => {
    const parsed = parseTargets(targets, 'targets');

    expect(parsed.targets.get('a/b')).toEqual({
      length: 4,
      hashes: new Map([['sha256', 'a09f'.repeat(16)]]),
    });
    expect(parsed.delegations).toEqual([
      { name: 'team', ...role, terminating: true, scope: { kind: 'paths', patterns: ['a/*'] } },
    ]);
  });

  it('of targets may list empty files, roles by the hashes of paths, and roles that end nothing', () => {
    const { paths: _paths, terminating: _terminating, ...rest } = delegate;
    const roles = [{ ...rest, path_hash_prefixes: ['0a', 'ff'] }];
    const document = { ...targets, targets: { a: { ...file, length: 0 } }, delegations: { keys: {}, roles } };
    const parsed = parseTargets(document, 'targets');

    expect(parsed.targets.get('a')?.length).toBe(0);
    expect(parsed.delegations).toEqual([
      { name: 'team', ...role, terminating: false, scope: { kind: 'hash-prefixes', prefixes: ['0a', 'ff'] } },
    ]);
  });

  it('of targets may delegate nothing, in either spelling', () => {
    const without = parseTargets(change(targets, 'delegations', undefined), 'targets');
    const succinct = parseTargets({ ...targets, delegations: { keys: {}, succinct_roles: {} } }, 'targets');

    expect([without.delegations, without.keys.size]).toEqual([[], 0]);
    expect(succinct.delegations).toEqual([]);
  });

  it('may use names that JavaScript objects are born with', () => {
    const parsed = parseTargets(
      { ...targets, targets: { constructor: file, toString: file }, delegations: undefined as never },
      'targets',
    );

    expect([...parsed.targets.keys()]).toEqual(['constructor', 'toString']);
    expect(parsed.targets.get('valueOf')).toBeUndefined();
  });

  it.each(['1.0', '1.0.0', '1.9.12'])('may follow specification %s', (spec_version) => {
    expect(parseSnapshot({ ...snapshot, spec_version }, 'snapshot').version).toBe(1);
  });
});

describe('malformed metadata is refused', () => {
  const parsers = {
    root: parseRoot,
    timestamp: parseTimestamp,
    snapshot: parseSnapshot,
    targets: parseTargets,
  };
  const documents = { root, timestamp, snapshot, targets };

  it.each<[keyof typeof documents, string, unknown, string]>([
    ['root', '_type', 'targets', '"_type" is not "root"'],
    ['root', '_type', undefined, '"_type" is not "root"'],
    ['root', 'spec_version', '2.0.0', '"spec_version" is not a version 1 of the TUF specification'],
    ['root', 'spec_version', '2.1.0', '"spec_version" is not a version 1 of the TUF specification'],
    ['root', 'spec_version', '1', '"spec_version" is not a version 1 of the TUF specification'],
    ['root', 'spec_version', '1.', '"spec_version" is not a version 1 of the TUF specification'],
    ['root', 'spec_version', '1.0.0.0', '"spec_version" is not a version 1 of the TUF specification'],
    ['root', 'spec_version', '1.0-x', '"spec_version" is not a version 1 of the TUF specification'],
    ['root', 'spec_version', 1, '"spec_version" is not text'],
    ['root', 'version', 0, '"version" is not a number from 1'],
    ['root', 'version', '1', '"version" is not a number from 1'],
    ['root', 'version', undefined, '"version" is not a number from 1'],
    ['root', 'expires', '2030-02-30T00:00:00Z', '"expires" is not an instant such as 2026-01-31T10:00:00Z'],
    [
      'root',
      'expires',
      '2030-01-01T00:00:00+01:00',
      '"expires" is not an instant such as 2026-01-31T10:00:00Z',
    ],
    ['root', 'expires', 1893456000000, '"expires" is not an instant such as 2026-01-31T10:00:00Z'],
    ['root', 'consistent_snapshot', 'true', '"consistent_snapshot" is not true or false'],
    ['root', 'keys', [], '"keys" is not an object'],
    ['root', `keys/${key.keyid}`, null, `"${key.keyid}" is not an object`],
    ['root', `keys/${key.keyid}/keyval`, 'text', '"keyval" is not an object'],
    ['root', `keys/${key.keyid}/keytype`, undefined, '"keytype" is not text'],
    ['root', `keys/${key.keyid}/scheme`, undefined, '"scheme" is not text'],
    ['root', 'roles', undefined, '"roles" is not an object'],
    ['root', 'roles/root', undefined, '"roles.root" is not an object'],
    ['root', 'roles/timestamp', undefined, '"roles.timestamp" is not an object'],
    ['root', 'roles/snapshot', undefined, '"roles.snapshot" is not an object'],
    ['root', 'roles/targets', undefined, '"roles.targets" is not an object'],
    ['root', 'roles/timestamp/threshold', 0, '"threshold" is not a number from 1'],
    ['root', 'roles/timestamp/keyids', {}, '"keyids" is not an array'],
    ['root', 'roles/timestamp/keyids', [1], '"keyids" is not text'],
    ['timestamp', '_type', 'snapshot', '"_type" is not "timestamp"'],
    ['timestamp', 'meta', undefined, '"meta" is not an object'],
    ['timestamp', 'meta', {}, '"snapshot.json" is not an object'],
    ['timestamp', 'meta/snapshot.json/version', 0, '"snapshot.json" is not a number from 1'],
    ['timestamp', 'meta/snapshot.json/length', 0, '"snapshot.json" is not a number from 1'],
    ['timestamp', 'meta/snapshot.json/hashes', {}, '"snapshot.json" is not an entry with a hash'],
    ['timestamp', 'meta/snapshot.json/hashes', { sha256: 1 }, '"snapshot.json" is not text'],
    ['snapshot', '_type', 'targets', '"_type" is not "snapshot"'],
    ['snapshot', 'meta', undefined, '"meta" is not an object'],
    ['snapshot', 'meta/targets.json', null, '"targets.json" is not an object'],
    ['targets', '_type', 'root', '"_type" is not "targets"'],
    ['targets', 'targets', undefined, '"targets" is not an object'],
    ['targets', 'targets/a~b', { length: -1, hashes: file.hashes }, '"a~b" is not a number from 0'],
    ['targets', 'targets/a~b', { length: 4, hashes: {} }, '"a~b" is not an entry with a hash'],
    [
      'targets',
      'targets/a~b',
      { length: 4, hashes: { sha256: '../../api/v1/tokens?' } },
      '"a~b" is not an entry with hexadecimal hashes',
    ],
    [
      'targets',
      'targets/a~b',
      { length: 4, hashes: { sha256: '../ab' } },
      '"a~b" is not an entry with hexadecimal hashes',
    ],
    [
      'targets',
      'targets/a~b',
      { length: 4, hashes: { sha256: 'ab?' } },
      '"a~b" is not an entry with hexadecimal hashes',
    ],
    [
      'targets',
      'targets/a~b',
      { length: 4, hashes: { sha256: 'ab', other: '/' } },
      '"a~b" is not an entry with hexadecimal hashes',
    ],
    [
      'targets',
      'targets/a~b',
      { length: 4, hashes: { sha512: '' } },
      '"a~b" is not an entry with hexadecimal hashes',
    ],
    ['targets', 'targets/a~b', { length: 4 }, '"a~b" is not an object'],
    ['targets', 'delegations', [], '"delegations" is not an object'],
    ['targets', 'delegations/keys', undefined, '"keys" is not an object'],
    ['targets', 'delegations/roles', {}, '"delegations.roles" is not an array'],
    ['targets', 'delegations/roles', [1], '"delegations.roles" is not an object'],
    [
      'targets',
      'delegations/roles',
      [delegate, delegate],
      '"delegations.roles" is not a list of distinct names',
    ],
    ['targets', 'delegations/roles', [{ ...delegate, name: 1 }], '"name" is not text'],
    [
      'targets',
      'delegations/roles',
      [{ ...delegate, name: 'root' }],
      '"name" is not a name that a delegated role may have',
    ],
    [
      'targets',
      'delegations/roles',
      [{ ...delegate, name: 'snapshot' }],
      '"name" is not a name that a delegated role may have',
    ],
    [
      'targets',
      'delegations/roles',
      [{ ...delegate, name: '' }],
      '"name" is not a name that a delegated role may have',
    ],
    ['targets', 'delegations/roles', [{ ...delegate, threshold: 0 }], '"threshold" is not a number from 1'],
    [
      'targets',
      'delegations/roles',
      [{ ...delegate, terminating: 'yes' }],
      '"terminating" is not true or false',
    ],
    [
      'targets',
      'delegations/roles',
      [{ ...delegate, paths: undefined }],
      '"delegations.roles" is not roles with either "paths" or "path_hash_prefixes"',
    ],
    [
      'targets',
      'delegations/roles',
      [{ ...delegate, path_hash_prefixes: ['00'] }],
      '"delegations.roles" is not roles with either "paths" or "path_hash_prefixes"',
    ],
    ['targets', 'delegations/roles', [{ ...delegate, paths: [1] }], '"paths" is not text'],
    [
      'targets',
      'delegations/roles',
      [{ ...delegate, paths: undefined, path_hash_prefixes: [1] }],
      '"path_hash_prefixes" is not text',
    ],
  ])('%s with %s = %j, and the field is named', (type, path, value, problem) => {
    const document = change(documents[type], path, value);

    expect(malformedBy(() => parsers[type](document, 'the role'))).toEqual({ role: 'the role', problem });
  });

  it.each(['root', 'timestamp', 'snapshot', 'targets'] as const)(
    'or read, and nothing else, with any JSON in any field of %s',
    (type) => {
      const fields = fieldsOf(documents[type]);
      const outcomeOf = (field: string, value: unknown) => {
        try {
          return parsers[type](change(documents[type], field, value), type).version;
        } catch (error) {
          if (isFairleadError(error, 'trust/malformed')) return 1;
          throw error;
        }
      };

      fc.assert(
        fc.property(fc.constantFrom(...fields), fc.jsonValue(), (field, value) => {
          expect(outcomeOf(field, value)).toBeGreaterThanOrEqual(1);
        }),
        { numRuns: 500 },
      );
    },
  );

  it.each([
    ['an array', '[]', '"the file" is not an object'],
    ['nothing signed', '{"signatures":[],"signed":[]}', '"signed" is not an object'],
    ['no signatures', '{"signed":{}}', '"signatures" is not an array'],
    ['a signature that is none', '{"signatures":[1],"signed":{}}', '"signatures" is not an object'],
    ['signatures without key ids', '{"signatures":[{"sig":""}],"signed":{}}', '"keyid" is not text'],
    ['key ids without signatures', '{"signatures":[{"keyid":""}],"signed":{}}', '"sig" is not text'],
    [
      'one key id twice',
      '{"signatures":[{"keyid":"a","sig":""},{"keyid":"a","sig":"00"}],"signed":{}}',
      '"signatures" is not a list of distinct key ids',
    ],
    ['257 signatures', signedBy(257), '"signatures" is not a list of at most 256'],
  ])('as a file with %s, which is named', (_what, text, problem) => {
    expect(malformedBy(() => parseEnvelope(Buffer.from(text), 'root'))).toEqual({ role: 'root', problem });
  });

  it('but not for 256 signatures', () => {
    expect(parseEnvelope(Buffer.from(signedBy(256)), 'root').signatures).toHaveLength(256);
  });

  it.each([
    ['no JSON', '{'],
    ['33 lists in one another', `{"signatures":[],"signed":{"x":${'['.repeat(31)}${']'.repeat(31)}}}`],
    ['a key that stands twice', '{"signatures":[],"signed":{"version":1,"version":2}}'],
    ['a fraction', '{"signatures":[],"signed":{"version":1.5}}'],
    ['__proto__', '{"signatures":[],"signed":{"__proto__":{}}}'],
  ])('as a file with %s', (_what, text) => {
    expect(codeOf(() => parseEnvelope(Buffer.from(text), 'root'))).toBe('trust/malformed');
  });
});

describe('keys', () => {
  it('have the id that other TUF implementations give them', () => {
    const bytes = Buffer.from('72378e5bc588793e58f81c8533da64a2e8f1565c1fcc7f253496394ffc52542c', 'hex');

    expect(keyIdOf(publicKeyFromBytes(bytes))).toBe(
      '1bf1c6e3cdd3d3a8420b19199e27511999850f4b376c4547b2f32fba7e80fca3',
    );
  });

  it('are the same in capitals', () => {
    const upper = { ...key.key, public: key.key.keyval.public.toUpperCase() };

    expect(loadKey(upper)?.identity).toBe(loadKey({ ...key.key, public: key.key.keyval.public })?.identity);
  });

  it.each([
    ['of another type', { keytype: 'rsa', scheme: 'ed25519', public: key.key.keyval.public }],
    ['of another scheme', { keytype: 'ed25519', scheme: 'ed25519ph', public: key.key.keyval.public }],
    ['that are too short', { keytype: 'ed25519', scheme: 'ed25519', public: 'ab' }],
    ['that are not hexadecimal', { keytype: 'ed25519', scheme: 'ed25519', public: 'x'.repeat(64) }],
    ['of small order', { keytype: 'ed25519', scheme: 'ed25519', public: `01${'00'.repeat(31)}` }],
  ])('%s are no keys', (_what, wrong) => {
    expect(loadKey(wrong)).toBeNull();
  });
});

describe('signing', () => {
  it('writes JSON that holds what was signed, control characters included', () => {
    const signed = { ...timestamp, note: 'line one\nline two \u0001 "quoted" \\ end' };

    const envelope = parseEnvelope(signMetadata(signed, [key]), 'timestamp');

    expect(envelope.signed).toEqual(signed);
    expect(envelope.signatures.map(({ keyid }) => keyid)).toEqual([key.keyid]);
  });
});

describe('what a signature is over', () => {
  // The library behind tuf-js, found from where tuf-js keeps it.
  const fromTufJs = createRequire(createRequire(import.meta.url).resolve('tuf-js'));
  const theirs = fromTufJs('@tufjs/canonical-json') as { canonicalize(value: unknown): string };

  const shuffled = (value: unknown, turn: number): unknown =>
    typeof value !== 'object' || value === null || Array.isArray(value)
      ? value
      : Object.fromEntries(
          Object.entries(value)
            .map(([name, one], i) => [name, shuffled(one, turn), (i * 7 + turn) % 5] as const)
            .sort(([, , a], [, , b]) => a - b)
            .map(([name, one]) => [name, one]),
        );

  it('is the canonical form, in whatever order and with whatever spaces and escapes the file came', () => {
    const [path, custom] = [
      fc.string({ unit: 'binary-ascii' }),
      fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', 'é', '/') }),
    ];
    const entry = fc.record({
      length: fc.nat(),
      hashes: fc.constant({ sha256: '00' }),
      custom: fc.record({ name: custom }),
    });
    const listed = fc.dictionary(
      path.filter((name) => name !== '__proto__'),
      entry,
      { maxKeys: 6 },
    );
    const spelled = fc.record({ turn: fc.nat(4), indent: fc.nat(2), escaped: fc.boolean() });
    fc.assert(
      fc.property(listed, spelled, (list, { turn, indent, escaped }) => {
        const signed = { ...targets, targets: list };
        const text = JSON.stringify(shuffled({ signatures: [], signed }, turn), null, indent);
        const written = escaped ? text.replaceAll('sha256', '\\u0073ha256') : text;

        const { payload } = parseEnvelope(Buffer.from(written), 'targets');

        expect(Buffer.from(payload).toString()).toBe(theirs.canonicalize(JSON.parse(written).signed));
      }),
    );
  });
});

describe('ten thousand targets', () => {
  it('are verified in well under a second', () => {
    const many = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, i) => [
        `capabilities/suite-${i % 50}/capability-${i}/1.0.${i}.json`,
        { length: i, hashes: { sha256: i.toString(16).padStart(64, '0') }, custom: { version: `1.0.${i}` } },
      ]),
    );
    const bytes = signMetadata({ ...targets, expires: formatInstant(0), targets: many }, [key]);
    const signer = { name: 'root', role, keys: parseRoot(root, 'root').keys };
    const meta = { version: 1, length: bytes.length, hashes: null };
    verifyTargets('targets', signer, meta, bytes);

    const start = performance.now();
    const parsed = verifyTargets('targets', signer, meta, bytes);
    const elapsedMs = performance.now() - start;

    expect(parsed.targets.size).toBe(10_000);
    expect(elapsedMs).toBeLessThan(1000);
  });
});
