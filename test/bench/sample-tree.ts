// A tree to pack: Node-RED with its dependencies, or offline a generated one of the same shape.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { utf8 } from '../../shared/encoding/bytes.ts';
import { digestOf } from '../../shared/encoding/digest.ts';

const NODE_RED = 'node-red@4.0.9';
const INSTALL_LIMIT_MS = 120_000;

const GENERATED_FILES = 4_000;
const WORDS =
  'const export import return function async await value error result options path data index'.split(' ');

export interface SampleTree {
  readonly name: string;
  readonly directory: string;
}

export async function provideNodeRed(): Promise<SampleTree> {
  return { name: `${NODE_RED} with its dependencies`, directory: await providePackage(NODE_RED) };
}

/** Installed once with its production dependencies, then kept in the system's temporary directory. */
export async function providePackage(
  specifier: string,
  overrides: Readonly<Record<string, string>> = {},
): Promise<string> {
  const directory = join(tmpdir(), 'fairlead-bench-cache', specifier);
  if (!existsSync(directory)) await installPackage(specifier, overrides, directory);
  return directory;
}

async function installPackage(
  specifier: string,
  overrides: Readonly<Record<string, string>>,
  directory: string,
): Promise<void> {
  const unfinished = `${directory}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  writeFileSync(join(unfinished, 'package.json'), JSON.stringify({ private: true, overrides }));
  const options = ['--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  try {
    await promisify(execFile)('npm', ['install', '--prefix', unfinished, ...options, specifier], {
      timeout: INSTALL_LIMIT_MS,
    });
    renameSync(unfinished, directory);
  } catch (cause) {
    rmSync(unfinished, { recursive: true, force: true });
    throw new Error(`npm cannot install ${specifier}: run scripts/bench --offline`, { cause });
  }
}

/** Many small texts of few words in nested directories, some of them twice; the same on every machine. */
export function generateTree(directory: string): SampleTree {
  for (let i = 0; i < GENERATED_FILES; i++) {
    const path = join(
      directory,
      `package-${i % 200}`,
      `lib-${i % 7}`,
      `file-${i}.${i % 5 === 0 ? 'json' : 'js'}`,
    );
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, generatedText(i % 3_500));
  }
  return { name: `${GENERATED_FILES.toLocaleString('en')} generated files`, directory };
}

function generatedText(seed: number): string {
  const lines: string[] = [];
  for (let line = 0; line < 40 + (seed % 400); line++) {
    const hash = Buffer.from(digestOf(utf8(`${seed} ${line}`)).slice('sha256:'.length), 'hex');
    const words = [...hash.subarray(0, 9)].map((byte) => WORDS[byte % WORDS.length]);
    lines.push(`${words.join(' ')} ${hash.toString('hex', 9, 13)};`);
  }
  return lines.join('\n');
}
