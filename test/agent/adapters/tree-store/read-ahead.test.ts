// Trees that are read ahead: what is not read again, and that nothing which happens to a file in between is missed.
import { spawnSync } from 'node:child_process';
import fs, {
  appendFileSync,
  chmodSync,
  cpSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createReadAhead } from '../../../../agent/adapters/tree-store/read-ahead.ts';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { settle } from '../../../support/fake-clock.ts';
import { join as joined, sectionsOf } from './pack-builder.ts';
import { createPackServer } from './pack-server.ts';
import { ref, sample, signed, tree } from './world.ts';

/** A tree that runs as who may write to it: nothing is known of it from its making. */
async function handedTree({ isSettled = true } = {}) {
  const stateDir = temporaryDirectory();
  const server = createPackServer();
  server.serve(ref.digest, joined(sectionsOf(sample)));
  const now = () => Date.now() + (isSettled ? 60_000 : -60_000);
  const store = createTreeStore({ stateDir, fetchPack: server.fetchPack, now });
  await store.add(ref);
  await store.hand(tree, [null]);
  const reads = vi.spyOn(fs, 'read');
  syncBuiltinESMExports();
  onTestFinished(() => {
    reads.mockRestore();
    syncBuiltinESMExports();
  });
  return { store, reads, files: store.directoryOf(tree) };
}

/** It has been read to its end; how often what is asked then reads is counted. */
async function readAhead(isSettled = true) {
  const made = await handedTree({ isSettled });
  const ahead = await made.store.readAhead([signed]);
  await vi.waitFor(() => expect(made.reads.mock.calls.length).toBeGreaterThan(0));
  // Behind it in the same queue of threads, and in turns of the loop.
  await made.store.verify(signed);
  made.reads.mockClear();
  return { ...made, ahead };
}

describe('a tree that was read ahead', () => {
  it('is not read again, though what runs from it could have written to it', async () => {
    const { ahead, reads } = await readAhead();

    expect(await ahead.damages(signed)).toEqual([]);
    expect(reads).not.toHaveBeenCalled();
  });

  it('is read when it is asked about again: it ran since', async () => {
    const { ahead, reads } = await readAhead();
    await ahead.damages(signed);

    expect(await ahead.damages(signed)).toEqual([]);
    expect(reads).toHaveBeenCalled();
  });

  it('is read again where it was made within a tick of the clock', async () => {
    const { ahead, reads } = await readAhead(false);

    expect(await ahead.damages(signed)).toEqual([]);
    expect(reads).toHaveBeenCalled();
  });

  it('is known to nobody else: who asks for what is unknown has it read', async () => {
    const { store, reads } = await readAhead();

    expect(await store.verify(signed, 'unknown')).toEqual([]);
    expect(reads).toHaveBeenCalled();
  });

  it.each<[string, 'changed' | 'missing', (path: string) => void]>([
    ['was added to', 'changed', (path) => appendFileSync(path, 'more')],
    ['may be written to', 'changed', (path) => chmodSync(path, 0o644)],
    ['is gone', 'missing', (path) => unlinkSync(path)],
    ['is a directory', 'changed', (path) => (rmSync(path), fs.mkdirSync(path))],
    ['is a pipe', 'changed', (path) => (rmSync(path), void spawnSync('mkfifo', [path]))],
    [
      'is a link to what it was',
      'changed',
      (path) => (renameSync(path, `${path}.real`), symlinkSync(`${path}.real`, path)),
    ],
  ])('is damaged where a file %s by then', async (_, problem, act) => {
    const { ahead, files } = await readAhead();

    act(join(files, 'text'));

    expect(await ahead.damages(signed)).toEqual([{ path: 'text', problem }]);
  });

  it('is damaged where a directory is a link to a copy of it by then', async () => {
    const { ahead, files } = await readAhead();
    const aside = join(temporaryDirectory(), 'aside');
    cpSync(join(files, 'bin'), aside, { recursive: true });
    rmSync(join(files, 'bin'), { recursive: true });
    symlinkSync(aside, join(files, 'bin'));

    expect(await ahead.damages(signed)).toContainEqual({ path: 'bin', problem: 'changed' });
  });

  it('is missing whole where its directory is', async () => {
    const { ahead, files } = await readAhead();
    rmSync(files, { recursive: true });

    const damages = await ahead.damages(signed);

    expect(damages.length).toBeGreaterThan(1);
    expect(new Set(damages.map(({ problem }) => problem))).toEqual(new Set(['missing']));
  });

  it('is not damaged by what was added', async () => {
    const { ahead, files } = await readAhead();
    writeFileSync(join(files, 'cache'), 'of its own');

    expect(await ahead.damages(signed)).toEqual([]);
  });
});

it('a tree that is asked about while it is read is waited for, and then looked at', async () => {
  const { promise: isRead, resolve } = Promise.withResolvers<void>();
  let looks = 0;
  const ahead = createReadAhead([signed], {
    now: Date.now,
    async damages() {
      if (++looks === 1) await isRead;
      return [];
    },
  });

  const asked = ahead.damages(signed);
  await settle();
  expect(looks).toBe(1);
  resolve();

  expect([await asked, looks]).toEqual([[], 2]);
});

it('a tree that was not named is read when it is asked about', async () => {
  const { store, reads } = await handedTree();

  const ahead = await store.readAhead([]);

  expect(await ahead.damages(signed)).toEqual([]);
  expect(reads).toHaveBeenCalled();
});

it('damage that was there before is told, whoever reads ahead of it', async () => {
  const { store, files } = await handedTree();
  rmSync(join(files, 'text'));

  const ahead = await store.readAhead([signed]);

  expect(await ahead.damages(signed)).toEqual([{ path: 'text', problem: 'missing' }]);
});
