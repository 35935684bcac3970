// How the programs of a checkout start Node: with the same bound of memory as the executables.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROGRAMS, YOUNG_GENERATION } from '../../scripts/packaging/programs.ts';

const BIN = join(import.meta.dirname, '../../scripts/bin');
const TELL = '--import=data:text/javascript,process.stderr.write(String(process.execArgv))';

it.each(PROGRAMS)('gives back what a burst took of memory: $name', ({ name }) => {
  const { stderr } = spawnSync(join(BIN, name), ['--version'], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: TELL },
  });

  expect(stderr.split(',')).toContain(YOUNG_GENERATION);
});
