// The part of a history that checks and the trial over the known fleet read: it comes to the same as all of it, and nothing else is read.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFit, type FleetKind } from '../../../../server/vendor/core/fleet-trial.ts';
import { readAdvisories, readReleases } from '../../../../server/vendor/workspace/documents.ts';
import { readFleetCatalog } from '../../../../server/vendor/workspace/fleet-catalog.ts';
import { listKnownReleases } from '../../../../server/vendor/workspace/known-documents.ts';
import { targetName } from '../../../../server/vendor/workspace/targets.ts';
import { type Catalog, EMPTY_CATALOG } from '../../../../shared/compile/releases.ts';
import { canonicalize } from '../../../../shared/encoding/canonical.ts';
import { digestOf, hexOf } from '../../../../shared/encoding/digest.ts';
import type { JsonObject } from '../../../../shared/encoding/json.ts';
import { componentKey } from '../../../../shared/schema/common.ts';
import {
  advisoryPath,
  parseRef,
  refOf,
  releasePath,
  rolloutPath,
} from '../../../../shared/schema/release-ref.ts';
import { metadataFileOf } from '../../../../shared/trust/metadata.ts';
import { parseVersion } from '../../../../shared/version/version.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { buildRelease, compileInputOf, type ReleaseSpec, type Scenario } from '../../../support/scenario.ts';

const SUITES = ['a', 'b', 'c'];
const CAPABILITIES = SUITES.flatMap((suite) => ['p', 'q', 'r'].map((name) => `${suite}/${name}`));
const VERSIONS = ['1.0.0', '1.1.0', '2.0.0'];
const RANGES = ['^1.0.0', '~1.1.0', '>=1.0.0', '2.0.0', '<2.0.0'];

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fairlead-fleet-catalog-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** A workspace in which this is signed, as far as reading it goes. */
async function sign(catalog: Catalog): Promise<void> {
  await rm(join(directory, 'repository'), { recursive: true, force: true });
  await mkdir(join(directory, 'repository/metadata'), { recursive: true });
  const releases = catalog.releases.map((one) => [releasePath(refOf(one.document)), one.bytes] as const);
  const rollouts = catalog.rollouts.map(
    (one) => [rolloutPath(one.track, one.release), canonicalize(one as never)] as const,
  );
  const advisories = catalog.advisories.map(
    (one) => [advisoryPath(one.id), canonicalize(one as never)] as const,
  );
  await list('releases', [...releases, ...rollouts]);
  await list('security', advisories);
}

async function list(role: string, documents: readonly (readonly [string, Uint8Array])[]): Promise<void> {
  const targets: Record<string, JsonObject> = {};
  for (const [path, bytes] of documents) {
    const digest = digestOf(bytes);
    const file = join(directory, 'repository/targets', targetName(path, digest));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
    targets[path] = { length: bytes.length, hashes: { sha256: hexOf(digest) } };
  }
  const signed = { _type: 'targets', version: 1, expires: '2030-01-01T00:00:00Z', targets };
  const bytes = metadataFileOf(signed, canonicalize(signed), []);
  await writeFile(join(directory, 'repository/metadata', `1.${role}.json`), bytes);
}

/** As a trial was given it before it knew what it needs. */
async function readAll(): Promise<Catalog> {
  const { releases, rollouts } = await readReleases(directory);
  const advisories = await readAdvisories(directory);
  const documentOf = <Document>({ document }: { readonly document: Document }) => document;
  return {
    ...{ releases, rollouts: rollouts.map(documentOf) },
    ...{ advisories: advisories.map(documentOf), halts: [] },
  };
}

const some = <T>(of: readonly T[], most: number) => fc.subarray([...of], { maxLength: most });
const ranges = (names: readonly string[], most: number) =>
  some(names, most).chain((chosen) =>
    fc
      .tuple(...chosen.map(() => fc.constantFrom(...RANGES)))
      .map((found) => Object.fromEntries(chosen.map((name, i) => [name, found[i] ?? '*']))),
  );

const spec = (name: string) =>
  fc.record({
    requires: fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      ranges(
        ['platform', ...SUITES, ...CAPABILITIES].filter((one) => one !== name),
        2,
      ),
    ),
    ...(name === 'platform' ? { ships: ranges(SUITES, 2) } : {}),
    ...(SUITES.includes(name) ? { ships: ranges(['p', 'q', 'r'], 2) } : {}),
    requiredStop: fc.nat(9).map((n) => n === 0),
    rollout: fc.constantFrom<NonNullable<Scenario['releases'][string]['rollout']>>(
      ...([true, true, true, false, 'paused', 'withdrawn'] as const),
      { after: 'PT0S', track: 'candidate' },
    ),
  });

const released = fc
  .subarray(['platform', ...SUITES, ...CAPABILITIES].flatMap((name) => VERSIONS.map((v) => `${name}@${v}`)))
  .chain((refs) =>
    fc
      .tuple(...refs.map((ref) => spec(ref.split('@')[0] ?? '')))
      .map((specs) => Object.fromEntries(refs.map((ref, i) => [ref, specs[i] ?? {}]))),
  );

