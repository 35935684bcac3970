// Trees that are made, not fetched: the same on every machine, with all that a tree may hold, and the next release of one.
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { digestOf } from '../../shared/encoding/digest.ts';
import type { TreePair } from './corpus.ts';

const FILES = 240;
/** Of these many a text is there twice. */
const TEXTS = 210;
const PACKAGES = 30;
/** Of a program, which hardly compresses. */
const BINARY_BYTES = 200_000;
const WORDS =
  'const export import return function async await value error result options path data index'.split(' ');

export interface SampleTree {
  readonly name: string;
  readonly directory: string;
}

/** Many small texts of few words in nested directories, some of them twice, a program, links and an empty directory. */
export function generateTree(directory: string): SampleTree {
  for (let i = 0; i < FILES; i++) write(directory, pathOf(i), generatedText(i % TEXTS));
  write(directory, 'bin/program', generatedBytes(0, BINARY_BYTES), 0o755);
  symlinkSync('program', join(directory, 'bin/other-name'));
  symlinkSync('../package-3', join(directory, 'bin/of-a-directory'));
  mkdirSync(join(directory, 'empty/below'), { recursive: true });
  return { name: `${FILES} generated files`, directory };
}

/** A file in thirty changed, as parts of the program did; a directory renamed, one gone, one new, and a link turned. */
export function generatePair(work: string): TreePair {
  const [from, to] = [join(work, 'from'), join(work, 'to')];
  const { name } = generateTree(from);
  generateTree(to);
  for (let i = 0; i < 20; i++)
    writeFileSync(join(to, pathOf(i)), `\n// the next release ${i}\n`, { flag: 'a' });
  const program = generatedBytes(0, BINARY_BYTES);
  for (let at = 10_000; at < BINARY_BYTES; at += 50_000) program.set(generatedBytes(at, 64), at);
  write(to, 'bin/program', program, 0o755);
  renameSync(join(to, 'package-21'), join(to, 'package-moved'));
  rmSync(join(to, 'package-22'), { recursive: true });
  rmSync(join(to, 'bin/of-a-directory'));
  symlinkSync('../package-4', join(to, 'bin/of-a-directory'));
  mkdirSync(join(to, 'empty/too'));
  write(to, 'new', 'a file that was not there\n');
  return { name: `${name} and their next release`, from, to, isNpm: false };
}

function write(directory: string, path: string, content: string | Uint8Array, mode = 0o644): void {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content, { mode });
}

function pathOf(i: number): string {
  return `package-${i % PACKAGES}/lib-${i % 7}/file-${i}.${i % 5 === 0 ? 'json' : 'js'}`;
}

function generatedText(seed: number): string {
  const lines: string[] = [];
  for (let line = 0; line < 40 + (seed % 400); line++) {
    const hash = hashOf(`${seed} ${line}`);
    const words = [...hash.subarray(0, 9)].map((byte) => WORDS[byte % WORDS.length]);
    lines.push(`${words.join(' ')} ${hash.toString('hex', 9, 13)};`);
  }
  return lines.join('\n');
}

function generatedBytes(seed: number, count: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(count / 32) }, (_, block) =>
    hashOf(`bytes ${seed} ${block}`),
  );
  return Buffer.concat(blocks).subarray(0, count);
}

function hashOf(text: string): Buffer {
  return Buffer.from(digestOf(utf8(text)).slice('sha256:'.length), 'hex');
}
