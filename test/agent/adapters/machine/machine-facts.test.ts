// What a machine says of itself: the first os-release that is there, and nothing where none can be read.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readMachine } from '../../../../agent/adapters/machine/surroundings.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const ARCH = { arch: [process.arch] };

describe('what the machine says of itself', () => {
  const place = (name: string, text: string) => {
    const path = join(temporaryDirectory(), name);
    writeFileSync(path, text);
    return path;
  };

  it('is told by the first file that is there', async () => {
    const paths = ['/nowhere/os-release', place('a', 'ID=debian\nVERSION_ID="12"'), place('b', 'ID=other')];

    expect(await readMachine(paths)).toEqual({ os: ['debian:12'], ...ARCH });
  });

  it('is its processor alone where no file is there, or none that can be read', async () => {
    const directory = join(temporaryDirectory(), 'os-release');
    mkdirSync(directory);

    expect(await readMachine(['/nowhere/os-release'])).toEqual(ARCH);
    expect(await readMachine([directory])).toEqual(ARCH);
    expect(await readMachine([place('long', `ID=debian\n${'#'.repeat(70_000)}`)])).toEqual(ARCH);
  });
});
