// The store: what it has is whole, what failed left nothing, what is damaged is found, what goes is gone.
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join as joinPath } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DiskSpace } from '../../../../agent/adapters/tree-store/disk-space.ts';
import { createTreeStore } from '../../../../agent/adapters/tree-store/tree-store.ts';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { maxPackBytes } from '../../../../shared/tree/pack-format.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { draftPack, entryOf, join, type PackDraft, SAMPLE_ENTRIES, sectionsOf } from './pack-builder.ts';
import { createPackServer, unreachable } from './pack-server.ts';

const sample = draftPack();
const { ref } = sample;
const tree = ref.digest;
/** The same contents, one file under another name: another tree. */
const other = draftPack(SAMPLE_ENTRIES.with(-1, entryOf('tfxt', 'one text, two files\n')));

function createWorld(diskSpace?: (path: string) => Promise<DiskSpace>) {
  const stateDir = temporaryDirectory();
  const server = createPackServer();
  for (const draft of [sample, other]) server.serve(draft.ref.digest, join(sectionsOf(draft)));
  const options = { stateDir, fetchPack: server.fetchPack };
  const open = () => createTreeStore(diskSpace === undefined ? options : { ...options, diskSpace });
  return {
    server,
    store: open(),
    /** As after a restart of the agent. */
    reopen: open,
    trees: joinPath(stateDir, 'store/trees'),
    temporary: joinPath(stateDir, 'store/tmp'),
  };
}

const brokenBy = (draft: PackDraft) => join(sectionsOf(draft)).subarray(0, -1);

