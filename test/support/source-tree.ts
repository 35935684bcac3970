// The project's own sources as data: files, their imports, their functions. Read once per test run.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

export interface SourceFile {
  /** Path from the project's root. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** Project sources this one imports, types included. */
  readonly imports: readonly string[];
  /** `node:` modules and packages this one imports. */
  readonly externals: readonly string[];
}

export interface SourceFunction {
  readonly name: string;
  readonly line: number;
  /** Lines of its own, without those of functions written inside it. */
  readonly length: number;
}

const ROOT = new URL('../..', import.meta.url).pathname;

export function readSources(...folders: readonly string[]): readonly SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => readSource(join(folder, path)))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
  );
}

export function readRootEntries(): readonly string[] {
  return readdirSync(ROOT);
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map(
    (match) => match[1] as string,
  );
  return {
    path,
    text,
    lines: text.replace(/\n$/, '').split('\n'),
    imports: specifiers
      .filter((s) => s.startsWith('.') && s.endsWith('.ts'))
      .map((s) => normalize(join(dirname(path), s))),
    externals: specifiers.filter((s) => !s.startsWith('.')),
  };
}

// The formatter closes every block at the indentation it was opened with, so indentation finds a function's end.
const OPENING =
  /^(\s*)(?:export )?(?:default )?(?:(?:async )?function\*?\s*(\w+)|(?:const|let) (\w+)[^=]*= (?:async )?(?:\(|<).*=>|(\w+): (?:async )?(?:\(|<|\w+ =>).*|(?:static |private |readonly |override |async |get |set )*(\w+)(?:<.*>)?\(.*\).*)?.*\{$/;

export function functionsOf(file: SourceFile): readonly SourceFunction[] {
  const open: { name: string; line: number; indent: string; nested: number }[] = [];
  const found: SourceFunction[] = [];
  for (const [index, text] of file.lines.entries()) {
    const top = open.at(-1);
    if (top !== undefined && (text.startsWith(`${top.indent}}`) || text.startsWith(`${top.indent})`))) {
      open.pop();
      const total = index - top.line + 1;
      found.push({ name: top.name, line: top.line + 1, length: total - top.nested });
      const outer = open.at(-1);
      if (outer !== undefined) outer.nested += total;
    }
    const name = functionName(text);
    if (name !== null) open.push({ name, line: index, indent: /^\s*/.exec(text)?.[0] ?? '', nested: 0 });
  }
  return found;
}

const KEYWORDS = new Set([
  'if',
  'for',
  'while',
  'switch',
  'catch',
  'else',
  'do',
  'try',
  'return',
  'function',
]);

function functionName(text: string): string | null {
  const match = OPENING.exec(text);
  const name = match?.slice(2).find((part) => part !== undefined);
  return name === undefined || KEYWORDS.has(name) ? null : name;
}
