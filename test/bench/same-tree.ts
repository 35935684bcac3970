// The proof that two directories hold the same, with tools that are not ours: before that, no number of a tree counts.
import { execFileSync } from 'node:child_process';

const MAX_BYTES = 2 ** 28;
const SHOWN = 5;

/**
 * Bytes by `diff -r`; names, kinds, link targets, empty directories and which files may be executed by `find`. Stored trees are
 * read-only on purpose, so no other bit of a mode is compared. Throws with the first differences.
 */
export function proveSameTree(expected: string, actual: string, of: string): void {
  const listed = [expected, actual].map(listingOf);
  const [before = [], after = []] = listed;
  const [there, here] = [new Set(before), new Set(after)];
  const differing = [
    ...before.filter((line) => !here.has(line)).map((line) => `lacks ${line}`),
    ...after.filter((line) => !there.has(line)).map((line) => `has ${line}`),
  ];
  const differences = differing.length > 0 ? differing : diff(expected, actual);
  if (differences.length === 0) return;
  throw new Error(`${of} came to another tree:\n${differences.slice(0, SHOWN).join('\n')}`);
}

/** One line for all that stands below a directory, which need not be of one file system. */
function listingOf(directory: string): readonly string[] {
  const print = (kind: string, format: string) => ['-type', kind, '-printf', format];
  const words = [
    ...[directory, '-mindepth', '1', '('],
    ...['-type', 'f', '-perm', '/u+x', '-printf', 'x %P\\0', '-o'],
    ...[...print('f', 'f %P\\0'), '-o', ...print('l', 'l %P -> %l\\0'), '-o', '-printf', '%y %P\\0', ')'],
  ];
  const text = execFileSync('find', words, { encoding: 'utf8', maxBuffer: MAX_BYTES });
  return text.split('\0').filter(Boolean);
}

function diff(expected: string, actual: string): readonly string[] {
  try {
    execFileSync('diff', ['-r', '-q', '--no-dereference', expected, actual], {
      ...{ encoding: 'utf8', maxBuffer: MAX_BYTES, stdio: ['ignore', 'pipe', 'pipe'] },
    });
    return [];
  } catch (cause) {
    if (!(cause instanceof Error) || !('status' in cause) || cause.status !== 1) throw cause;
    return String('stdout' in cause ? cause.stdout : '')
      .trim()
      .split('\n');
  }
}
