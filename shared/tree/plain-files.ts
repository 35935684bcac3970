// The entries of an index that are files without a surprise, which is almost all of them: read by one expression, where strict parsing looks at each character many times.
import type { Digest } from '../encoding/digest.ts';
import type { TreeFile } from './tree-index.ts';

/** What stands between two entries, the second of them a file. Valid JSON has it nowhere else: it would end a text in the middle of a word. */
const BETWEEN = '},{"digest":"';

/** A file as canonical JSON writes it, without escapes in its path and of no more bytes than are counted exactly. */
const FILE =
  /\{"digest":"(sha256:[0-9a-f]{64})","kind":"file","mode":(420|493),"path":"([ !#-[\]-\ufffc]{1,1024})","size":(0|[1-9][0-9]{0,14})\}(,?)/y;

export interface PlainFiles {
  readonly files: readonly TreeFile[];
  /** Where the comma stands behind them, or where the list ends. */
  readonly end: number;
}

/**
 * Those from `start` up to the entry with which so many bytes are full. Null where anything else stands among them, or anything that
 * may be none: strict parsing then says what it is. What is taken here it takes as the same.
 */
export function plainFilesAt(
  list: Uint8Array,
  start: number,
  bytes: number,
  most: number,
): PlainFiles | null {
  const end = endOfFiles(list, start + bytes - 1, most);
  if (end === null) return null;
  // What is no UTF-8 becomes a sign that no path here may have.
  const text = Buffer.from(list.buffer, list.byteOffset + start, end - start).toString('utf8');
  const files: TreeFile[] = [];
  FILE.lastIndex = 0;
  for (let found = FILE.exec(text); found !== null; found = FILE.exec(text)) {
    const [, digest, mode, path, size, comma] = found as unknown as readonly string[];
    files.push({
      kind: 'file',
      path: path as string,
      mode: mode === '493' ? 0o755 : 0o644,
      size: Number(size),
      digest: digest as Digest,
    });
    if (FILE.lastIndex === text.length) return comma === '' ? { files, end } : null;
    if (comma === '') return null;
  }
  return null;
}

function endOfFiles(list: Uint8Array, from: number, most: number): number | null {
  const ahead = Buffer.from(list.buffer, list.byteOffset, Math.min(list.length, from + most));
  const found = ahead.indexOf(BETWEEN, from);
  if (found !== -1) return found + 1;
  return ahead.length === list.length ? list.length : null;
}
