// Layers laid over one another: what is removed, replaced and linked counts as engines have it, and no name leads anywhere.
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readInside } from '../../../../server/vendor/workspace/image-files.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { tarOf } from '../../../support/image-archive.ts';

type Layer = Readonly<Record<string, string | ((path: string, root: string) => void)>>;

const directory = (path: string) => void mkdirSync(path, { recursive: true });
const linkTo = (target: string) => (path: string) => symlinkSync(target, path);
const hardLinkTo = (target: string) => (path: string, root: string) => linkSync(join(root, target), path);

/** Made by tar itself. */
function layerOf(entries: Layer): string {
  const place = temporaryDirectory();
  const root = join(place, 'root');
  mkdirSync(root);
  for (const [name, content] of Object.entries(entries)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    if (typeof content === 'string') writeFileSync(path, content);
    else content(path, root);
  }
  const file = join(place, 'layer.tar');
  execFileSync('tar', ['--create', '--sort=name', `--file=${file}`, `--directory=${root}`, '.']);
  return file;
}

function rawLayer(files: Parameters<typeof tarOf>[0]): string {
  const file = join(temporaryDirectory(), 'layer.tar');
  writeFileSync(file, tarOf(files));
  return file;
}

const wanted = (path: string) => (/(?:^|\/)[abc]$/.test(path) ? 10 : null);

async function inside(...layers: readonly string[]) {
  const files = await readInside(layers, wanted);
  return Object.fromEntries(
    [...files].map(([path, bytes]) => [path, bytes && Buffer.from(bytes).toString()]),
  );
}

describe('a file inside of an image', () => {
  it('is that of the highest layer which has it', async () => {
    const layers = [layerOf({ 'd/a': 'one', 'd/b': 'two', other: 'x' }), layerOf({ 'd/a': 'three' })];

    expect(await inside(...layers)).toEqual({ 'd/a': 'three', 'd/b': 'two' });
  });

  it.each<[string, Layer, string[]]>([
    ['itself', { 'd/.wh.a': '' }, ['d/b', 'd/e/c']],
    ['with its directory', { '.wh.d': '' }, []],
    ['with all that was in its directory', { 'd/.wh..wh..opq': '' }, []],
    ['with all that was anywhere', { '.wh..wh..opq': '' }, []],
    ['with the directory that a file stands for now', { d: 'x' }, []],
    ['with the directory that a link stands for now', { d: linkTo('/etc') }, []],
    ['not with a directory of the same name', { d: directory }, ['d/a', 'd/b', 'd/e/c']],
    ['not with another whose name begins alike', { '.wh.dd': '', 'd/.wh.aa': '' }, ['d/a', 'd/b', 'd/e/c']],
  ])('is gone %s', async (_, upper, left) => {
    const lower = layerOf({ 'd/a': '1', 'd/b': '2', 'd/e/c': '3' });

    expect(Object.keys(await inside(lower, layerOf(upper))).toSorted()).toEqual(left);
  });

  it('is there where its own layer empties the directory that it is in', async () => {
    const upper = layerOf({ 'd/.wh..wh..opq': '', 'd/.wh.a': '', 'd/a': 'new' });

    expect(await inside(layerOf({ 'd/a': 'old', 'd/b': 'old' }), upper)).toEqual({ 'd/a': 'new' });
  });

  it('that is another name of one has what that has; a link to somewhere has nothing', async () => {
    const layer = layerOf({ 'd/a': 'text', 'e/b': hardLinkTo('d/a'), 'e/c': linkTo('../d/a') });

    expect(await inside(layer)).toEqual({ 'd/a': 'text', 'e/b': 'text', 'e/c': null });
  });

  it('is not taken where it is larger than it may be', async () => {
    expect(await inside(layerOf({ a: 'x'.repeat(11) }))).toEqual({ a: null });
  });

  it('has the name that it would have below the root, and none that leads out of it', async () => {
    const bytes = Buffer.from('x');
    const names = ['/abs/a', './b', '../a', 'd/../../a', 'd/./../c', '..', '/', '.wh...', 'd/.wh...'];

    expect(await inside(rawLayer(names.map((name) => [name, bytes])))).toEqual({
      ...{ 'abs/a': 'x', b: 'x', c: 'x' },
    });
  });

  it.each<[string, () => string, RegExp]>([
    ['that is none', () => rawLayerOf(Buffer.from('x'.repeat(2000))), /no tar archive/],
    ['that is cut', () => rawLayerOf(tarOf([['a', Buffer.from('abc')]]).subarray(0, 514)), /cut/],
    [
      'with more than is looked at',
      () => rawLayer(Array.from({ length: 50_001 }, (_, i) => [`${i}/a`, Buffer.alloc(0)])),
      /more is installed/,
    ],
  ])('of a layer %s is not known', async (_, layer, problem) => {
    await expect(inside(layer())).rejects.toThrow(problem);
  });
});

function rawLayerOf(bytes: Buffer): string {
  const file = join(temporaryDirectory(), 'layer.tar');
  writeFileSync(file, bytes);
  return file;
}
