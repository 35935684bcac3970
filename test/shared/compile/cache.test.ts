// The cache: the same answer as compiling anew at every moment, and no work while nothing changes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileAnew, createCompileCache } from '../../../shared/compile/compile.ts';
import type { CompileInput } from '../../../shared/compile/target.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { finished } from '../../support/finished.ts';
import { compileInputOf, NOW } from '../../support/scenario.ts';
import { troubledWorld } from '../../support/worlds.ts';

const start = instantMs(NOW);
const HOUR_MS = 3_600_000;

function counted() {
  let runs = 0;
  const compile = finished(
    createCompileCache((input) => {
      runs += 1;
      return compileAnew(input);
    }),
  );
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

const exposed = compileInputOf({
  releases: { 'core/auth@1.0.0': {}, 'core/auth@1.0.1': {} },
  runs: ['core/auth@1.0.0'],
  advisories: { 'FL-1': { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'] } },
  halts: { 'core/auth@1.0.1': '2026-03-03T00:00:00Z' },
});
const [HALTED] = exposed.catalog.halts as [CompileInput['catalog']['halts'][number]];

describe('the cache', () => {
  it('compiles once while nothing changes, however often it is asked', () => {
    const { compile, runs } = counted();
    const asked = input();

    for (let minute = 0; minute < 50; minute++) compile({ ...asked, now: start + minute * 60_000 });

    expect(runs()).toBe(1);
  });

  it('compiles again when the trial of a fix on another track is over, whenever its waves would have come here', () => {
    const { compile, runs } = counted();
    const track = { track: 'candidate', after: 'P9D' };
    const asked = compileInputOf({
      releases: { 'core/auth@1.0.0': {}, 'core/auth@1.0.1': { rollout: track } },
      runs: ['core/auth@1.0.0'],
      advisories: {
        'FL-1': { severity: 'high', affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'] },
      },
      policy: { security: { from: 'high' } },
    });
    const rollouts = asked.catalog.rollouts.map((one) => ({
      ...one,
      waves: [{ percent: 99.9, after: 'PT0S' }, ...one.waves],
    }));
    const catalog = { ...asked.catalog, rollouts: rollouts as never };

    const before = compile({ ...asked, catalog });
    const after = compile({ ...asked, catalog, now: start + 9 * 24 * HOUR_MS });

    expect(before.fixes.target).toBeNull();
    expect(after.fixes.target).not.toBeNull();
    expect(runs()).toBe(2);
  });

  it('compiles again when the policy lets other fixes in', () => {
    const { compile, runs } = counted();
    const asked = input();

    for (const fixesFrom of ['critical', 'high', 'medium', 'high'] as const) compile({ ...asked, fixesFrom });

    expect(runs()).toBe(3);
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
    ['the instance', (one: CompileInput) => ({ ...one, instance: 'another' })],
    [
      'the configuration in force',
      (one: CompileInput) => ({
        ...one,
        current: { ...one.current!, config: { ...one.config, suites: {} } },
      }),
    ],
    ['what was released', (one: CompileInput) => ({ ...one, catalog: { ...one.catalog, releases: [] } })],
    [
      'an advisory',
      (one: CompileInput) => ({
        ...one,
        catalog: { ...one.catalog, advisories: exposed.catalog.advisories },
      }),
    ],
    [
      'a halt',
      (one: CompileInput) => ({ ...one, catalog: { ...one.catalog, halts: exposed.catalog.halts } }),
    ],
    [
      'since when it is halted',
      (one: CompileInput) => ({
        ...one,
        catalog: { ...one.catalog, haltedSince: new Map([[HALTED.digest, start]]) },
      }),
    ],
    [
      'since when an order is',
      (one: CompileInput) => ({
        ...one,
        catalog: { ...one.catalog, ordersHaltedSince: new Map([['FL-1', start]]) },
      }),
    ],
  ])('compiles again when %s changes', (_what, change) => {
    const { compile, runs } = counted();
    compile(input());

    compile(change(input()));

    expect(runs()).toBe(2);
  });

  it('compiles once whatever the order in which failed releases are remembered', () => {
    const { compile, runs } = counted();
    compile(input({ quarantined: new Set(['a', 'b']) }));
    compile(input({ quarantined: new Set(['b', 'a']) }));

    expect(runs()).toBe(1);
  });

  it('keeps the last four answers, the one last asked for longest', () => {
    const { compile, runs } = counted();
    const ask = (instance: string) => compile(input({ instance }));
    const anew = (...asked: readonly string[]) =>
      asked.map((instance) => {
        const before = runs();
        ask(instance);
        return runs() - before;
      });

    expect(anew('a', 'b', 'c', 'd', 'a', 'b', 'c', 'd')).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    expect(anew('a', 'e', 'a', 'c', 'd', 'b')).toEqual([0, 1, 0, 0, 0, 1]);
  });

  it.each([
    ['a halt that ends', {}, 12],
    [
      'a halt that has stopped the patch for as long as it may',
      { haltedSince: new Map([[HALTED.digest, start - 70 * HOUR_MS]]) },
      2,
    ],
    [
      'an order that has waited for halts long enough',
      { ordersHaltedSince: new Map([['FL-1', start - 71 * HOUR_MS]]) },
      1,
    ],
  ])('sees %s in its very moment', (_what, more, hours) => {
    const compile = finished(createCompileCache());
    const asked = { ...exposed, catalog: { ...exposed.catalog, ...more } };
    const at = (now: number) => compile({ ...asked, now }).emergency.target !== null;

    expect([at(start + hours * HOUR_MS - 1), at(start + hours * HOUR_MS)]).toEqual([false, true]);
  });

  it('answers as if there were none, in any world at any moment', () => {
    fc.assert(
      fc.property(
        troubledWorld,
        fc.array(fc.integer({ min: -72, max: 72 }), { maxLength: 6 }),
        (world, hours) => {
          const cached = finished(createCompileCache());
          const asked = compileInputOf(world);
          for (const hour of hours) {
            const moment = { ...asked, now: start + hour * HOUR_MS };
            expect(cached(moment)).toEqual(finished(compileAnew)(moment));
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
