// The code of an earlier commit, taken out of this clone's own history, with the dependencies of today.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const PARTS = ['agent', 'server', 'shared', 'scripts', 'package.json'];

/** A clone may have been made without its history: then there is nothing to try. */
export function hasCommit(commit: string): boolean {
  try {
    execFileSync('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: ROOT, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export interface EarlierCode {
  readonly directory: string;
  /** Its programs. */
  readonly bin: string;
  remove(): void;
}

/** `more` are parts beside the programs. */
export function takeOut(commit: string, more: readonly string[] = []): EarlierCode {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-earlier-'));
  const archive = execFileSync('git', ['archive', commit, '--', ...PARTS, ...more], {
    cwd: ROOT,
    maxBuffer: 2 ** 28,
  });
  execFileSync('tar', ['-x', '-C', directory], { input: archive });
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  return {
    directory,
    bin: join(directory, 'scripts/bin'),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
