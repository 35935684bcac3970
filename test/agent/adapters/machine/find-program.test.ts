// Finding programs: as the system would, and no directory or unrunnable file passes for one.
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findProgram } from '../../../../agent/adapters/machine/find-program.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

function inDirectory(mode: number) {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'serve'), '#!/bin/sh\n');
  chmodSync(join(directory, 'serve'), mode);
  return directory;
}

describe('a program', () => {
  it('is found in PATH, beside the release, and by its whole path', async () => {
    const directory = inDirectory(0o755);

    await findProgram('sh', '/');
    await findProgram('./serve', directory);
    await findProgram(join(directory, 'serve'), '/');
  });

  it.each([
    ['that is nowhere', 'no-such-program'],
    ['whose path leads nowhere', './no-such-program'],
    ['that may not be run', './serve'],
  ])('%s is named', async (_, program) => {
    await expect(findProgram(program, inDirectory(0o644))).rejects.toMatchObject({
      code: 'service/no-program',
      data: { program },
    });
  });

  it('is not a directory', async () => {
    await expect(findProgram('..', import.meta.dirname)).rejects.toMatchObject({
      code: 'service/no-program',
    });
  });
});
