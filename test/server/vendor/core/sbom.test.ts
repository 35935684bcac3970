// Bills of materials: what is made of a tree's lockfiles, what is refused, and what is new between two.
import { describe, expect, it } from 'vitest';
import type { ImageContents } from '../../../../server/vendor/core/sbom/image-packages.ts';
import { MAX_LOCKED_PACKAGES, parseLock } from '../../../../server/vendor/core/sbom/npm-lock.ts';
import { toLicense } from '../../../../server/vendor/core/sbom/npm-parts.ts';
import { createReadableSbom, createSbom } from '../../../../server/vendor/core/sbom/release-sbom.ts';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { type Digest, digestOf, hexOf } from '../../../../shared/encoding/digest.ts';
import { compareSboms, describeDifference } from '../../../../shared/present/sbom-difference.ts';
import { parseDocument } from '../../../../shared/schema/parse-document.ts';
import { type CapabilityRelease, capabilityRelease } from '../../../../shared/schema/release.ts';
import { componentsOf, parseSbom } from '../../../../shared/schema/sbom.ts';
import type { TreeEntry } from '../../../../shared/tree/tree-index.ts';
import { codeOf } from '../../../support/error-code.ts';
import { expectCycloneDx, LOCK, LOCKED_FILES } from '../../../support/sboms.ts';

const bytesOf = (value: unknown) => utf8(typeof value === 'string' ? value : JSON.stringify(value));
const DIGEST = digestOf(utf8('a file'));

function releaseWith(more: object = {}): CapabilityRelease {
  return parseDocument(
    capabilityRelease,
    {
      ...{ schema: 'fairlead/capability@1', suite: 'core', name: 'auth', version: '1.0.1' },
      change: { id: 'CHG-7', revision: 'git:9f1c2ab', scope: 'a test', builtAt: '2026-11-20T12:00:00Z' },
      tree: { digest: DIGEST, files: 4, bytes: 100 },
      service: { driver: 'process', exec: ['node', 'server.js'] },
      ...more,
    },
    'a test',
  );
}

const treeOf = (paths: readonly string[]) => ({
  entries: paths.map((path): TreeEntry => ({ kind: 'file', path, mode: 0o644, size: 6, digest: DIGEST })),
});

interface Bill {
  readonly components: readonly { readonly [key: string]: unknown }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
  readonly compositions: readonly object[];
}

function billOf(lock: unknown, paths: readonly string[] = LOCKED_FILES, release = releaseWith()): Bill {
  const locks = lock === null ? [] : [{ directory: '', lock: parseLock(bytesOf(lock), 'package-lock.json') }];
  const made = createSbom(release, treeOf(paths), locks);
  const bill = JSON.parse(Buffer.from(made?.bytes ?? []).toString());
  expectCycloneDx(bill);
  parseSbom(made?.bytes ?? new Uint8Array(), 'what was made');
  return bill;
}

