// What a plan gives up so that its readers take it: dictionaries that serve little, then the shortest stretches.
import { describe, expect, it } from 'vitest';
import { planBytes, withinBounds } from '../../../../server/vendor/workspace/patch-budget.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import {
  dictionaryBytes,
  MAX_DICTIONARY_BYTES,
  MAX_PATCH_WINDOW_LOG,
  type PatchUnit,
  parsePatchPlan,
  type Stretch,
} from '../../../../shared/tree/patch-format.ts';
import type { FileScript, FileScripts } from '../../../../shared/tree/patch-script.ts';

const MIB = 2 ** 20;
const ANY = digestOf(new Uint8Array());

/** Error: that of a reader. */
function read(units: readonly PatchUnit[], scripts = NO_SCRIPTS): readonly PatchUnit[] {
  const plan = planBytes(units);
  const part = { packed: 1, raw: 1 };
  const header = {
    ...{ from: ANY, to: ANY, window: MAX_PATCH_WINDOW_LOG, dictionary: MAX_DICTIONARY_BYTES },
    ...{ index: part, scripts: part, plan: { packed: plan.length, raw: plan.length } },
  };
  return parsePatchPlan(plan, header, scripts);
}

const NO_SCRIPTS: FileScripts = new Map();
/** All of the file is copied from an old one. */
const copying = (length: number): FileScript => ({
  ...{ from: 0, oldSize: length, addresses: { old: [], next: [], regions: [] } },
  ...{ at: Uint32Array.of(0), source: Uint32Array.of(0), copied: Uint32Array.of(length) },
});

const unit = (file: number, raw: number, ...bases: Stretch[]): PatchUnit => ({
  ...{ bases, files: [file], offset: 0, raw },
});

describe('a plan', () => {
  it('that readers take is left as it is', () => {
    const units = [unit(0, 100, [0, 0, 9 * MIB]), unit(1, 8 * MIB, [1, 0, 9 * MIB], [2, 5, 7])];

    expect(read(withinBounds(units, NO_SCRIPTS))).toEqual(units);
  });

  it('gives up dictionaries that are out of proportion, those that serve the least first', () => {
    const large = unit(0, 8 * MIB, [0, 0, 9 * MIB]);
    const small = Array.from({ length: 24 }, (_, i) => unit(i + 1, 40_000 + i, [i + 1, 0, 9 * MIB]));
    const units = [...small.slice(0, 12), large, ...small.slice(12)];
    expect(() => read(units)).toThrow();

    const kept = withinBounds(units, NO_SCRIPTS);

    expect(read(kept)).toEqual(kept);
    expect(kept.map(({ bases, ...rest }) => rest)).toEqual(units.map(({ bases, ...rest }) => rest));
    expect(kept).toContain(large);
    // What is left would not have room for one more.
    expect(kept.reduce((sum, one) => sum + dictionaryBytes(one, NO_SCRIPTS), 0)).toBeGreaterThan(115 * MIB);
    expect(kept.at(-1)).toEqual(units.at(-1));
    expect(kept[0]?.bases).toEqual([]);
  });

  it('counts what scripts copy among its dictionaries, and gives up none of that', () => {
    const scripts: FileScripts = new Map([[0, copying(8 * MIB)]]);
    const units = [
      unit(0, 8 * MIB),
      ...Array.from({ length: 14 }, (_, i) => unit(i + 1, 40_000 + i, [i + 1, 0, 9 * MIB])),
    ];
    expect(read(units)).toEqual(units);
    expect(() => read(units, scripts)).toThrow();

    const kept = withinBounds(units, scripts);

    expect(read(kept, scripts)).toEqual(kept);
    expect(kept).toEqual(units.map((one, i) => (i === 1 ? { ...one, bases: [] } : one)));
  });

  it('that is too long gives up the shortest stretches', () => {
    const units = Array.from({ length: 400 }, (_, i) =>
      unit(i, 8 * MIB, ...Array.from({ length: 400 }, (_, j): Stretch => [j, i, 1_000 + j])),
    );
    expect(() => read(units)).toThrow();

    const kept = withinBounds(units, NO_SCRIPTS);

    expect(read(kept)).toEqual(kept);
    expect(planBytes(kept).length).toBeGreaterThan(1.6 * MIB);
    const longest = kept.map(({ bases }) => bases.at(-1));
    expect(longest).toEqual(units.map(({ bases }) => bases.at(-1)));
  });
});
