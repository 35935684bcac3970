// Which program the server's file is: its own, or the vendor's under that program's name or word.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const MAIN = new URL('../../server/main.ts', import.meta.url).pathname;

it.each([
  ['the vendor’s program by its name', '/usr/bin/fairlead-vendor', [], 'Usage: fairlead-vendor '],
  [
    'the vendor’s program by a word',
    'fairlead-server',
    ['vendor', 'key', 'create'],
    'Usage: fairlead-vendor key create ',
  ],
])('is %s', (_what, argv0, words, usage) => {
  const { stdout } = spawnSync(process.execPath, [MAIN, ...words, '--help'], { argv0, encoding: 'utf8' });

  expect(stdout).toContain(usage);
});
