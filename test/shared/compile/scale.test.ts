// Compile at scale: a large catalog costs a small multiple of reading its versions.
import semver from 'semver';
import { describe, expect, it } from 'vitest';
import { compile } from '../../../shared/compile/compile.ts';
import type { CompileInput } from '../../../shared/compile/target.ts';
import { digestFromHex } from '../../../shared/encoding/digest.ts';
import type { CapabilityRelease, Release, Verified } from '../../../shared/schema/release.ts';
import type { Rollout } from '../../../shared/schema/rollout.ts';
import { buildRelease, compileInputOf } from '../../support/scenario.ts';

const CAPABILITIES = 500;
const VERSIONS = 200;

describe('compile at scale', () => {
  it('resolves 500 capabilities of 200 versions in a small multiple of a bare pass over them', () => {
    const input = catalogOf((capability, version) =>
      capability === 0
        ? {}
        : {
            [`core/c${capability - 1}`]: `>=1.${Math.max(0, version - 20)}.0`,
            [`core/c${Math.floor(capability / 2)}`]: '^1.0.0',
          },
    );
    const bare = measure(() => barePass(input));

    const { ms, result } = measure(() => compile(input));

    expect(result.kind === 'compiled' && result.target.manifest.components.length).toBe(CAPABILITIES);
    report('free', ms, bare.ms);
    expect(ms / bare.ms).toBeLessThan(25);
  });

  it('resolves a chain of requirements that a pin at its far end pulls down', () => {
    const input = catalogOf((capability, version) =>
      capability === CAPABILITIES - 1 ? {} : { [`core/c${capability + 1}`]: `>=1.${version}.0` },
    );
    const bare = measure(() => barePass(input));
    const last = `core/c${CAPABILITIES - 1}`;
    const pins = compileInputOf({ releases: {}, pins: { [last]: '1.150.0' } }).pins;

    const { ms, result } = measure(() => compile({ ...input, pins }));

    const versions =
      result.kind === 'compiled' ? result.target.manifest.components.map((c) => c.version) : [];
    expect(versions.every((version) => version === '1.150.0')).toBe(true);
    report('chain', ms, bare.ms);
    expect(ms / bare.ms).toBeLessThan(40);
  });
});

function catalogOf(requires: (capability: number, version: number) => Record<string, string>): CompileInput {
  const model = buildRelease({ kind: 'capability', suite: 'core', name: 'model', version: '1.0.0' as never });
  const releases: Verified<Release>[] = [];
  const rollouts: Rollout[] = [];
  for (let capability = 0; capability < CAPABILITIES; capability++) {
    for (let version = 0; version < VERSIONS; version++) {
      const name = `c${capability}`;
      const digest = digestFromHex((capability * VERSIONS + version).toString(16).padStart(64, '0'));
      const document = {
        ...(model.document as CapabilityRelease),
        name,
        version: `1.${version}.0`,
        requires: requires(capability, version),
      } as Release;
      releases.push({ document, bytes: model.bytes, digest });
      rollouts.push({
        schema: 'fairlead/rollout@1',
        release: { kind: 'capability', suite: 'core', name, version: `1.${version}.0` },
        digest,
        track: 'stable',
        seed: 'seed',
        start: '2026-03-01T00:00:00Z',
        waves: [{ percent: 100, after: 'PT0S' }],
        paused: false,
        withdrawn: false,
      } as Rollout);
    }
  }
  const empty = compileInputOf({ releases: {} });
  return { ...empty, catalog: { ...empty.catalog, releases, rollouts } };
}

/** Parses every version and sorts each capability's: what any resolver must do at least. */
function barePass({ catalog }: CompileInput): number {
  const groups = Map.groupBy(catalog.releases, ({ document }) => (document as CapabilityRelease).name);
  let newest = 0;
  for (const group of groups.values()) {
    const sorted = group.map(({ document }) => new semver.SemVer(document.version)).sort(semver.compare);
    newest += sorted.at(-1)?.minor ?? 0;
  }
  return newest;
}

function measure<Result>(work: () => Result): { ms: number; result: Result } {
  const start = performance.now();
  const result = work();
  return { ms: performance.now() - start, result };
}

function report(name: string, ms: number, bareMs: number): void {
  console.info(
    `${name}: ${ms.toFixed(0)} ms, bare pass ${bareMs.toFixed(0)} ms, ratio ${(ms / bareMs).toFixed(1)}`,
  );
}
