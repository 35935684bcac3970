// Directories for tests: made under the system's temporary directory, removed afterwards, compared as data.
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { digestOf } from '../../shared/encoding/digest.ts';

/** Removed when the test that asked for it ends. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A new directory below another. */
export function subdirectory(parent: string, name: string): string {
  const path = join(parent, name);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Everything below a directory by path: a file's mode and digest, a link's target, `directory`. */
export function describeDirectory(root: string, below = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(root, below))) {
    const path = below === '' ? name : `${below}/${name}`;
    const stat = lstatSync(join(root, path));
    if (stat.isSymbolicLink()) {
      found[path] = `-> ${readlinkSync(join(root, path))}`;
    } else if (stat.isDirectory()) {
      Object.assign(found, { [path]: 'directory' }, describeDirectory(root, path));
    } else {
      const content = stat.isFile() ? digestOf(readFileSync(join(root, path))) : 'special';
      found[path] = `${(stat.mode & 0o7777).toString(8)} ${content}`;
    }
  }
  return found;
}

/** Bytes that look random, compress a little, and are the same every time. */
export function patternedBytes(length: number, seed: string): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, i = 0; at < length; i++) {
    const block = Buffer.from(digestOf(utf8(`${seed} ${i % 4096}`)));
    at += block.copy(bytes, at);
  }
  return bytes;
}