const advisories = fc
  .array(
    fc.tuple(fc.constantFrom(...CAPABILITIES), fc.constantFrom(...RANGES), fc.constantFrom(...VERSIONS)),
    { maxLength: 2 },
  )
  .map((found) =>
    Object.fromEntries(
      found.map(([component, range, version], i) => [
        `FL-2026-000${i + 1}`,
        { affected: { [component]: range }, fixed: [`${component}@${version}`] },
      ]),
    ),
  );

const kinds: fc.Arbitrary<FleetKind> = fc
  .record({
    runs: some(CAPABILITIES, 4).chain((names) =>
      fc.tuple(...names.map((name) => fc.constantFrom(...VERSIONS, '0.1.0').map((v) => [name, v] as const))),
    ),
    pinned: fc.option(fc.constantFrom('platform', ...SUITES, ...CAPABILITIES)),
    range: fc.constantFrom(...RANGES),
    track: fc.constantFrom('stable', 'candidate'),
  })
  .map(({ runs, pinned, range, track }) => ({
    ...{ instance: '6f1c0d0e-0000-4000-8000-000000000001', installs: 1, track, facts: {} },
    pins: pinned === null ? [] : [{ pinned, version: range, by: 'alice' }],
    components: runs.map(([name, version]) => ({
      component: componentKey.parse(name),
      version: parseVersion(version),
    })),
  }));

const candidates = fc
  .constantFrom('platform', ...SUITES, ...CAPABILITIES)
  .chain((name) => spec(name).map((about) => buildRelease(parseRef(`${name}@2.1.0`), about)));

it('comes to the same as all that is signed', { timeout: 60_000 }, async () => {
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      ...[released, advisories, fc.array(kinds, { minLength: 1, maxLength: 4 })],
      fc.array(candidates, { minLength: 1, maxLength: 2 }),
      async (releases, advisory, installs, tried) => {
        const { catalog, now } = compileInputOf({ releases, advisories: advisory });
        await sign(catalog);

        const all = await readAll();
        const part = await readFleetCatalog(directory, tried, installs);

        const fits = (of: Catalog) => installs.map(createFit({ candidates: tried, catalog: of, now }));
        const found = fits(part);
        expect(found).toEqual(fits(all));
        for (const { kind } of found) outcomes.add(kind);
      },
    ),
    { numRuns: 60 },
  );
  // One that is always the same would prove nothing.
  expect(outcomes.size).toBeGreaterThan(2);
});

const kindOf = (track: string, ...runs: readonly string[]): FleetKind => ({
  ...{ instance: 'i', installs: 1, track, pins: [], facts: {} },
  components: runs.map((ref) => {
    const [component, version = ''] = ref.split('@');
    return { component: componentKey.parse(component), version: parseVersion(version) };
  }),
});

/** What random worlds come to too seldom: each is another without the part of the scope that it is named after. */
it.each<[string, Scenario['releases'], readonly FleetKind[], string, ReleaseSpec, readonly object[]]>([
  [
    'the platform, which nothing here names',
    {
      ...{ 'platform@1.0.0': { ships: { a: '1.0.0' } }, 'a/p@1.0.0': {} },
      ...{ 'a@1.0.0': { ships: { p: '~1.0.0' } }, 'a@2.0.0': { ships: { p: '^2.0.0' } } },
    },
    [kindOf('stable', 'a/p@1.0.0')],
    ...(['a/p@2.1.0', {}, [{ kind: 'stays', at: 'a/p 1.0.0' }]] as const),
  ],
  [
    'earlier releases of what nobody runs',
    { 'a/p@1.0.0': {}, 'a/q@1.0.0': {} },
    [kindOf('stable', 'a/p@1.0.0')],
    ...(['a/q@2.1.0', {}, [{ kind: 'apart' }]] as const),
  ],
  [
    'what the release ships',
    { 'a/p@1.0.0': {}, 'a/q@1.0.0': {}, 'a/q@2.0.0': { rollout: 'withdrawn' } },
    [kindOf('stable', 'a/p@1.0.0')],
    ...(['a@2.1.0', { ships: { q: '~2.0.0' } }, [{ kind: 'takes', bytes: 0, by: null }]] as const),
  ],
  [
    'every track that is followed',
    { 'a/p@1.0.0': {}, 'b/p@1.0.0': {}, 'b/p@1.1.0': { rollout: { after: 'PT0S', track: 'candidate' } } },
    [kindOf('stable', 'a/p@1.0.0', 'b/p@1.0.0'), kindOf('candidate', 'a/p@1.0.0', 'b/p@1.0.0')],
    ...([
      'a/p@2.1.0',
      {},
      [
        { kind: 'takes', bytes: 100 },
        { kind: 'takes', bytes: 200 },
      ],
    ] as const),
  ],
])('comes to the same by way of %s', async (_, releases, installs, ref, about, expected) => {
  const { catalog, now } = compileInputOf({ releases });
  const tried = [buildRelease(parseRef(ref), about)];
  await sign(catalog);

  const part = await readFleetCatalog(directory, tried, installs);

  const fits = (of: Catalog) => installs.map(createFit({ candidates: tried, catalog: of, now }));
  expect(fits(await readAll())).toMatchObject(expected);
  expect(fits(part)).toEqual(fits(await readAll()));
});

