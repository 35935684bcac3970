// Drop-ins of the two slots of a service: what an operator wrote for one holds for both, and stays the operator's.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { forgetShared, shareAdditions } from '../../../../agent/adapters/drivers/systemd/unit-file.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

describe('what an operator added to a unit', () => {
  let blue: string;
  let green: string;
  const read = (directory: string, name: string) => readFileSync(join(directory, name), 'utf8');

  beforeEach(() => {
    const units = temporaryDirectory();
    blue = join(units, 'blue.service.d');
    green = join(units, 'green.service.d');
    mkdirSync(blue);
    writeFileSync(join(blue, 'override.conf'), 'first');
  });

  it('holds in the other slot, and follows a change', async () => {
    await shareAdditions(blue, green);
    writeFileSync(join(blue, 'override.conf'), 'second');

    expect(read(green, 'override.conf')).toBe('second');
  });

  it('leaves alone what was written for this slot', async () => {
    mkdirSync(green);
    writeFileSync(join(green, 'override.conf'), 'own');

    await shareAdditions(blue, green);
    await forgetShared(green);

    expect(read(green, 'override.conf')).toBe('own');
  });

  it('goes with its original, and never makes a circle', async () => {
    await shareAdditions(blue, green);
    rmSync(join(blue, 'override.conf'));

    await shareAdditions(green, blue);
    await shareAdditions(blue, green);

    expect(readdirSync(blue)).toEqual([]);
    expect(() => readdirSync(green)).toThrow('ENOENT');
  });

  it('leaves nothing behind where there was nothing', async () => {
    await shareAdditions(blue, green);

    await forgetShared(green);

    expect(() => readdirSync(green)).toThrow('ENOENT');
    expect(read(blue, 'override.conf')).toBe('first');
  });
});