describe('a bill of materials made of a lockfile', () => {
  it('has each package once, with its address, its hash and its licence, and nothing that only builds', () => {
    const { components } = billOf(LOCK);

    expect(components.map(({ purl, licenses }) => [purl, licenses])).toEqual([
      ['pkg:npm/%40acme/core@2.0.1', [{ expression: 'MIT' }]],
      ['pkg:npm/left-original@1.9.0', [{ license: { name: 'see LICENSE.txt' } }]],
      ['pkg:npm/left@2.3.0', [{ expression: '(MIT OR Apache-2.0)' }]],
      ['pkg:npm/own@0.1.0', undefined],
    ]);
    expect(components.map(({ group, name, version }) => [group, name, version])).toEqual([
      ['@acme', 'core', '2.0.1'],
      [undefined, 'left-original', '1.9.0'],
      [undefined, 'left', '2.3.0'],
      [undefined, 'own', '0.1.0'],
    ]);
    expect(components[0]).toMatchObject({ hashes: [{ alg: 'SHA-512', content: '61'.repeat(64) }] });
  });

  it('is of the release, its files and the revision that they were made of', () => {
    const { metadata } = billOf(LOCK) as Bill & { readonly metadata: object };

    expect(metadata).toMatchObject({
      lifecycles: [{ phase: 'build' }],
      tools: { components: [{ type: 'application', name: 'fairlead-vendor' }] },
      component: {
        ...{
          type: 'application',
          'bom-ref': 'core/auth@1.0.1',
          group: 'core',
          name: 'auth',
          version: '1.0.1',
        },
        purl: 'pkg:generic/core/auth@1.0.1',
        properties: [
          { name: 'fairlead:tree', value: DIGEST },
          { name: 'fairlead:revision', value: 'git:9f1c2ab' },
        ],
      },
    });
  });

  it('says who needs whom as Node would find it: the nearer of two versions, an alias, a workspace', () => {
    const { dependencies } = billOf(LOCK);

    expect(dependencies).toEqual([
      {
        ref: 'core/auth@1.0.1',
        dependsOn: ['pkg:npm/%40acme/core@2.0.1', 'pkg:npm/left-original@1.9.0', 'pkg:npm/own@0.1.0'],
      },
      { ref: 'pkg:npm/%40acme/core@2.0.1', dependsOn: ['pkg:npm/left@2.3.0'] },
      { ref: 'pkg:npm/left-original@1.9.0', dependsOn: [] },
      { ref: 'pkg:npm/left@2.3.0', dependsOn: [] },
      { ref: 'pkg:npm/own@0.1.0', dependsOn: ['pkg:npm/left-original@1.9.0'] },
    ]);
  });

  it('lists what is shipped: not what the lockfile has for another system, all of it where packages are inside other files', () => {
    const without = LOCKED_FILES.filter((path) => path !== 'node_modules/left/package.json');

    expect(billOf(LOCK, without).components).toHaveLength(3);
    expect(billOf(LOCK, ['server.js']).components).toHaveLength(4);
  });

  it('says that it is not whole where a package stands in the tree that no lockfile lists', () => {
    const more = [...LOCKED_FILES, 'node_modules/stray/package.json'];
    const inside = [...LOCKED_FILES, 'node_modules/left/dist/node_modules/bundled/package.json'];
    const beside = [...LOCKED_FILES, 'node_modules/left/dist/package.json'];

    const dependencies = ['core/auth@1.0.1'];
    expect(billOf(LOCK, more).compositions).toEqual([{ aggregate: 'incomplete', dependencies }]);
    expect(billOf(LOCK, inside).compositions).toEqual([{ aggregate: 'incomplete', dependencies }]);
    expect(billOf(LOCK, inside).components).toEqual(billOf(LOCK).components);
    expect(billOf(LOCK, beside).compositions).toMatchObject([{ aggregate: 'complete' }]);
  });

  it.each<[string, string, { readonly isLocked: boolean }]>([
    ['beside no lockfile', 'node_modules/stray', { isLocked: false }],
    ['in a folder', 'tools/node_modules/stray', { isLocked: true }],
    ['in a workspace', 'packages/own/node_modules/stray', { isLocked: true }],
    ['as pnpm keeps it', 'node_modules/.pnpm/stray@1.0.0/node_modules/stray', { isLocked: true }],
    ['as npm links it', 'node_modules/.store/stray@1.0.0-x/node_modules/stray', { isLocked: true }],
    ['as npm links one with a scope', 'node_modules/.store/@s/a@1-x/node_modules/@s/a', { isLocked: true }],
    ['as npm links one with a shrinkwrap', 'node_modules/.store/stray@1.0.0', { isLocked: true }],
    ['as Yarn links it', 'node_modules/.store/stray-npm-1.0.0-x/package', { isLocked: true }],
    ['inside of another', 'node_modules/left/dist/node_modules/@s/stray', { isLocked: true }],
    ['in the place of a link to nothing', 'node_modules/gone', { isLocked: true }],
  ])('says so where one stands %s, with an image too', (_, stray, { isLocked }) => {
    const gone = { resolved: 'packages/gone', link: true };
    const packages = { ...LOCK.packages, 'node_modules/gone': gone };
    const locks = [{ directory: '', lock: parseLock(bytesOf({ ...LOCK, packages }), 'a lock') }];
    const images = [{ archive: 'a.tar', digest: DIGEST }];
    const release = releaseWith({ service: { driver: 'compose', file: 'compose.yaml', images } });
    const files = ['compose.yaml', 'a.tar', ...(isLocked ? LOCKED_FILES : [])];
    const unlistedOf = (paths: readonly string[]) =>
      createSbom(release, treeOf(paths), isLocked ? locks : [])?.unlisted;

    expect(unlistedOf(files)).toEqual([]);
    expect(unlistedOf([...files, `${stray}/package.json`])).toEqual([stray]);
  });

  it('lists what was installed to build with, and a workspace in the place of its link, where they are shipped', () => {
    const copied = LOCKED_FILES.map((path) => path.replace('packages/', 'node_modules/'));
    const { components, compositions } = billOf(LOCK, [...copied, 'node_modules/vitest/package.json']);

    expect(components.map(({ name }) => name)).toEqual(['core', 'left-original', 'left', 'own', 'vitest']);
    expect(compositions).toMatchObject([{ aggregate: 'complete' }]);
  });

  it('lists what npm has linked, by what it wrote down of that', () => {
    const at = (name: string) => `node_modules/.store/${name}@1.0.0-x/node_modules/${name}`;
    const packages = {
      'node_modules/.store/@s/a@1.0.0-x': {},
      [at('@s/a')]: { version: '1.0.0', dependencies: { b: '1' } },
      'node_modules/.store/@s/a@1.0.0-x/node_modules/b': { resolved: at('b'), link: true },
      'node_modules/.store/b@1.0.0-x': {},
      [at('b')]: { version: '1.0.0' },
      'node_modules/@s/a': { resolved: at('@s/a'), link: true },
    };
    const files = [at('@s/a'), at('b')].map((place) => `${place}/package.json`);
    const { components, compositions } = billOf({ lockfileVersion: 3, packages }, files);

    expect(components.map(({ purl }) => purl)).toEqual(['pkg:npm/%40s/a@1.0.0', 'pkg:npm/b@1.0.0']);
    expect(compositions).toMatchObject([{ aggregate: 'complete' }]);
  });

  it('lists what a nested project has by its own lockfile, beside all of a project whose packages are inside other files', () => {
    const own = bytesOf({ lockfileVersion: 3, packages: { 'node_modules/a': { version: '1.0.0' } } });
    const locks = [
      { directory: '', lock: parseLock(bytesOf(LOCK), 'package-lock.json') },
      { directory: 'tools', lock: parseLock(own, 'tools/package-lock.json') },
    ];
    const made = createSbom(releaseWith(), treeOf(['tools/node_modules/a/package.json']), locks);
    const names = componentsOf(parseSbom(made?.bytes ?? new Uint8Array(), 'it')).map(({ name }) => name);

    expect(made?.unlisted).toEqual([]);
    expect(names).toEqual(['core', 'a', 'left-original', 'left', 'own']);
  });

  it('is the same bytes for the same tree, whatever the order of the lockfile, and other bytes under another number for another', () => {
    const backwards = <T extends object>(one: T) => Object.fromEntries(Object.entries(one).toReversed());
    const root = { ...LOCK.packages[''], dependencies: backwards(LOCK.packages[''].dependencies) };
    const turned = { ...LOCK, packages: { ...backwards(LOCK.packages), '': root } };
    const other = { ...LOCK, packages: { ...LOCK.packages, 'node_modules/left': { version: '1.9.1' } } };

    expect(JSON.stringify(billOf(turned))).toBe(JSON.stringify(billOf(LOCK)));
    expect(billOf(other)).not.toHaveProperty(
      'serialNumber',
      (billOf(LOCK) as object as { serialNumber: string }).serialNumber,
    );
  });

  it('keeps two packages apart that call themselves the same and have other bytes', () => {
    const twin = { version: '2.3.0', integrity: `sha512-${Buffer.alloc(64, 'x').toString('base64')}` };
    const lock = { ...LOCK, packages: { ...LOCK.packages, 'node_modules/own/node_modules/left': twin } };
    const files = [...LOCKED_FILES, 'node_modules/own/node_modules/left/package.json'];

    expect(billOf(lock, files).components.filter(({ purl }) => purl === 'pkg:npm/left@2.3.0')).toHaveLength(
      2,
    );
  });

  const hash = (alg: string, bytes: number, fill = 0xfb) =>
    `${alg}-${Buffer.alloc(bytes, fill).toString('base64')}`;
  const of = (alg: string, bytes: number) => ({ alg, content: 'fb'.repeat(bytes) });
  it.each<[string, string, readonly object[] | undefined]>([
    ['with every character of base64', hash('sha512', 64), [of('SHA-512', 64)]],
    ['of each kind', `${hash('sha1', 20)} ${hash('sha384', 48)}`, [of('SHA-1', 20), of('SHA-384', 48)]],
    ['behind another line', `md5-AAAA\n${hash('sha256', 32)}?x`, [of('SHA-256', 32)]],
    ['of another length', hash('sha512', 63), undefined],
    ['behind something', `x${hash('sha512', 64)}`, undefined],
    ['that is none', 'sha512', undefined],
  ])('has the hashes of a package, %s', (_, integrity, hashes) => {
    const lock = { lockfileVersion: 3, packages: { 'node_modules/a': { version: '1.0.0', integrity } } };

    expect(billOf(lock, ['server.js']).components[0]?.hashes).toEqual(hashes);
  });

  it('names the images of containers by their digests', () => {
    const service = {
      driver: 'compose',
      file: 'compose.yaml',
      images: [{ archive: 'auth.tar', digest: DIGEST }],
    };
    const bill = billOf(null, ['compose.yaml', 'auth.tar'], releaseWith({ service }));

    const hashes = [{ alg: 'SHA-256', content: hexOf(DIGEST) }];
    expect(bill.components).toMatchObject([{ type: 'container', name: 'auth.tar', version: DIGEST, hashes }]);
    expect(bill.compositions).toMatchObject([{ aggregate: 'complete' }, { aggregate: 'unknown' }]);
  });

  it('says which packages are inside of which image, and of which image that is not known', () => {
    const other = digestOf(utf8('another'));
    const images = [
      { archive: 'auth.tar', digest: DIGEST },
      { archive: 'other.tar', digest: other },
    ];
    const release = releaseWith({ service: { driver: 'compose', file: 'compose.yaml', images } });
    const purl = 'pkg:apk/alpine/busybox@1.36.1-r15';
    const busybox = { purl, group: 'alpine', name: 'busybox', version: '1.36.1-r15', license: 'GPL-2.0' };
    const contents = new Map<Digest, ImageContents | string>([
      [DIGEST, { packages: [busybox], managers: ['apk'], unread: ['what is too large'] }],
      [other, 'it stays in its registry'],
    ]);
    const made = createSbom(release, treeOf(['compose.yaml', 'auth.tar', 'other.tar']), [], contents);
    const bill = JSON.parse(Buffer.from(made?.bytes ?? []).toString());
    expectCycloneDx(bill);

    const [first, second] = bill.components;
    expect(first.components).toMatchObject([
      { purl, 'bom-ref': `image:${DIGEST}/${purl}`, licenses: [{ expression: 'GPL-2.0' }] },
    ]);
    expect(first.properties.map(({ value }: { value: string }) => value)).toEqual([
      'by apk',
      'unknown: what is too large',
    ]);
    expect(second.components).toBeUndefined();
    expect(second.properties[0].value).toBe('unknown: it stays in its registry');
    expect(bill.compositions.slice(1)).toMatchObject([
      { aggregate: 'incomplete', assemblies: [`image:${DIGEST}`] },
      { aggregate: 'unknown', assemblies: [`image:${other}`] },
    ]);
    expect(componentsOf(parseSbom(made?.bytes ?? new Uint8Array(), 'it')).map(({ name }) => name)).toEqual([
      ...['auth.tar', 'busybox', 'other.tar'],
    ]);
  });

  it('lists fewer packages where it could not be read again, and says so', () => {
    const digests = ['1', '2', '3'].map((text) => digestOf(utf8(text)));
    const images = digests.map((digest, i) => ({ archive: `${i}.tar`, digest }));
    const release = releaseWith({ service: { driver: 'compose', file: 'compose.yaml', images } });
    const word = 'a'.repeat(200);
    const packages = Array.from({ length: 9_000 }, (_, i) => ({
      ...{ purl: `pkg:npm/${word}${i}@1.0.0`, name: `${word}${i}`, version: '1.0.0' },
    }));
    const full: ImageContents = { packages, managers: ['npm'], unread: [] };
    const contents = new Map(digests.map((digest) => [digest, full]));
    const tree = treeOf(['compose.yaml', '0.tar', '1.tar', '2.tar']);

    const { made, listed } = createReadableSbom(release, tree, [], contents);

    if (typeof made === 'string' || made === null) throw new Error('none was made');
    expect(componentsOf(parseSbom(made.bytes, 'it')).length).toBeGreaterThan(9_000);
    expect([...listed.values()]).toContainEqual(
      expect.objectContaining({ unread: ['packages beyond 4500'] }),
    );
  });

  it('is not made where nothing says what a tree is made of', () => {
    expect(createSbom(releaseWith(), treeOf(['server']), [])).toBeNull();
  });
});

