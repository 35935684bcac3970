// Files that nobody can change or remove, and what is mounted over a directory: given back when the test ends.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { onTestFinished } from 'vitest';

/** Why a test that needs one of them is skipped. */
export const NO_FREEZE = 'this account or file system makes no file immutable';
export const NO_MOUNT = 'this account may not mount';

/** With everything below. False where the account or the file system cannot. */
export function freeze(path: string): boolean {
  onTestFinished(() => thaw(topOf(path)));
  return hold(path);
}

/** Asked afterwards: a link below has no such mark, and chattr calls that a failure of the whole. */
export function hold(path: string): boolean {
  spawnSync('chattr', ['-R', '+i', path]);
  const { stdout } = spawnSync('lsattr', ['-d', path], { encoding: 'utf8' });
  return stdout.split(' ')[0]?.includes('i') === true;
}

export function thaw(path: string): void {
  spawnSync('chattr', ['-R', '-i', path]);
}

/** False where the account may not. */
export function mountOver(from: string, to: string): boolean {
  onTestFinished(() => {
    for (const mount of mountsBelow(topOf(to))) spawnSync('umount', ['--lazy', mount]);
  });
  return spawnSync('mount', ['--bind', from, to]).status === 0;
}

/** The test's own directory: by the end what is held may stand elsewhere in it. */
function topOf(path: string): string {
  return join(tmpdir(), relative(tmpdir(), path).split('/')[0] ?? '');
}

function mountsBelow(directory: string): readonly string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return mounts.map((line) => line.split(' ')[4] ?? '').filter((path) => path.startsWith(`${directory}/`));
}
