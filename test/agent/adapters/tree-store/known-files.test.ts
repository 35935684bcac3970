// What is not read twice in one deployment, and that nothing which happens to a file in between is missed.
import { spawnSync } from 'node:child_process';
import fs, {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createKnownFiles, isSettled } from '../../../../agent/adapters/tree-store/known-files.ts';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import type { TreeFile } from '../../../../shared/tree/tree-index.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { thaw } from '../../../support/held-files.ts';
import { join as joined, sectionsOf } from './pack-builder.ts';
import { createPackServer } from './pack-server.ts';
import { ref, sample, signed, tree, WHOLE } from './world.ts';

const LATER_MS = 60_000;
/** As if all that happens to files had settled long ago. */
const settled = () => Date.now() + LATER_MS;

afterEach(() => void vi.useRealTimers());

async function storeAt(now: () => number) {
  const stateDir = temporaryDirectory();
  const server = createPackServer();
  server.serve(ref.digest, joined(sectionsOf(sample)));
  const store = createTreeStore({ stateDir, fetchPack: server.fetchPack, now });
  await store.add(ref);
  const reads = countReads();
  /** How many files were read for it. */
  const looking = async (which: 'every' | 'unknown') => {
    reads.mockClear();
    const deviations = await store.verify(signed, which);
    return { deviations, isReading: reads.mock.calls.length > 0 };
  };
  return { store, looking, files: store.directoryOf(tree) };
}

/** Every reading of a file goes through this. */
function countReads() {
  const reads = vi.spyOn(fs, 'read');
  syncBuiltinESMExports();
  onTestFinished(() => {
    reads.mockRestore();
    syncBuiltinESMExports();
  });
  return reads;
}

/** The same size at the same time: all that a program can put back. */
function rewriteUnseen(path: string): void {
  const { mode, mtime, atime } = statSync(path);
  chmodSync(path, 0o600);
  const handle = openSync(path, 'r+');
  writeSync(handle, '#', 0);
  closeSync(handle);
  chmodSync(path, mode & 0o7777);
  utimesSync(path, atime, mtime);
}

function replaceUnseen(path: string): void {
  const { mode, mtime, atime, size } = statSync(path);
  writeFileSync(`${path}.new`, Buffer.alloc(size, '#'));
  chmodSync(`${path}.new`, mode & 0o7777);
  utimesSync(`${path}.new`, atime, mtime);
  renameSync(`${path}.new`, path);
}

describe('a tree that was built a moment ago', () => {
  it('is not read again in its deployment, and is where every file is asked for', async () => {
    const { looking } = await storeAt(settled);

    expect(await looking('unknown')).toEqual({ deviations: [], isReading: false });
    expect(await looking('every')).toEqual({ deviations: [], isReading: true });
  });

  it('is read each time once it was handed to who may write: pages that are mapped are written to without a trace', async () => {
    const { store, looking } = await storeAt(settled);
    await store.hand(tree, ['no-such-account']);

    for (let i = 0; i < 2; i++) expect(await looking('unknown')).toEqual({ deviations: [], isReading: true });
  });

  it('is read each time where it kept the mark of one that was not, because its place is immutable and its index was damaged', async () => {
    const { store, looking, files } = await storeAt(settled);
    const place = dirname(files);
    const index = join(place, 'index.json');
    const bytes = readFileSync(index);
    chmodSync(index, 0o644);
    writeFileSync(index, '{}');
    onTestFinished(() => thaw(place));
    if (spawnSync('chattr', ['+i', place]).status !== 0) return;
    await store.hand(tree, [null]);
    writeFileSync(index, bytes);
    expect(existsSync(join(place, 'shareable'))).toBe(true);

    for (let i = 0; i < 2; i++) expect(await looking('unknown')).toEqual({ deviations: [], isReading: true });
  });

  it('is read where it was built within a tick of the clock: what changed since may have left no trace', async () => {
    const { looking } = await storeAt(() => Date.now() - LATER_MS);

    expect(await looking('unknown')).toEqual({ deviations: [], isReading: true });
    expect(await looking('unknown')).toEqual({ deviations: [], isReading: true });
  });

  it('is read once where nobody remembers', async () => {
    const { store, looking } = await storeAt(settled);
    await store.collect(new Set([tree]));

    expect(await looking('unknown')).toEqual({ deviations: [], isReading: true });
    expect(await looking('unknown')).toEqual({ deviations: [], isReading: false });
  });

  it('has its index taken apart once, and each time where every file is asked for', async () => {
    const { store, looking } = await storeAt(settled);
    const parse = vi.spyOn(JSON, 'parse');
    onTestFinished(() => parse.mockRestore());
    const parsing = async (which: 'every' | 'unknown') => {
      parse.mockClear();
      await looking(which);
      return parse.mock.calls.length > 0;
    };

    expect([await parsing('unknown'), await parsing('every'), await parsing('unknown')]).toEqual([
      ...[false, true, false],
    ]);
    await store.collect(new Set([tree]));
    expect([await parsing('unknown'), await parsing('unknown')]).toEqual([true, false]);
  });

  it('is read again a quarter of an hour later', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { looking } = await storeAt(settled);

    vi.advanceTimersByTime(15 * 60_000 - 1);
    expect((await looking('unknown')).isReading).toBe(false);
    vi.advanceTimersByTime(1);
    expect((await looking('unknown')).isReading).toBe(true);
  });

  it.each<[string, 'changed' | 'missing', (path: string) => void]>([
    ['was added to', 'changed', (path) => appendFileSync(path, 'more')],
    ['was written to, its size and time put back', 'changed', rewriteUnseen],
    ['was replaced by one of the same size and time', 'changed', replaceUnseen],
    ['may be written to', 'changed', (path) => chmodSync(path, 0o644)],
    ['is gone', 'missing', (path) => unlinkSync(path)],
  ])('is damaged where a file %s', async (_, problem, act) => {
    const { store, looking, files } = await storeAt(settled);

    act(join(files, 'text'));

    expect((await looking('unknown')).deviations).toEqual([{ path: 'text', problem }]);
    await store.repair(signed, WHOLE);
    expect(await looking('unknown')).toMatchObject({ deviations: [] });
  });

  it('is read where a file only has another name now: that moved its time', async () => {
    const { looking, files } = await storeAt(settled);

    linkSync(join(files, 'text'), join(files, '..', 'another'));

    expect(await looking('unknown')).toEqual({ deviations: [], isReading: true });
  });
});

