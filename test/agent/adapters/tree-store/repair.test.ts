// Repair: whatever was done to a stored tree, it becomes what was signed, from what lies here or else from the vendor.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { describeDirectory, temporaryDirectory } from '../../../support/directories.ts';
import { unreachable } from './pack-server.ts';
import { createWorld, other, ref, signed, tree, WHOLE } from './world.ts';

/** Replaces a read-only file as a hand with rights would. */
function overwrite(path: string, text: string): void {
  rmSync(path, { force: true, recursive: true });
  writeFileSync(path, text);
}

/** Whether this account may make files that not even it can move. */
function canFreeze(): boolean {
  const file = join(temporaryDirectory(), 'file');
  writeFileSync(file, '');
  return ['+i', '-i'].every((flag) => spawnSync('chattr', [flag, file]).status === 0);
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
  [
    'a pipe in a file’s place',
    (files) => {
      rmSync(join(files, 'text'));
      execFileSync('mkfifo', [join(files, 'text')]);
    },
  ],
  [
    'a pipe in an empty file’s place',
    (files) => {
      rmSync(join(files, 'empty'));
      execFileSync('mkfifo', ['-m', '444', join(files, 'empty')]);
    },
  ],
  ['a file nobody may read', (files) => chmodSync(join(files, 'text'), 0)],
  ['a directory nobody may enter', (files) => chmodSync(join(files, 'bin'), 0)],
  [
    'a link in the place of all files',
    (files) => {
      rmSync(files, { recursive: true });
      symlinkSync('/tmp', files);
    },
  ],
  [
    'a file in the place of all files',
    (files) => {
      rmSync(files, { recursive: true });
      writeFileSync(files, 'x');
    },
  ],
  [
    'a pipe in the index’s place',
    (files) => {
      rmSync(join(files, '../index.json'));
      execFileSync('mkfifo', [join(files, '../index.json')]);
    },
  ],
  [
    'a directory in the index’s place',
    (files) => {
      rmSync(join(files, '../index.json'));
      mkdirSync(join(files, '../index.json/deep'), { recursive: true });
    },
  ],
  ['a missing directory', (files) => rmSync(join(files, 'logs'), { recursive: true })],
  ['a changed index', (files) => overwrite(join(files, '../index.json'), '{}')],
  ['a missing index', (files) => rmSync(join(files, '../index.json'))],
  ['every file gone', (files) => rmSync(files, { recursive: true })],
];

