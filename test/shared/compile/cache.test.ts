// The cache: the same answer as compiling anew at every moment, and no work while nothing changes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileAnew, createCompileCache } from '../../../shared/compile/cache.ts';
import type { CompileInput } from '../../../shared/compile/target.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { compileInputOf, NOW } from '../../support/scenario.ts';
import { troubledWorld } from '../../support/worlds.ts';

const start = instantMs(NOW);
const HOUR_MS = 3_600_000;

function counted() {
  let runs = 0;
  const compile = createCompileCache((input) => {
    runs += 1;
    return compileAnew(input);
  });
  return { compile, runs: () => runs };
}

const input = (changes: Partial<CompileInput> = {}): CompileInput => ({
  ...compileInputOf({
    releases: {
      'core/auth@1.0.0': {},
      'core/auth@1.1.0': { rollout: { after: 'P9D' } },
    },
    runs: ['core/auth@1.0.0'],
    pins: { 'core/api': { version: '1.x', expires: '2026-03-02T13:00:00Z' } },
  }),
  ...changes,
});

describe('the cache', () => {
  it('compiles once while nothing changes, however often it is asked', () => {
    const { compile, runs } = counted();
    const asked = input();

    for (let minute = 0; minute < 50; minute++) compile({ ...asked, now: start + minute * 60_000 });

    expect(runs()).toBe(1);
  });

  it('compiles again when a pin expires, and when a wave comes', () => {
    const { compile, runs } = counted();
    const asked = input();
    const versionAt = (now: number) => {
      const { desired } = compile({ ...asked, now });
      return desired.kind === 'compiled' ? desired.target.manifest.components[0]?.version : null;
    };

    const versions = [start, start + HOUR_MS, start + 240 * HOUR_MS].map(versionAt);

    expect(versions).toEqual(['1.0.0', '1.0.0', '1.1.0']);
    expect(runs()).toBe(3);
  });

  it.each([
    ['the catalog', (one: CompileInput) => ({ ...one, catalog: { ...one.catalog, rollouts: [] } })],
    ['a pin', (one: CompileInput) => ({ ...one, pins: [] })],
    ['what runs', (one: CompileInput) => ({ ...one, current: null })],
    ['the quarantine', (one: CompileInput) => ({ ...one, quarantined: new Set(['x']) })],
    ['the configuration', (one: CompileInput) => ({ ...one, config: { ...one.config, suites: {} } })],
  ])('compiles again when %s changes', (_what, change) => {
    const { compile, runs } = counted();
    compile(input());

    compile(change(input()));

    expect(runs()).toBe(2);
  });

  it('answers as if there were none, in any world at any moment', () => {
    fc.assert(
      fc.property(
        troubledWorld,
        fc.array(fc.integer({ min: -72, max: 72 }), { maxLength: 6 }),
        (world, hours) => {
          const cached = createCompileCache();
          const asked = compileInputOf(world);
          for (const hour of hours) {
            const moment = { ...asked, now: start + hour * HOUR_MS };
            expect(cached(moment)).toEqual(compileAnew(moment));
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