describe('a licence', () => {
  it.each([
    'MIT',
    '0BSD',
    'GPL-2.0+',
    '(MIT OR 0BSD)',
    '((MIT AND X11) OR GPL-2.0-only WITH GCC-exception-3.1)',
  ])('of the form of an expression is one: %s', (license) => {
    expect(toLicense(license)).toEqual({ expression: license });
  });

  it.each([
    '',
    'SEE LICENSE IN x',
    'MIT or X11',
    'MIT OR',
    '-MIT',
    '+',
    ' MIT',
    'MIT ',
    'MIT,X11',
    'MIT  OR X11',
  ])('of another form is a name: %j', (license) => {
    expect(toLicense(license)).toEqual({ license: { name: license } });
  });
});

describe('a lockfile', () => {
  const packages = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`node_modules/p${i}`, { version: '1.0.0' }]));
  const withOne = (one: object) => ({ lockfileVersion: 3, packages: { 'node_modules/a': one } });
  const deep = `${'node_modules/a/'.repeat(65)}node_modules/b`;
  const wants = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`d${i}`, '*']));
  const many = Object.fromEntries(
    Array.from({ length: 500 }, (_, i) => [`node_modules/p${i}`, { dependencies: wants }]),
  );

  it.each<[string, string, unknown]>([
    ['of npm 6', 'document/invalid', { lockfileVersion: 1, dependencies: {} }],
    ['of npm 6 that says so alone', 'document/invalid', { lockfileVersion: 1, packages: {} }],
    ['of an npm to come', 'document/invalid', { lockfileVersion: 4, packages: {} }],
    ['with a hash without an end', 'document/invalid', withOne({ integrity: 'x'.repeat(1_025) })],
    ['with a version without an end', 'document/invalid', withOne({ version: '1'.repeat(257) })],
    ['with a name without an end', 'document/invalid', withOne({ name: 'x'.repeat(257) })],
    ['that is no JSON', 'json/invalid', '{'],
    [
      'with a key that is every object’s',
      'json/invalid',
      '{"lockfileVersion":3,"packages":{"__proto__":{}}}',
    ],
    ['whose packages are a list', 'document/invalid', { lockfileVersion: 3, packages: [] }],
    [
      'with too many packages',
      'json/too-large',
      { lockfileVersion: 3, packages: packages(MAX_LOCKED_PACKAGES + 1) },
    ],
    ['with too many dependencies', 'json/too-large', { lockfileVersion: 3, packages: many }],
    [
      'with a package in a package, without end',
      'json/too-large',
      { lockfileVersion: 3, packages: { [deep]: {} } },
    ],
  ])('%s is refused', (_name, code, lock) => {
    expect(codeOf(() => parseLock(bytesOf(lock), 'package-lock.json'))).toBe(code);
  });

  it('of the largest size is read and made into a bill in seconds', () => {
    const began = performance.now();
    const lock = parseLock(
      bytesOf({ lockfileVersion: 3, packages: packages(MAX_LOCKED_PACKAGES) }),
      'a test',
    );
    const made = createSbom(releaseWith(), treeOf(['server.js']), [{ directory: '', lock }]);
    const { components } = parseSbom(made?.bytes ?? new Uint8Array(), 'a test');

    expect(components).toHaveLength(MAX_LOCKED_PACKAGES);
    expect(performance.now() - began).toBeLessThan(15_000);
  });
});