describe('add', () => {
  it('makes the tree there, read-only, in directories a service can enter', async () => {
    const { store, trees, temporary } = createWorld();

    await store.add(ref);

    expect(await store.has(tree)).toBe(true);
    const files = store.directoryOf(tree);
    expect(files).toBe(joinPath(trees, hexOf(tree), 'files'));
    const modes = ['', 'bin', 'logs', 'bin/run', 'text'].map(
      (path) => statSync(joinPath(files, path)).mode & 0o7777,
    );
    expect(modes).toEqual([0o755, 0o755, 0o755, 0o555, 0o444]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('gives the same modes under the strictest umask', async () => {
    const previous = process.umask(0o077);
    onTestFinished(() => void process.umask(previous));
    const { store, trees, temporary } = createWorld();

    await store.add(ref);

    const files = store.directoryOf(tree);
    const paths = [
      trees,
      temporary,
      joinPath(trees, hexOf(tree)),
      files,
      joinPath(files, 'bin'),
      joinPath(files, 'bin/run'),
    ];
    expect(paths.map((path) => statSync(path).mode & 0o7777)).toEqual([
      0o711, 0o700, 0o755, 0o755, 0o755, 0o555,
    ]);
  });

  it('downloads no more than the signed size allows, and nothing that is there', async () => {
    const { store, server } = createWorld();

    await store.add(ref);
    await store.add(ref);

    expect(server.downloads).toEqual([{ treeHex: hexOf(tree), maxBytes: maxPackBytes(ref) }]);
  });

  it('downloads once for two who ask at the same time, and both wait for the end', async () => {
    const { store, server } = createWorld();

    await Promise.all([store.add(ref), store.add(ref)]);

    expect(server.downloads).toHaveLength(1);
    expect(await store.has(tree)).toBe(true);
  });

  it('tells how many bytes have come', async () => {
    const { store } = createWorld();
    const heard: number[] = [];

    await store.add(ref, (bytes) => heard.push(bytes));

    expect(heard).toEqual([join(sectionsOf(sample)).length]);
  });

  it('shares no file between trees, so that one cannot be damaged through another', async () => {
    const { store } = createWorld();

    await store.add(ref);
    await store.add(other.ref);

    expect(statSync(joinPath(store.directoryOf(tree), 'cut')).nlink).toBe(1);
    expect(statSync(joinPath(store.directoryOf(other.ref.digest), 'cut')).nlink).toBe(1);
  });

  it('keeps an interrupted download for the next attempt', async () => {
    const { store, server, temporary } = createWorld();
    server.failNext(unreachable());

    const error = await rejectionOf(store.add(ref));

    expect(error.code).toBe('transport/unreachable');
    expect(readdirSync(temporary)).toEqual([`${hexOf(tree)}.pack`]);
    expect(await store.has(tree)).toBe(false);
    await store.add(ref);
    expect(await store.has(tree)).toBe(true);
  });

  it.each<[string, unknown, string]>([
    [
      'was larger than signed',
      new FairleadError('transport/too-large', { url: 'http://x', limit: 1 }),
      'transport/too-large',
    ],
    ['filled the disk', Object.assign(new Error('no space'), { code: 'ENOSPC' }), 'disk/full'],
  ])('keeps nothing of a download that %s', async (_, failure, code) => {
    const { store, server, temporary } = createWorld();
    server.failNext(failure);

    const error = await rejectionOf(store.add(ref));

    expect(error.code).toBe(code);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('keeps nothing of a pack it refuses, so that the next attempt starts afresh', async () => {
    const { store, server, trees, temporary } = createWorld();
    server.serve(tree, brokenBy(sample));

    const error = await rejectionOf(store.add(ref));

    expect(error.code).toBe('tree/pack-damaged');
    expect([...readdirSync(trees), ...readdirSync(temporary)]).toEqual([]);
    server.serve(tree, join(sectionsOf(sample)));
    await store.add(ref);
    expect(await store.has(tree)).toBe(true);
  });

  it('builds afresh over what a killed agent left half built', async () => {
    const { store, temporary } = createWorld();
    await store.collect(new Set());
    const halfBuilt = joinPath(temporary, `${hexOf(tree)}.tree`);
    mkdirSync(joinPath(halfBuilt, 'files/bin'), { recursive: true });
    writeFileSync(joinPath(halfBuilt, 'files/bin/run'), 'half');
    writeFileSync(joinPath(halfBuilt, 'files/planted'), 'x');

    await store.add(ref);

    expect(await store.verify(tree)).toEqual([]);
  });
});

describe('add on a disk that is too small', () => {
  const roomy: DiskSpace = { blockBytes: 4096, freeBytes: 2 ** 40, freeInodes: 2 ** 20 };
  const reserve = 16 * 2 ** 20;

  it.each<[string, DiskSpace, string]>([
    ['bytes', { ...roomy, freeBytes: reserve + ref.bytes - 1 }, 'disk/full'],
    ['inodes', { ...roomy, freeInodes: ref.files }, 'disk/no-inodes'],
  ])('says so before it downloads anything: %s', async (_, space, code) => {
    const { store, server } = createWorld(async () => space);

    const error = await rejectionOf(store.add(ref));

    expect(error.code).toBe(code);
    expect(server.downloads).toEqual([]);
  });

  it('counts whole blocks and every directory before it unpacks anything', async () => {
    const { store, trees, temporary } = createWorld(async () => ({
      ...roomy,
      freeBytes: reserve + ref.bytes,
    }));

    const error = await rejectionOf(store.add(ref));

    expect(error.code).toBe('disk/full');
    expect([...readdirSync(trees), ...readdirSync(temporary)]).toEqual([]);
  });

  it('asks for no inodes where the file system makes them as needed', async () => {
    const { store } = createWorld(async () => ({ ...roomy, freeInodes: Number.POSITIVE_INFINITY }));

    await store.add(ref);

    expect(await store.has(tree)).toBe(true);
  });
});

describe('verify', () => {
  it.each<[string, string, string, (path: string) => void]>([
    ['changed bytes', 'text', 'changed', (path) => rewrite(path, 'ONE text, two files\n')],
    ['a file that grew', 'text', 'changed', (path) => appendFileSync(unlocked(path), 'x')],
    ['a file made writable', 'text', 'changed', (path) => chmodSync(path, 0o644)],
    ['a file made setuid', 'bin/run', 'changed', (path) => chmodSync(path, 0o4555)],
    ['a file that is gone', 'cut', 'missing', unlinkSync],
    [
      'a file replaced by a link',
      'text',
      'changed',
      (path) => {
        unlinkSync(path);
        symlinkSync('copy', path);
      },
    ],
    [
      'a link that leads elsewhere',
      'run',
      'changed',
      (path) => {
        unlinkSync(path);
        symlinkSync('/bin/sh', path);
      },
    ],
    ['an empty directory that is gone', 'logs', 'missing', (path) => rmSync(path, { recursive: true })],
    ['a new file', 'logs/new.log', 'unexpected', (path) => writeFileSync(path, 'x')],
    ['a new directory', 'logs/new', 'unexpected', (path) => mkdirSync(path)],
  ])('finds %s', async (_, path, problem, change) => {
    const { store } = createWorld();
    await store.add(ref);
    change(joinPath(store.directoryOf(tree), path));

    expect(await store.verify(tree)).toEqual([{ path, problem }]);
  });

  it('is not taken in by a directory replaced with a link to its copy', async () => {
    const { store } = createWorld();
    await store.add(ref);
    const files = store.directoryOf(tree);
    renameSync(joinPath(files, 'bin'), joinPath(files, '../elsewhere'));
    symlinkSync('../elsewhere', joinPath(files, 'bin'));

    expect(await store.verify(tree)).toEqual([
      { path: 'bin', problem: 'changed' },
      { path: 'bin/run', problem: 'missing' },
    ]);
  });

  it.each<[string, string, (path: string) => void]>([
    ['changed', 'changed', (path) => rewrite(path, '{}')],
    ['gone', 'missing', unlinkSync],
  ])('trusts nothing when the index itself is %s', async (_, problem, change) => {
    const { store, trees } = createWorld();
    await store.add(ref);
    change(joinPath(trees, hexOf(tree), 'index.json'));

    expect(await store.verify(tree)).toEqual([{ path: 'index.json', problem }]);
  });

  it('lists every file when all are gone', async () => {
    const { store } = createWorld();
    await store.add(ref);
    rmSync(store.directoryOf(tree), { recursive: true });

    const deviations = await store.verify(tree);

    expect(deviations.map(({ problem }) => problem)).toEqual(
      Array(SAMPLE_ENTRIES.length + 1).fill('missing'),
    );
  });
});

describe('collect', () => {
  it('removes what is not kept, and keeps the rest intact', async () => {
    const { store } = createWorld();
    await store.add(ref);
    await store.add(other.ref);

    await store.collect(new Set([tree]));

    expect(await store.has(tree)).toBe(true);
    expect(await store.verify(tree)).toEqual([]);
    expect(await store.has(other.ref.digest)).toBe(false);
  });

  it('removes what killed agents left, but for downloads that may still be resumed', async () => {
    const { store, trees, temporary } = createWorld();
    await store.collect(new Set());
    const [hex, otherHex] = [hexOf(tree), hexOf(other.ref.digest)];
    for (const name of [`${hex}.tree`, `${hex}.0123.old`])
      mkdirSync(joinPath(temporary, name, 'files'), { recursive: true });
    for (const name of [`${hex}.pack`, `${otherHex}.pack`, 'stray'])
      writeFileSync(joinPath(temporary, name), 'x');
    writeFileSync(joinPath(trees, 'not-a-tree'), 'x');

    await store.collect(new Set([tree]));

    expect(readdirSync(temporary)).toEqual([`${hex}.pack`]);
    expect(readdirSync(trees)).toEqual([]);
  });

  it('leaves a tree alone that is being added', async () => {
    const { store } = createWorld();

    await Promise.all([store.add(ref), store.collect(new Set())]);

    expect(await store.verify(tree)).toEqual([]);
  });

  it('can be run on a store that does not exist yet', async () => {
    const { store, trees } = createWorld();

    await store.collect(new Set());

    expect(existsSync(trees)).toBe(true);
  });

  it('lets a removed tree come back after a restart', async () => {
    const { store, reopen } = createWorld();
    await store.add(ref);
    await store.collect(new Set());

    const reopened = reopen();
    await reopened.add(ref);

    expect(await reopened.verify(tree)).toEqual([]);
  });
});

describe('has', () => {
  it('is not taken in by a file in the place of a tree', async () => {
    const { store, trees } = createWorld();
    await store.collect(new Set());
    writeFileSync(joinPath(trees, hexOf(tree)), 'x');

    expect(await store.has(tree)).toBe(false);
  });
});

/** Writes through a read-only mode and puts it back, as a person with root would. */
function rewrite(path: string, text: string): void {
  writeFileSync(unlocked(path), text);
  chmodSync(path, 0o444);
}

function unlocked(path: string): string {
  chmodSync(path, 0o644);
  return path;
}
