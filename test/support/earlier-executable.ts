// The agent of an earlier commit as the executable that it was: its sources, by its own build.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hasCommit, takeOut } from './earlier-code.ts';

/** The first whose agent replaces itself. */
const COMMIT = 'b1520a2';
const BUILD = ['--executables-only', '--program', 'fairlead', '--out'];

export const hasEarlierExecutable = hasCommit(COMMIT);

/** Answers its path, below `directory`. */
export function makeEarlierExecutable(directory: string): string {
  // Pages of documentation are made of the programs, and a build asks for one of them.
  const code = takeOut(COMMIT, ['test']);
  try {
    const build = join(code.directory, 'scripts/build.ts');
    execFileSync(process.execPath, [build, ...BUILD, directory], { stdio: 'ignore' });
    // One folder for each machine, and this one's alone was made.
    const [machine = ''] = readdirSync(directory);
    return join(directory, machine, 'fairlead');
  } finally {
    code.remove();
  }
}