describe('a bill that somebody else made', () => {
  const given = {
    ...{ bomFormat: 'CycloneDX', specVersion: '1.6' },
    metadata: { component: { type: 'application', 'bom-ref': 'root', name: 'auth' } },
    components: [
      { type: 'library', 'bom-ref': 'a', name: 'a', version: '1', components: [{ type: 'file', name: 'b' }] },
    ],
    dependencies: [{ ref: 'root', dependsOn: ['a', 'urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#x'] }],
    vulnerabilities: [{ ratings: [{ score: 9.8 }] }],
  };

  it('is taken with what else the published schema knows', () => {
    expectCycloneDx(given);
    expect(parseSbom(bytesOf(given), 'a test').components).toHaveLength(1);
  });

  it.each<[string, string, unknown]>([
    ['of another format', 'document/invalid', { spdxVersion: 'SPDX-2.3' }],
    ['of another version', 'document/invalid', { ...given, specVersion: '1.4' }],
    ['without a name', 'document/invalid', { ...given, components: [{ type: 'library' }] }],
    ['of an unknown type', 'document/invalid', { ...given, components: [{ type: 'thing', name: 'a' }] }],
    [
      'with one reference for two',
      'document/invalid',
      { ...given, components: [...given.components, ...given.components] },
    ],
    ['that depends on nothing it lists', 'document/invalid', { ...given, dependencies: [{ ref: 'c' }] }],
    ['that nests without end', 'json/too-large', `${'{"components":['.repeat(40)}${']}'.repeat(40)}`],
    ['that is not JSON', 'json/invalid', '<bom/>'],
  ])('%s is refused', (_name, code, bill) => {
    expect(codeOf(() => parseSbom(bytesOf(bill), 'a test'))).toBe(code);
  });
});

