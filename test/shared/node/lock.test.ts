// The lock of a directory: one holder, and nothing left of it afterwards.
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tryLock } from '../../../shared/node/lock.ts';
import { rejectionOf } from '../../support/error-code.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairlead-lock-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('a lock', () => {
  it('is held by one at a time, and free again after', async () => {
    const path = join(dir, 'lock');
    const first = await tryLock(path);

    const second = await tryLock(path);
    first?.release();
    const third = await tryLock(path);
    third?.release();

    expect([first === null, second === null, third === null]).toEqual([false, true, false]);
  });

  it('that cannot be taken at all is no sign of another holder', async () => {
    expect((await rejectionOf(tryLock(join(dir, 'missing', 'lock')))).code).toBe('disk/failed');
  });

  it.each([
    ['bytes of somebody else', (path: string) => writeFileSync(path, 'no lock')],
    ['a page of them', (path: string) => writeFileSync(path, Buffer.alloc(4096, 7))],
    ['a directory that is not empty', (path: string) => mkdirSync(join(path, 'deeper'), { recursive: true })],
    ['a pipe', (path: string) => execFileSync('mkfifo', [path])],
  ])('is taken where %s stood, and held by one', async (_what, damage) => {
    const path = join(dir, 'lock');
    damage(path);

    const first = await tryLock(path);
    const second = await tryLock(path);
    const isInPlace = await first?.isInPlace();
    first?.release();

    expect([first === null, second === null, isInPlace]).toEqual([false, true, true]);
  });

  it('keeps others out also where its file was written over while it is held', async () => {
    const path = join(dir, 'lock');
    const first = await tryLock(path);
    writeFileSync(path, 'no lock');

    const second = await tryLock(path);
    first?.release();

    expect([first === null, second === null]).toEqual([false, true]);
  });
});

it('a lock that another has leaves nothing open behind', async () => {
  const path = join(dir, 'lock');
  const openOf = () =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path);
      } catch {
        return false;
      }
    }).length;
  const held = await tryLock(path);

  expect(await tryLock(path)).toBeNull();
  held?.release();
  expect(openOf()).toBe(0);
});

describe('the place of a lock', () => {
  it.each<[string, (path: string) => void, boolean]>([
    ['nothing happened', () => undefined, true],
    ['its bytes were written over', (path) => writeFileSync(path, 'x'), true],
    ['it was removed', (path) => rmSync(path), false],
    ['it was renamed', (path) => renameSync(path, `${path}.old`), false],
    [
      'another file stands there',
      (path) => {
        renameSync(path, `${path}.old`);
        writeFileSync(path, '');
      },
      false,
    ],
    [
      'its directory is a file now',
      (path) => {
        renameSync(dirname(path), `${dirname(path)}.old`);
        writeFileSync(dirname(path), '');
      },
      false,
    ],
    [
      'nobody can tell',
      (path) => {
        renameSync(path, `${path}.old`);
        symlinkSync(path, path);
      },
      true,
    ],
  ])('is where it was or is not: %s', async (_what, change, isThere) => {
    const directory = join(dir, 'deeper');
    mkdirSync(directory);
    const lock = await tryLock(join(directory, 'lock'));
    change(join(directory, 'lock'));

    expect(await lock?.isInPlace()).toBe(isThere);
    lock?.release();
  });

  it('stays the same file where somebody’s bytes stood in it, and gives its name to ours where none could', async () => {
    const path = join(dir, 'lock');
    writeFileSync(path, 'no lock');
    const { ino } = statSync(path);
    (await tryLock(path))?.release();

    expect([statSync(path).ino, readdirSync(dir)]).toEqual([ino, ['lock']]);

    rmSync(path);
    mkdirSync(path);
    (await tryLock(path))?.release();
    expect(readdirSync(dir).toSorted()).toEqual(['lock', 'lock.damaged']);
  });
});