describe('a file that is known', () => {
  const fileOf = (path: string): TreeFile => {
    const bytes = readFileSync(path);
    return { kind: 'file', path: 'file', mode: 0o644, size: bytes.length, digest: digestOf(bytes) };
  };
  function fileIn(directory: string, name = 'file') {
    const path = join(directory, name);
    writeFileSync(path, `what is in ${name}`);
    chmodSync(path, 0o444);
    return { path, file: fileOf(path), found: lstatSync(path, { bigint: true }) };
  }

  it('is known with what was in it, not as another, nor with another mode', () => {
    const { path, file, found } = fileIn(temporaryDirectory());
    const known = createKnownFiles(settled);

    known.note(found, file, settled());

    expect(known.has(path, file)).toBe(true);
    expect(known.has(path, { ...file, digest: digestOf(Buffer.from('another')) })).toBe(false);
    expect(known.has(path, { ...file, mode: 0o755 })).toBe(false);
    expect(known.has(`${path}.gone`, file)).toBe(false);
  });

  it.each<[string, string, number, boolean]>([
    ['41 ms ago', '1000123000000', 1_000_164, true],
    ['40 ms ago', '1000123000000', 1_000_163, false],
    ['in the time to come, of a clock that was set back', '1000123000000', 999_000, false],
    ['2,001 ms ago, in whole seconds', '1000000000000', 1_002_001, true],
    ['2,000 ms ago, in whole seconds', '1000000000000', 1_002_000, false],
  ])('has settled by what happened to it %s', (_, timeNs, at, expected) => {
    expect(isSettled(BigInt(timeNs), at)).toBe(expected);
  });

  it('is none that a tree shares and that was written to while that was built', async () => {
    const directory = temporaryDirectory();
    const { path, file } = fileIn(directory);
    linkSync(path, join(directory, 'another'));
    const known = createKnownFiles(settled);
    const index = { entries: [file] } as never;

    await known.noteBuilt(directory, index, Date.now() - LATER_MS);
    expect(known.has(path, file)).toBe(false);
    await known.noteBuilt(directory, index, settled());
    expect(known.has(path, file)).toBe(true);
  });

  it('is one of so many at most', () => {
    const { path, file, found } = fileIn(temporaryDirectory());
    const known = createKnownFiles(settled);

    for (let i = 1n; i <= 65_536n; i++) known.note({ ...found, ino: -i } as never, file, settled());
    known.note(found, file, settled());

    expect(known.has(path, file)).toBe(false);
    known.forget();
    known.note(found, file, settled());
    expect(known.has(path, file)).toBe(true);
    rmSync(path);
  });
});
