// What the scripts of a patch may ask of their reader: a few hundred bytes keep it neither for minutes nor with all of its memory.
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { MAX_PLACES } from '../../../shared/tree/moved-addresses.ts';
import { parsePatchPlan } from '../../../shared/tree/patch-format.ts';
import { MAX_STEPS, parseScripts, STEPS_OF_SCRIPT } from '../../../shared/tree/patch-script.ts';
import { putNumber } from '../../../shared/tree/script-numbers.ts';
import type { TreeIndex } from '../../../shared/tree/tree-index.ts';
import { createTreeIndex } from '../../../shared/tree/tree-rules.ts';

const TO = digestOf(Buffer.from('a tree'));
const DAMAGED = { code: 'tree/pack-damaged' };
const SIZE = 8 * 2 ** 20;
const STEP = SIZE / MAX_STEPS;

function treeOf(files: number, size: number): TreeIndex {
  const pathOf = (i: number) => String(i).padStart(6, '0');
  return createTreeIndex(
    Array.from({ length: files }, (_, i) => ({
      kind: 'file',
      path: pathOf(i),
      mode: 0o644,
      size,
      digest: TO,
    })),
  );
}

function parsed(numbers: readonly number[], next: TreeIndex) {
  const bytes: number[] = [];
  for (const number of numbers) putNumber(bytes, number);
  return parseScripts(Buffer.from(bytes), treeOf(1, 16), next, TO);
}

describe('scripts of a patch', () => {
  it('are walked once: units name each part of a file once, in order', () => {
    const steps = Array.from({ length: MAX_STEPS - STEPS_OF_SCRIPT - 1 }, () => [0, 0, STEP]).flat();
    const unit = (offset: number, raw: number) => ({ bases: [], files: [0], offset, raw });
    const plan = (...units: readonly object[]) => Buffer.from(JSON.stringify({ units }));
    const header = { to: TO, window: 23, dictionary: 1_000 } as never;
    const scripts = parsed([1, 0, 0, ...steps, 0, 0, (STEPS_OF_SCRIPT + 1) * STEP, 0, 0], treeOf(1, SIZE));

    for (const units of [[unit(0, SIZE), unit(0, SIZE)], [unit(0, 100), unit(200, 100)], [unit(100, 100)]]) {
      expect(() => parsePatchPlan(plan(...units), header, scripts)).toThrow(expect.objectContaining(DAMAGED));
    }
    expect(parsePatchPlan(plan(unit(0, 100), unit(100, SIZE - 100)), header, scripts)).toHaveLength(2);
  });

  it('have sixteen steps for each of their files, also for one without bytes', () => {
    const scripts = (files: number) => [
      files,
      ...Array.from({ length: files }, (_, i) => [i, 0, 0, 0]).flat(),
    ];

    const most = MAX_STEPS / STEPS_OF_SCRIPT;
    expect(parsed(scripts(most), treeOf(most, 0)).size).toBe(most);
    expect(() => parsed(scripts(most + 1), treeOf(most + 1, 0))).toThrow(expect.objectContaining(DAMAGED));
  });

  it('have so many segments, regions and rules in all', () => {
    const rules = Array.from({ length: 64 }, (_, i) => [i, 2]).flat();
    const regions = (count: number) => Array.from({ length: count }, () => [0, 1, 64, 64, ...rules]).flat();
    const perFile = 64 * 65;
    const scripts = (files: number) => [
      files,
      ...Array.from({ length: files }, (_, i) => [i, 0, 0, 1, 0, 0, 64, ...regions(64)]).flat(),
    ];
    const most = Math.floor(MAX_PLACES / perFile);

    expect(parsed(scripts(most), treeOf(most, 1)).size).toBe(most);
    expect(() => parsed(scripts(most + 1), treeOf(most + 1, 1))).toThrow(expect.objectContaining(DAMAGED));
  });
});
