// A service that exchanges a directory of its own with a link, again and again, while the agent works in its tree with the rights of root.
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readDiskSpace } from '../../../../agent/adapters/tree-store/disk-space.ts';
import { storeLayout } from '../../../../agent/adapters/tree-store/layout.ts';
import { handTree } from '../../../../agent/adapters/tree-store/sharing.ts';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import { digestOf, hexOf } from '../../../../shared/encoding/digest.ts';
import { parseTreeIndex } from '../../../../shared/tree/parse-index.ts';
import { treeIndexBytes, treeRefOf } from '../../../../shared/tree/tree-index.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const NAMES = Array.from({ length: 50 }, (_, i) => `x${String(i).padStart(3, '0')}`);
const SECRET = 'for root alone';
const ROUNDS = 4;

/** A tree with a directory that was given to a service, in which a link to a directory of root's waits. */
function world() {
  const stateDir = temporaryDirectory();
  const index = parseTreeIndex(
    treeIndexBytes({
      entries: NAMES.map((name) => ({
        ...({ kind: 'file', path: `cache/sub/${name}`, mode: 0o644, size: SECRET.length } as const),
        digest: digestOf(Buffer.alloc(SECRET.length, 'v')),
      })),
    } as never),
  );
  const bytes = treeIndexBytes(index);
  const layout = storeLayout(stateDir);
  mkdirSync(layout.store, { recursive: true });
  mkdirSync(layout.temporary, { mode: 0o700 });
  const place = join(layout.trees, hexOf(digestOf(bytes)));
  const cache = join(place, 'files/cache');
  mkdirSync(join(cache, 'sub'), { recursive: true });
  writeFileSync(join(place, 'index.json'), bytes);
  const [outside, others] = [join(stateDir, 'outside'), join(stateDir, 'others')];
  for (const path of [outside, others]) mkdirSync(path);
  for (const name of NAMES) {
    writeFileSync(join(others, name), Buffer.alloc(SECRET.length, 'v'), { mode: 0o444 });
    writeFileSync(join(outside, name), SECRET, { mode: 0o600 });
  }
  // Whatever its name is.
  const held = openSync(join(cache, 'sub'), 'r');
  onTestFinished(() => closeSync(held));
  const sub = `/proc/self/fd/${held}`;
  symlinkSync(outside, join(cache, 'evil'));
  const isUntouched = () =>
    NAMES.every((name) => {
      const { mode } = statSync(join(outside, name));
      return (mode & 0o777) === 0o600 && readFileSync(join(outside, name), 'utf8') === SECRET;
    }) && (statSync(outside).mode & 0o777) === 0o755;
  const isTold = () =>
    NAMES.some((name) => {
      const path = join(sub, name);
      return existsSync(path) && readFileSync(path, 'utf8') === SECRET;
    });
  return { stateDir, layout, ref: treeRefOf(index), place, cache, sub, others, isUntouched, isTold };
}

/** Between any two steps of what the agent does, as a process of the service would. */
async function whileSwapping(cache: string, act: () => Promise<void>): Promise<void> {
  const swaps = [
    ['sub', 'real'],
    ['evil', 'sub'],
    ['sub', 'evil'],
    ['real', 'sub'],
  ] as const;
  let isOver = false;
  const swapping = (async () => {
    for (let i = 0; !isOver || i % 2 === 1; i++) {
      for (const [from, to] of i % 2 === 0 ? swaps.slice(0, 2) : swaps.slice(2)) {
        try {
          renameSync(join(cache, from), join(cache, to));
        } catch {
          // The agent took it away.
        }
      }
      await setImmediate();
    }
  })();
  await act().finally(() => {
    isOver = true;
  });
  await swapping;
}

describe('a directory that a service exchanges with a link', () => {
  it('leads nobody out of the tree whose files are taken apart', async () => {
    const { layout, ref, place, cache, sub, others, isUntouched, isTold } = world();
    const hand = () => handTree({ layout, diskSpace: readDiskSpace }, ref.digest, [null]);
    const share = () => {
      writeFileSync(join(place, 'shareable'), '');
      for (const name of NAMES) {
        rmSync(join(sub, name), { force: true });
        linkSync(join(others, name), join(sub, name));
      }
    };

    await whileSwapping(cache, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        share();
        await hand();
        expect([round, isUntouched(), isTold()]).toEqual([round, true, false]);
      }
    });
    share();
    await hand();
    expect(NAMES.map((name) => statSync(join(sub, name)).nlink)).toEqual(NAMES.map(() => 1));
  });

  it('leads no mending out of it, under a release that gives the service nothing', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { stateDir, ref, place, cache, sub, others, isUntouched, isTold } = world();
      const store = createTreeStore({ stateDir, fetchPack: () => Promise.reject(new Error('not asked')) });
      // From here it may be mended.
      const whole = `${place}.0`;
      mkdirSync(join(whole, 'files/cache'), { recursive: true });
      writeFileSync(join(whole, 'index.json'), readFileSync(join(place, 'index.json')));
      renameSync(others, join(whole, 'files/cache/sub'));
      for (const name of NAMES) writeFileSync(join(sub, name), 'damage');

      await whileSwapping(cache, async () => {
        const how = { added: round % 2 === 0 ? 'keep' : 'remove', from: 'local' } as const;
        await store.repair({ tree: ref, writable: [] }, how).catch(() => undefined);
      });

      expect([round, isUntouched(), isTold()]).toEqual([round, true, false]);
    }
  });
});