describe('a repaired tree', () => {
  it.each(DAMAGE)('is what was signed again after %s', async (_, harm) => {
    const { store, files, before, temporary } = await storedWorld();
    harm(files);
    expect(await store.verify(signed)).not.toEqual([]);

    await store.repair(signed, WHOLE);

    expect(await store.verify(signed)).toEqual([]);
    expect(describeDirectory(join(files, '..'))).toEqual(before);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it.each(DAMAGE)('stays where it is, and keeps what a service added, after %s', async (_, harm) => {
    const { store, files, server } = await storedWorld();
    const { ino } = statSync(join(files, '..'));
    writeFileSync(join(files, 'added'), 'x');
    harm(files);
    const isAdded = existsSync(join(files, 'added'));
    const downloads = server.downloads.length;

    await store.repair(signed, { added: 'keep', from: 'anywhere' });

    const found = await store.verify(signed);
    expect(found.filter(({ problem }) => problem !== 'unexpected')).toEqual([]);
    expect(existsSync(join(files, 'added'))).toBe(isAdded);
    expect(statSync(join(files, '..')).ino).toBe(ino);
    expect(server.downloads.length - downloads).toBeLessThanOrEqual(1);
  });

  it('is what was signed after it was gone as a whole, and shares nothing: what ran from it nobody knows', async () => {
    const { store, files, before, temporary } = await storedWorld();
    rmSync(join(files, '..'), { recursive: true });
    expect(await store.verify(signed)).not.toEqual([]);

    await store.repair(signed, WHOLE);

    expect(await store.verify(signed)).toEqual([]);
    expect({ ...describeDirectory(join(files, '..')), shareable: before.shareable }).toEqual(before);
    expect([existsSync(join(files, '../shareable')), readdirSync(temporary)]).toEqual([false, []]);
  });

  it('can be entered by every account, whatever the mask of the agent', async () => {
    const { store, files, before } = await storedWorld();
    const own = process.umask(0o077);
    onTestFinished(() => void process.umask(own));
    rmSync(files, { recursive: true });

    await store.repair(signed, WHOLE);

    expect(statSync(files).mode & 0o777).toBe(0o755);
    expect(describeDirectory(join(files, '..'))).toEqual(before);
  });

  it('is none where the disk does not take it', async () => {
    const { store, files } = await storedWorld();
    overwrite(join(files, 'text'), 'changed by hand');
    const [tools, path] = [temporaryDirectory(), process.env.PATH];
    writeFileSync(join(tools, 'sync'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    process.env.PATH = `${tools}:${path}`;
    onTestFinished(() => {
      process.env.PATH = path;
    });

    await expect(store.repair(signed, WHOLE)).rejects.toMatchObject({ code: 'disk/failed' });
  });

  it('is synced path by path where no program does it', async () => {
    const { store, files } = await storedWorld();
    const path = process.env.PATH;
    process.env.PATH = temporaryDirectory();
    const handle = await open(files);
    const synced = new Set<string>();
    const syncs = vi.spyOn(Object.getPrototypeOf(handle), 'sync');
    syncs.mockImplementation(async function sync(this: { readonly fd: number }) {
      synced.add(relative(join(files, '..'), readlinkSync(`/proc/self/fd/${this.fd}`)));
    });
    onTestFinished(() => {
      process.env.PATH = path;
      syncs.mockRestore();
    });
    await handle.close();
    overwrite(join(files, 'text'), 'changed by hand');
    rmSync(join(files, 'bin'), { recursive: true });
    rmSync(join(files, '../index.json'));

    await store.repair(signed, WHOLE);

    const mended = ['', 'files', 'files/text', 'files/bin', 'files/bin/run'];
    expect(mended.filter((one) => !synced.has(one))).toEqual([]);
  });

  it('needs no network when another tree holds the same content', async () => {
    const { store, files, server } = await storedWorld();
    await store.add(other.ref);
    const downloads = server.downloads.length;
    overwrite(join(files, 'cut'), 'changed by hand');

    await store.repair(signed, WHOLE);

    expect(await store.verify(signed)).toEqual([]);
    expect(server.downloads).toHaveLength(downloads);
  });

  it('takes nothing from another tree that was changed as well', async () => {
    const { store, files } = await storedWorld();
    await store.add(other.ref);
    overwrite(join(files, 'cut'), 'changed by hand');
    overwrite(join(store.directoryOf(other.ref.digest), 'cut'), 'changed by hand');

    await store.repair(signed, WHOLE);

    expect(await store.verify(signed)).toEqual([]);
  });

  it('keeps what could be mended when the vendor cannot be reached', async () => {
    const { store, files, server } = await storedWorld();
    overwrite(join(files, 'cut'), 'changed by hand');
    writeFileSync(join(files, 'plugin.js'), 'evil()');
    server.failNext(unreachable());

    await expect(store.repair(signed, WHOLE)).rejects.toMatchObject({ code: 'transport/unreachable' });

    expect(existsSync(join(files, 'plugin.js'))).toBe(false);
    expect(await store.verify(signed)).toEqual([{ path: 'cut', problem: 'changed' }]);
    await store.repair(signed, WHOLE);
    expect(await store.verify(signed)).toEqual([]);
  });

  it('replaces a file in one step: who reads the damaged one goes on reading it', async () => {
    const { store, files } = await storedWorld();
    overwrite(join(files, 'text'), 'changed by hand');
    const open = openSync(join(files, 'text'), 'r');

    await store.repair(signed, WHOLE);

    expect(readFileSync(open, 'utf8')).toBe('changed by hand');
    closeSync(open);
    expect(readFileSync(join(files, 'text'), 'utf8')).toBe('one text, two files\n');
  });

  it('keeps what a service added where something runs from it, and all that is the service’s own', async () => {
    const { store, files } = await storedWorld();
    overwrite(join(files, 'text'), 'changed by hand');
    writeFileSync(join(files, 'added'), 'x');
    const owned = { tree: ref, writable: ['logs', 'bin'] };
    writeFileSync(join(files, 'logs/today'), 'x');
    overwrite(join(files, 'bin/run'), 'rewritten by the service');
    expect(await store.verify(owned)).toEqual([
      { path: 'added', problem: 'unexpected' },
      { path: 'text', problem: 'changed' },
    ]);

    await store.repair(owned, { added: 'keep', from: 'anywhere' });

    expect(await store.verify(owned)).toEqual([{ path: 'added', problem: 'unexpected' }]);
    await store.repair(owned, WHOLE);
    expect(await store.verify(owned)).toEqual([]);
    expect(readFileSync(join(files, 'logs/today'), 'utf8')).toBe('x');
    expect(readFileSync(join(files, 'bin/run'), 'utf8')).toBe('rewritten by the service');
  });

  it('asks no network when it is told not to, and mends what lies here', async () => {
    const { store, files, server } = await storedWorld();
    const downloads = server.downloads.length;
    overwrite(join(files, 'cut'), 'changed by hand');
    rmSync(join(files, 'run'));

    await store.repair(signed, { added: 'keep', from: 'local' });

    expect(await store.verify(signed)).toEqual([{ path: 'cut', problem: 'changed' }]);
    expect(server.downloads).toHaveLength(downloads);
  });

  it('is replaced as a whole where a part of it cannot be moved', async (context) => {
    if (!canFreeze()) return context.skip();
    const { store, files, temporary, before } = await storedWorld();
    overwrite(join(files, 'text'), 'changed by hand');
    execFileSync('chattr', ['+i', join(files, 'text')]);
    const thaw = [join(temporary, '..'), '-type', 'f', '-exec', 'chattr', '-i', '{}', '+'];
    onTestFinished(() => void execFileSync('find', thaw));

    await store.repair(signed, WHOLE);

    expect(await store.verify(signed)).toEqual([]);
    expect(describeDirectory(join(files, '..'))).toEqual(before);
  });

  it('never touches an inode in place: another tree may have the same', async () => {
    const { store, files } = await storedWorld();
    const twin = join(files, '../../twin');
    for (const path of ['text', 'cut']) chmodSync(join(files, path), 0o600);
    writeFileSync(join(files, 'cut'), 'changed by hand');
    linkSync(join(files, 'text'), `${twin}.text`);
    linkSync(join(files, 'cut'), `${twin}.cut`);

    await store.repair(signed, WHOLE);

    expect(await store.verify(signed)).toEqual([]);
    expect(statSync(`${twin}.text`).mode & 0o777).toBe(0o600);
    expect(readFileSync(`${twin}.cut`, 'utf8')).toBe('changed by hand');
  });
});
