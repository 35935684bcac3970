// Reading an operator's references: from the environment, from files, and a clear refusal for the rest.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readReference } from '../../../../agent/adapters/machine/surroundings.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

describe('a reference', () => {
  let directory: string;

  beforeEach(() => {
    directory = temporaryDirectory();
    process.env.FAIRLEAD_TEST_REFERENCE = 'from the environment';
  });
  afterEach(() => {
    delete process.env.FAIRLEAD_TEST_REFERENCE;
  });

  it('is read from the environment', async () => {
    expect(await readReference({ kind: 'env', name: 'FAIRLEAD_TEST_REFERENCE' })).toBe(
      'from the environment',
    );
  });

  it('is read from a file, without the line break that editors add', async () => {
    const path = join(directory, 'secret');
    await writeFile(path, 'first\nsecond\n');

    expect(await readReference({ kind: 'file', name: path })).toBe('first\nsecond');
  });

  it.each([
    ['a variable that is not set', { kind: 'env', name: 'FAIRLEAD_TEST_NOWHERE' }],
    ['a file that is not there', { kind: 'file', name: '/nowhere/at/all' }],
    ['a directory', { kind: 'file', name: '/' }],
    ['a device that never ends', { kind: 'file', name: '/dev/zero' }],
  ] as const)('is refused by name when it is %s', async (_, reference) => {
    await expect(readReference(reference)).rejects.toMatchObject({
      code: 'setting/unreadable',
      data: { name: reference.name },
    });
  });
});