describe('the difference between two', () => {
  const bill = (...parts: readonly (readonly [name: string, version: string])[]) => {
    const components = parts.map(([name, version]) => ({ type: 'library', name, version }));
    return parseSbom(bytesOf({ bomFormat: 'CycloneDX', specVersion: '1.6', components }), 'a test');
  };

  it('names what came, what went and what changed', () => {
    const before = bill(['left', '1.0.0'], ['gone', '2.0.0'], ['same', '1.0.0'], ['twice', '1.0.0']);
    const after = bill(
      ['left', '1.1.0'],
      ['new', '3.0.0'],
      ['same', '1.0.0'],
      ['twice', '1.0.0'],
      ['twice', '2.0.0'],
    );

    expect(describeDifference(compareSboms(before, after))).toEqual([
      '  left  1.0.0 → 1.1.0',
      '  twice  1.0.0 → 1.0.0, 2.0.0',
      '  new  3.0.0  added',
      '  gone  2.0.0  removed',
    ]);
  });

  it('is bounded, and harmless on a terminal', () => {
    const parts = Array.from({ length: 60 }, (_, i) => [`p${i}\u001b[2J`, '1.0.0'] as const);
    const lines = describeDifference(compareSboms(bill(), bill(...parts)));

    expect(lines).toHaveLength(51);
    expect(lines.at(-1)).toBe('  … and 10 more');
    expect(lines.join('')).not.toContain('\u001b');
  });
});
