// Directories: made with their parents, or refused at once by name.
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { dataOf, rejectionOf } from '../../support/error-code.ts';

describe('a directory', () => {
  it('is made with its parents, owner-only, and again without harm', async () => {
    const path = join(temporaryDirectory(), 'a', 'b');

    await Promise.all([makeDirectory(path), makeDirectory(path)]);
    await makeDirectory(path);

    expect(statSync(path).mode & 0o777).toBe(0o700);
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