it('comes to the same where a pin is on a suite of which all that runs is unknown', async () => {
  const { catalog, now } = compileInputOf({ releases: { 'a/p@2.0.0': {} } });
  const pins = [{ pinned: 'a', version: '^1.0.0', by: 'alice' }];
  const kind = { ...kindOf('stable', 'a/q@1.0.0', 'b/p@1.0.0'), pins };
  const tried = [buildRelease(parseRef('b/p@2.1.0'))];
  await sign(catalog);

  const part = await readFleetCatalog(directory, tried, [kind]);

  const trial = (of: Catalog) => createFit({ candidates: tried, catalog: of, now })(kind);
  expect(trial(await readAll()).kind).toBe('pinned');
  expect(trial(part)).toEqual(trial(await readAll()));
});

it('reads no document of what nobody concerned runs, and every one of what they do', async () => {
  const { catalog } = compileInputOf({
    releases: {
      ...{ 'a/p@1.0.0': { requires: { 'b/q': '^1.0.0' } }, 'b/q@1.0.0': {}, 'c/r@1.0.0': {} },
      'a/q@1.0.0': {},
    },
  });
  const installs = [kindOf('stable', 'a/p@1.0.0'), kindOf('stable', 'c/r@1.0.0')];
  const tried = [buildRelease(parseRef('a/p@1.1.0'))];
  const damage = async (place: string) => {
    const folder = join(directory, 'repository/targets', place);
    for (const name of await readdir(folder)) await writeFile(join(folder, name), 'x');
  };
  await sign(catalog);
  await damage('capabilities/c/r');
  await damage('capabilities/a/q');
  await damage('rollouts/stable/capabilities/c/r');

  const { releases } = await readFleetCatalog(directory, tried, installs);

  expect(releases.map(({ document }) => releasePath(refOf(document)))).toEqual([
    'capabilities/a/p/1.0.0.json',
    'capabilities/b/q/1.0.0.json',
  ]);
  await damage('capabilities/b/q');
  expect((await rejectionOf(readFleetCatalog(directory, tried, installs))).code).toBe(
    'vendor/repository-invalid',
  );
});

it('reads no document where there is nobody to try anything on', async () => {
  const { catalog } = compileInputOf({
    releases: { 'a/p@1.0.0': {} },
    advisories: { 'FL-2026-0001': { affected: { 'a/p': '^1.0.0' } } },
  });
  await sign(catalog);
  await rm(join(directory, 'repository/targets'), { recursive: true });
  const tried = [buildRelease(parseRef('a/p@1.1.0'))];

  expect(await readFleetCatalog(directory, tried, [])).toEqual(EMPTY_CATALOG);
  expect(await readFleetCatalog(directory, tried, [kindOf('stable', 'b/p@1.0.0')])).toEqual(EMPTY_CATALOG);
});

it('knows of some components what it knows of all, and what is on no track any more', async () => {
  const { catalog } = compileInputOf({
    releases: {
      ...{ 'a/p@1.0.0': { rollout: 'withdrawn' }, 'a/p@1.1.0': {}, 'a/p@1.2.0': {}, 'a@1.0.0': {} },
      ...{ 'b/q@1.0.0': { requiredStop: true, rollout: false }, 'platform@1.0.0': { requiredStop: true } },
    },
  });
  // Of two tracks the one is withdrawn, be it the first or the last that is listed.
  const rollouts = catalog.rollouts.flatMap((one) => {
    const isFirst = one.release.version === '1.1.0';
    if (!isFirst && one.release.version !== '1.2.0') return [one];
    return [
      { ...one, withdrawn: !isFirst },
      { ...one, track: 'candidate', withdrawn: isFirst },
    ];
  });
  await sign({ ...catalog, rollouts });
  const known = (component: string, version: string, more: object) => ({
    ...{ component, version, requiredStop: false, withdrawn: false },
    ...more,
  });

  const all = await listKnownReleases(directory);

  expect(all).toEqual([
    known('a/p', '1.0.0', { withdrawn: true }),
    known('a/p', '1.1.0', {}),
    known('a/p', '1.2.0', {}),
    known('b/q', '1.0.0', { requiredStop: true }),
    known('platform', '1.0.0', { requiredStop: true }),
    known('a', '1.0.0', {}),
  ]);
  for (const names of [['a/p'], ['a', 'platform'], ['b/q', 'c'], []]) {
    const about = new Set(names);
    const expected = all.filter(({ component }) => about.has(component));
    expect(await listKnownReleases(directory, about)).toEqual(expected);
  }
});
