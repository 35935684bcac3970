// Which test reaches which source, and over how many imports: the nearest tests of a file are asked first.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { child, children, type Node, parseSource, visit } from './syntax.ts';

export interface ImportGraph {
  /** Test files that reach a source, nearest first. */
  testsOf(file: string): readonly string[];
}

/** Imports of types are not followed: nothing of them is there when the test runs. */
export function readImportGraph(root: string, folders: readonly string[]): ImportGraph {
  const files = folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => sourcesIn(root, folder));
  const known = new Set(files);
  const importers = new Map<string, string[]>();
  for (const file of files) {
    for (const to of importsOf(file, readFileSync(join(root, file), 'utf8'))) {
      if (!known.has(to)) continue;
      importers.set(to, [...(importers.get(to) ?? []), file]);
    }
  }
  return { testsOf: (file) => nearest(file, importers) };
}

export function sourcesIn(root: string, folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(folder, path))
    .sort();
}

function nearest(file: string, importers: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const steps = new Map([[file, 0]]);
  for (const [path, step] of steps) {
    for (const importer of importers.get(path) ?? []) {
      if (!steps.has(importer)) steps.set(importer, step + 1);
    }
  }
  return [...steps]
    .filter(([path]) => path.endsWith('.test.ts'))
    .map(([path, step]) => ({ path, rank: step - nameLikeness(file, path) }))
    .sort((a, b) => a.rank - b.rank || (a.path < b.path ? -1 : 1))
    .map(({ path }) => path);
}

/** The test that mirrors a file's place and name is nearer than one that merely imports it too; so is one of its layer. */
function nameLikeness(file: string, test: string): number {
  const mirror = join('test', file).replace(/\.ts$/, '.test.ts');
  if (test === mirror) return 4;
  if (dirname(test) === dirname(mirror)) return 2.5;
  const layer = file.startsWith('shared/') ? 'shared/' : file.split('/').slice(0, 2).join('/');
  return test.startsWith(`test/${layer}`) ? 2 : 0;
}

/** Project files that a file imports or names in a string, as one that starts a program does. */
function importsOf(file: string, text: string): ReadonlySet<string> {
  const found = new Set<string>();
  const add = (specifier: unknown) => {
    if (typeof specifier !== 'string' || !/^[\w./-]+\.(?:ts|js)$/.test(specifier)) return;
    found.add(normalize(join(dirname(file), specifier)));
    found.add(normalize(specifier));
  };
  visit(parseSource(text), (node, parents) => {
    if (node.type === 'Literal' && !parents.some(isOfTypesOnly)) add(node.value);
  });
  return found;
}

function isOfTypesOnly(node: Node): boolean {
  if (node.type !== 'ImportDeclaration') return false;
  const names = children(node, 'specifiers');
  const ofTypes = (one: Node) => one.importKind === 'type' && child(one, 'local') !== null;
  return node.importKind === 'type' || (names.length > 0 && names.every(ofTypes));
}
