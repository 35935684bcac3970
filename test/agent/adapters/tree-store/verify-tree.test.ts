// Looking at a tree: whoever waits for the agent meanwhile gets a turn.
import { linkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compareTree } from '../../../../agent/adapters/tree-store/verify-tree.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import type { TreeFile } from '../../../../shared/tree/tree-index.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

it('gives others a turn between files of which nothing is waited for', async () => {
  const directory = temporaryDirectory();
  const digest = digestOf(new Uint8Array());
  const entries = Array.from(
    { length: 20_000 },
    (_, i): TreeFile => ({ kind: 'file', path: `${100_000 + i}`, mode: 0o644, size: 0, digest }),
  );
  const [first = '', ...others] = entries.map(({ path }) => join(directory, path));
  writeFileSync(first, '', { mode: 0o444 });
  for (const path of others) linkSync(first, path);
  let turns = 0;
  const turn = () => {
    turns++;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  const at: number[] = [];
  const known = { now: Date.now, has: () => false, note: () => void at.push(turns) };

  const deviations = await compareTree({ entries } as never, directory, { known, damageOnly: true });
  clearImmediate(next);

  expect([deviations, at.length]).toEqual([[], entries.length]);
  expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeGreaterThan(0);
});
