// Which paths and link targets a tree may hold: nothing that leaves it, nothing two programs read differently.

const MAX_PATH_BYTES = 1024;
const MAX_SEGMENT_BYTES = 255;
/** As many as Linux follows before it answers ELOOP. */
const MAX_HOPS = 40;

const CONTROL_OR_BACKSLASH = /[\u0000-\u001f\u007f-\u009f\\]/;

/**
 * Why a path cannot stand in an index, or null. Paths are compared byte by byte, as Linux does: neither letter case
 * nor Unicode form is folded, and a file system that folds them refuses the second file instead of replacing the first.
 */
export function pathProblem(path: string): string | null {
  const problem = textProblem(path);
  if (problem !== null) return problem;
  for (const segment of path.split('/')) {
    if (segment === '') return 'it is absolute, or has an empty part between slashes';
    if (segment === '.' || segment === '..') return `it has a part "${segment}"`;
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES)
      return `a part is longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  return null;
}

/** Why a text cannot be a link's target, or null; where it leads is judged by linkProblem. */
export function targetProblem(target: string): string | null {
  const problem = textProblem(target);
  if (problem !== null) return `its target: ${problem}`;
  return target.startsWith('/') ? 'its target is absolute' : null;
}

/**
 * Why a link leads out of the tree, or null. Follows it part by part as the kernel does, through every other link on
 * the way: `a -> b/..` and `b -> c/d` stay inside only together. A target that does not exist is allowed; it stays
 * inside whatever is created there. `targetOf` gives the target of the link at a path, null for all else.
 */
export function linkProblem(
  path: string,
  target: string,
  targetOf: (path: string) => string | null,
): string | null {
  const at = path.split('/').slice(0, -1);
  const ahead = target.split('/').reverse();
  let hops = 0;
  for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at.pop() === undefined) return 'it leads out of the tree';
      continue;
    }
    at.push(part);
    const next = targetOf(at.join('/'));
    if (next === null) continue;
    if (++hops > MAX_HOPS) return 'it is part of a loop of links';
    at.pop();
    ahead.push(...next.split('/').reverse());
  }
  return null;
}

function textProblem(text: string): string | null {
  if (text === '') return 'it is empty';
  if (!text.isWellFormed()) return 'it is not valid UTF-8';
  if (CONTROL_OR_BACKSLASH.test(text)) return 'it holds a control character or a backslash';
  return Buffer.byteLength(text) > MAX_PATH_BYTES ? `it is longer than ${MAX_PATH_BYTES} bytes` : null;
}
