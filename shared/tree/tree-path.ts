// Which paths and link targets a tree may hold: nothing that leaves it, nothing two programs read differently.

const MAX_PATH_BYTES = 1024;
const MAX_SEGMENT_BYTES = 255;
/** Ten times what the deepest trees have; an index of deep paths would otherwise make more directories than bytes. */
const MAX_PARTS = 128;

const CONTROL_OR_BACKSLASH = /[\u0000-\u001f\u007f-\u009f\\]/;

/**
 * Why a path cannot stand in an index, or null. Paths are compared byte by byte, as Linux does: neither letter case
 * nor Unicode form is folded, and a file system that folds them refuses the second file instead of replacing the first.
 */
export function pathProblem(path: string): string | null {
  const problem = textProblem(path);
  if (problem !== null) return problem;
  const segments = path.split('/');
  if (segments.length > MAX_PARTS) return `it has more than ${MAX_PARTS} parts`;
  for (const segment of segments) {
    if (segment === '') return 'it is absolute, or has an empty part between slashes';
    if (segment === '.' || segment === '..') return `it has a part "${segment}"`;
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES)
      return `a part is longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  return null;
}

/** Why a text cannot be a link's target, or null; where it leads is judged by the walk. */
export function targetProblem(target: string): string | null {
  const problem = textProblem(target);
  if (problem !== null) return `its target: ${problem}`;
  return target.startsWith('/') ? 'its target is absolute' : null;
}

function textProblem(text: string): string | null {
  if (text === '') return 'it is empty';
  if (!text.isWellFormed()) return 'it is not valid UTF-8';
  if (CONTROL_OR_BACKSLASH.test(text)) return 'it holds a control character or a backslash';
  return Buffer.byteLength(text) > MAX_PATH_BYTES ? `it is longer than ${MAX_PATH_BYTES} bytes` : null;
}
