// Adding to the store: whole, once, within bounds, and when it fails, nothing left.
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DiskSpace } from '../../../../agent/adapters/tree-store/disk-space.ts';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { maxPackBytes } from '../../../../shared/tree/pack-format.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { join, type PackDraft, sectionsOf } from './pack-builder.ts';
import { unreachable } from './pack-server.ts';
import { createWorld, other, ref, sample, signed, tree } from './world.ts';

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

  it('waits no longer for a server that drips once it is told to, and goes on from there later', async () => {
    const { store, server } = createWorld();
    const patience = new AbortController();
    server.dripNext();

    const waiting = rejectionOf(store.add(ref, patience.signal));
    patience.abort();

    expect((await waiting).code).toBe('transport/unreachable');
    expect(await store.has(tree)).toBe(false);
    await store.add(ref);
    expect(await store.has(tree)).toBe(true);
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

    expect(await store.verify(signed)).toEqual([]);
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
