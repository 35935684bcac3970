// One program as one executable for one machine, the same bytes wherever and whenever it is made.
import { execFile } from 'node:child_process';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Bundle, bundleProgram } from './bundle.ts';
import type { Program, Target } from './programs.ts';

/** What is told to the program in the namespace. */
export interface Sealing {
  readonly node: string;
  readonly architecture: string;
  readonly bundle: Pick<Bundle, 'main' | 'assets'>;
  readonly output: string;
}

export interface Making {
  readonly checkout: string;
  readonly program: Program;
  readonly target: Target;
  /** Node for that machine, stripped. */
  readonly node: string;
  /** Where it comes to lie, and what is made on the way to it. */
  readonly out: string;
  readonly work: string;
}

/** Paths of a bundle are embedded with it: it always lies here. A folder that every Linux has, and a build needs for nothing. */
const PLACE = '/mnt';
const SEAL = 'scripts/packaging/seal.ts';

/** Answers its path. */
export async function makeExecutable(
  making: Making,
): Promise<{ readonly path: string; readonly bundle: Bundle }> {
  const { checkout, program, target, node, out, work } = making;
  const directory = join(work, program.name);
  const bundle = await bundleProgram(checkout, program, directory);
  const path = join(out, program.name);
  const output = `${path}.part`;
  const sealing: Sealing = {
    ...{ node, output, bundle: { main: bundle.main, assets: bundle.assets } },
    architecture: target.replace('linux-', ''),
  };
  await mkdir(out, { recursive: true });
  await atPlace(directory, [process.execPath, join(checkout, SEAL), PLACE, JSON.stringify(sealing)]);
  await chmod(output, 0o755);
  await rename(output, path);
  await rm(directory, { recursive: true });
  return { path, bundle };
}

/** In a mount namespace where the directory is at the fixed place. Nobody else sees it there, so builds do not meet. */
async function atPlace(directory: string, words: readonly string[]): Promise<void> {
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';
  const { NODE_OPTIONS: _, ...env } = process.env;
  await promisify(execFile)(
    'unshare',
    [...asRoot, '--mount', 'sh', '-c', script, 'sh', directory, PLACE, ...words],
    { env },
  );
}
