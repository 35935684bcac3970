// The three programs in a checkout whose dependencies nobody has installed yet.
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/directories.ts';

const BIN = new URL('../../scripts/bin', import.meta.url).pathname;

describe('a program of a checkout that is not installed', () => {
  it.each(['fairlead', 'fairlead-server', 'fairlead-vendor'])('says how to install it: %s', (program) => {
    const checkout = temporaryDirectory();
    cpSync(BIN, join(checkout, 'scripts', 'bin'), { recursive: true });

    const { status, stderr } = spawnSync(join(checkout, 'scripts', 'bin', program), ['--version'], {
      encoding: 'utf8',
    });

    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: .*\n {2}hint: .*\/scripts\/install\n$/);
  });
});

it('installs nothing through a link: npm would empty what others use', () => {
  const checkout = temporaryDirectory();
  const shared = temporaryDirectory();
  cpSync(join(BIN, '../install'), join(checkout, 'scripts', 'install'));
  writeFileSync(join(checkout, 'package-lock.json'), '{}');
  writeFileSync(join(shared, 'a-package'), '');
  symlinkSync(shared, join(checkout, 'node_modules'));

  const { status, stderr } = spawnSync(join(checkout, 'scripts', 'install'), { encoding: 'utf8' });

  expect(status).toBe(1);
  expect(stderr).toContain('node_modules is a link');
  expect(readdirSync(shared)).toEqual(['a-package']);
});
