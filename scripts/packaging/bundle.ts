// A program and each of its parts as one file of CommonJS, from nothing but the sources and the locked packages.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import type { Program } from './programs.ts';

export interface Bundle {
  /** The file where the program begins, below the directory. */
  readonly main: string;
  /** The program, its threads and its files, by what the program calls them; the values are files below the directory. */
  readonly assets: Readonly<Record<string, string>>;
  /** The files that went into it, by their paths in the checkout, and the bytes that are left of each. */
  readonly inputs: ReadonlyMap<string, number>;
}

/** In one file every module lies at the same place, or at none. These ask all the same, and use the answer for nothing. */
const PLACELESS: readonly (readonly [path: string, reason: string])[] = [
  ['shared/node/own-parts.ts', 'asks from sources only'],
  ['node_modules/node-cron/dist/node-cron.js', 'asks for tasks that are given as files; ours are functions'],
];
/** As `OwnPath` of that file is written in a program. */
const OWN_PATH = /["'`]((?:agent|server|shared)\/[\w/.-]+\.(?:ts|js|css))["'`](?!\()/g;
/** Add-ons in C that `pg` and `ws` try for; no program of ours may load code from where it is started. */
const ABSENT = ['pg-native', 'bufferutil', 'utf-8-validate'];

const OPTIONS = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  // Names stay: a stack in a log is for people.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  metafile: true,
  // A checkout whose packages are a link gives the same.
  preserveSymlinks: true,
  write: false,
  logLevel: 'silent',
  // In an executable only `require` finds what Node brings.
  supported: { 'dynamic-import': false },
  logOverride: { 'empty-import-meta': 'error' },
  alias: Object.fromEntries(ABSENT.map((name) => [name, './scripts/packaging/absent.cjs'])),
} satisfies BuildOptions;

/** Writes below `directory`, whose place has no influence on what is written. Errors tell what a program asks for that none may. */
export async function bundleProgram(
  checkout: string,
  program: Pick<Program, 'name' | 'entry' | 'apart'>,
  directory: string,
): Promise<Bundle> {
  const assets: Record<string, string> = {};
  const inputs = new Map<string, number>();
  const add = async (path: string): Promise<void> => {
    const text = await textOf(checkout, path, inputs);
    const file = join(directory, path);
    assets[path] = path;
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    for (const [, part = ''] of text.matchAll(OWN_PATH)) {
      if (assets[part] === undefined) await add(part);
    }
  };
  for (const entry of [program.entry, ...Object.values(program.apart ?? {})]) await add(entry);
  const main = `${program.name}.cjs`;
  const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8'));
  await writeFile(join(directory, main), startOf(program, version));
  return { main, assets: Object.fromEntries(Object.entries(assets).toSorted()), inputs };
}

/**
 * V8 reads a program whole before it runs the first line, in a tenth of a second and 30 MB: the version, which scripts ask in
 * loops, and what stands apart cost nothing of that.
 */
function startOf(
  { entry, name, apart = {} }: Pick<Program, 'name' | 'entry' | 'apart'>,
  version: string,
): string {
  const [said, main, filename] = [`${version}\n`, entry, `${name}.cjs`].map((text) => JSON.stringify(text));
  return `'use strict';
const words = process.argv.slice(2);
const apart = new Map(${JSON.stringify(Object.entries(apart))});
const begin = (words.length === 3 && apart.get(words.slice(0, 2).join(' '))) || ${main};
if (words.length === 1 && words[0] === '--version') process.stdout.write(${said});
else require('node:vm').compileFunction(require('node:sea').getAsset(begin, 'utf8'), ['require', 'module', 'exports'], { filename: ${filename} })(require, { exports: {} }, {});
`;
}

async function textOf(checkout: string, path: string, inputs: Map<string, number>): Promise<string> {
  if (!path.endsWith('.ts')) return await readFile(join(checkout, path), 'utf8');
  const options = { ...OPTIONS, absWorkingDir: checkout, entryPoints: [path], plugins: [placeless] };
  const result = await build(options);
  const { metafile, outputFiles, warnings } = result;
  const problems = [
    ...warnings.map(({ text, location }) => `${text} (${location?.file})`),
    ...findStrangers(metafile),
  ];
  if (problems.length > 0) throw new Error(`${path} cannot be one file: ${problems.join('; ')}`);
  for (const output of Object.values(metafile.outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(output.inputs)) {
      inputs.set(file, (inputs.get(file) ?? 0) + bytesInOutput);
    }
  }
  return narrow(outputFiles[0]?.text ?? '');
}

/** A single wide character makes V8 keep the whole program in two bytes each. esbuild escapes those of strings, not of patterns and templates. */
function narrow(text: string): string {
  return text.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** What would be loaded from where the program is started: somebody else's code in a privileged agent. */
function findStrangers({ outputs }: Metafile): readonly string[] {
  const known = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]));
  return Object.values(outputs)
    .flatMap((output) => output.imports)
    .filter(({ external, path }) => external === true && !known.has(path))
    .map(({ path }) => `it loads ${path} from outside`);
}

const placeless: Plugin = {
  name: 'placeless',
  setup: ({ onLoad }) => {
    const filter = new RegExp(`/(?:${PLACELESS.map(([path]) => path.replaceAll('.', '\\.')).join('|')})$`);
    onLoad({ filter }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll('import.meta.url', '"file:///nowhere"'),
      loader: path.endsWith('.ts') ? 'ts' : 'js',
    }));
  },
};
