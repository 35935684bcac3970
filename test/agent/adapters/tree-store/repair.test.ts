// Repair: whatever was done to a stored tree, it becomes what was signed, from what lies here or else from the vendor.
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeDirectory } from '../../../support/directories.ts';
import { unreachable } from './pack-server.ts';
import { createWorld, other, ref, tree } from './world.ts';

/** Replaces a read-only file as a hand with rights would. */
function overwrite(path: string, text: string): void {
  rmSync(path, { force: true, recursive: true });
  writeFileSync(path, text);
}

async function storedWorld() {
  const world = createWorld();
  await world.store.add(ref);
  const files = world.store.directoryOf(tree);
  return { ...world, files, before: describeDirectory(join(files, '..')) };
}

const DAMAGE: readonly (readonly [string, (files: string) => void])[] = [
  ['a changed file', (files) => overwrite(join(files, 'text'), 'changed by hand')],
  ['a missing file', (files) => rmSync(join(files, 'cut'))],
  ['a changed mode', (files) => chmodSync(join(files, 'bin/run'), 0o4777)],
  ['a file too many', (files) => writeFileSync(join(files, 'logs/plugin.js'), 'evil()')],
  [
    'a directory too many',
    (files) => {
      mkdirSync(join(files, 'extra/deep'), { recursive: true });
      writeFileSync(join(files, 'extra/deep/file'), 'x');
    },
  ],
  [
    'a directory in a file’s place',
    (files) => {
      rmSync(join(files, 'text'));
      mkdirSync(join(files, 'text'));
      writeFileSync(join(files, 'text/inside'), 'x');
    },
  ],
  [
    'a directory replaced by a link',
    (files) => {
      rmSync(join(files, 'bin'), { recursive: true });
      symlinkSync('/tmp', join(files, 'bin'));
    },
  ],
  [
    'a link that leads elsewhere',
    (files) => {
      rmSync(join(files, 'run'));
      symlinkSync('/etc/passwd', join(files, 'run'));
    },
  ],
  ['a missing directory', (files) => rmSync(join(files, 'logs'), { recursive: true })],
  ['a changed index', (files) => overwrite(join(files, '../index.json'), '{}')],
  ['a missing index', (files) => rmSync(join(files, '../index.json'))],
  ['every file gone', (files) => rmSync(files, { recursive: true })],
  ['the whole tree gone', (files) => rmSync(join(files, '..'), { recursive: true })],
];

describe('a repaired tree', () => {
  it.each(DAMAGE)('is what was signed again after %s', async (_, harm) => {
    const { store, files, before, temporary } = await storedWorld();
    harm(files);
    expect(await store.verify(tree)).not.toEqual([]);

    await store.repair(ref);

    expect(await store.verify(tree)).toEqual([]);
    expect(describeDirectory(join(files, '..'))).toEqual(before);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('can be entered by every account, whatever the mask of the agent', async () => {
    const { store, files, before } = await storedWorld();
    const own = process.umask(0o077);
    onTestFinished(() => void process.umask(own));
    rmSync(files, { recursive: true });

    await store.repair(ref);

    expect(statSync(files).mode & 0o777).toBe(0o755);
    expect(describeDirectory(join(files, '..'))).toEqual(before);
  });

  it('needs no network when another tree holds the same content', async () => {
    const { store, files, server } = await storedWorld();
    await store.add(other.ref);
    const downloads = server.downloads.length;
    overwrite(join(files, 'cut'), 'changed by hand');

    await store.repair(ref);

    expect(await store.verify(tree)).toEqual([]);
    expect(server.downloads).toHaveLength(downloads);
  });

  it('takes nothing from another tree that was changed as well', async () => {
    const { store, files } = await storedWorld();
    await store.add(other.ref);
    overwrite(join(files, 'cut'), 'changed by hand');
    overwrite(join(store.directoryOf(other.ref.digest), 'cut'), 'changed by hand');

    await store.repair(ref);

    expect(await store.verify(tree)).toEqual([]);
  });

  it('keeps what could be mended when the vendor cannot be reached', async () => {
    const { store, files, server } = await storedWorld();
    overwrite(join(files, 'cut'), 'changed by hand');
    writeFileSync(join(files, 'plugin.js'), 'evil()');
    server.failNext(unreachable());

    await expect(store.repair(ref)).rejects.toMatchObject({ code: 'transport/unreachable' });

    expect(existsSync(join(files, 'plugin.js'))).toBe(false);
    expect(await store.verify(tree)).toEqual([{ path: 'cut', problem: 'changed' }]);
    await store.repair(ref);
    expect(await store.verify(tree)).toEqual([]);
  });

  it('replaces a file in one step: who reads the damaged one goes on reading it', async () => {
    const { store, files } = await storedWorld();
    overwrite(join(files, 'text'), 'changed by hand');
    const open = openSync(join(files, 'text'), 'r');

    await store.repair(ref);

    expect(readFileSync(open, 'utf8')).toBe('changed by hand');
    closeSync(open);
    expect(readFileSync(join(files, 'text'), 'utf8')).toBe('one text, two files\n');
  });
});
