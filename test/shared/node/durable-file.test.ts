// Directories: made with their parents, or refused at once by name.
import { statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isDirectory, makeDirectory } from '../../../shared/node/durable-file.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { dataOf, rejectionOf } from '../../support/error-code.ts';

describe('a directory', () => {
  it('is made with its parents, owner-only, and again without harm', async () => {
    const path = join(temporaryDirectory(), 'a', 'b');

    await Promise.all([makeDirectory(path), makeDirectory(path)]);
    await makeDirectory(path);

    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('is made as it is asked to be, and every directory above it', async () => {
    const top = temporaryDirectory();
    await makeDirectory(join(top, 'a', 'b'), 0o750);

    expect(['a', 'a/b'].map((path) => statSync(join(top, path)).mode & 0o777)).toEqual([0o750, 0o750]);
  });

  it('that is there is let be, also where nothing could be made or synced', async () => {
    await makeDirectory('/proc/self/fd');
    expect([await isDirectory('/proc/self/fd'), await isDirectory('/proc/self/stat')]).toEqual([true, false]);
  });

  it('is one behind a link, and none where nothing is', async () => {
    const top = temporaryDirectory();
    symlinkSync('/proc', join(top, 'link'));

    expect([await isDirectory(join(top, 'link')), await isDirectory(join(top, 'gone'))]).toEqual([
      true,
      false,
    ]);
  });

  it.each([
    ['in the kernel’s own file system, which has no place for it', '/proc/fairlead/x', 'ENOENT'],
    ['below a device', '/dev/null/x', 'EEXIST'],
  ])('is refused %s', async (_what, path, problem) => {
    const refusal = await rejectionOf(makeDirectory(path));

    expect(dataOf(refusal, 'disk/failed')).toMatchObject({ problem });
  });

  it('is refused where a file stands', async () => {
    const path = join(temporaryDirectory(), 'file');
    writeFileSync(path, '');

    expect(dataOf(await rejectionOf(makeDirectory(path)), 'disk/failed')).toEqual({
      path,
      problem: 'EEXIST',
    });
  });
});
