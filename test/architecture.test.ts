// The house itself: who may import whom, what stays pure, how large a room may be.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { functionsOf, readRootEntries, readSources, type SourceFile } from './support/source-tree.ts';

const sources = readSources('shared', 'agent', 'server');
const around = readSources('test', 'scripts');
const everything = [...sources, ...around];
const byPath = new Map(everything.map((file) => [file.path, file]));

/** Folders of `shared` from the bottom up: a folder imports itself and those before it. */
const SHARED_ORDER = [
  'errors',
  'encoding',
  'version',
  'schema',
  'trust',
  'tree',
  'compile',
  'policy',
  'change',
  'protocol',
  'present',
];

/** The impure folders of `shared`, and who may import them besides each other, the entries and the tests. */
const IMPURE = ['shared/node', 'shared/cli'];
const IMPURE_IS_OPEN_TO =
  /^(?:agent\/(?:adapters|cli)|server\/(?:repository|db|backup|hub|http|jobs|cli|vendor\/(?:workspace|cli)))\//;
/** A queue of promises touches nothing outside its program: engines take turns too. */
const TURNS = 'shared/node/turns.ts';

/** As `shared/node/own-parts.ts` takes it, and as a build looks for it. */
const OWN_PATH = /'(?:agent|server|shared)\/[\w/.-]+\.(?:ts|js|css)'/g;

/** What each folder of a program may import of its own program. Entry points join everything. */
const PROGRAM_LAYERS: Record<string, readonly string[]> = {
  'agent/core': ['agent/core'],
  'agent/ports': ['agent/core', 'agent/ports'],
  'agent/engine': ['agent/core', 'agent/ports', 'agent/engine'],
  'agent/adapters': ['agent/core', 'agent/ports', 'agent/adapters'],
  'agent/cli': ['agent/core', 'agent/ports', 'agent/adapters', 'agent/cli'],
  'server/core': ['server/core'],
  'server/repository': ['server/core', 'server/repository'],
  'server/db': ['server/core', 'server/db'],
  'server/backup': ['server/core', 'server/repository', 'server/db', 'server/backup'],
  'server/hub': ['server/core', 'server/hub'],
  'server/web': ['server/web'],
  'server/http': [
    ...['server/core', 'server/repository', 'server/db', 'server/web', 'server/http', 'server/context'],
  ],
  'server/jobs': [
    ...['server/core', 'server/repository', 'server/db', 'server/backup', 'server/jobs', 'server/context'],
  ],
  'server/cli': ['server/core', 'server/repository', 'server/db', 'server/backup', 'server/cli'],
  'server/context': [
    ...['server/core', 'server/repository', 'server/db', 'server/backup', 'server/hub', 'server/context'],
  ],
  'server/vendor/core': ['server/vendor/core'],
  'server/vendor/workspace': ['server/vendor/core', 'server/vendor/workspace', 'server/repository'],
  'server/vendor/cli': [
    'server/vendor/core',
    'server/vendor/workspace',
    'server/repository',
    'server/vendor/cli',
  ],
};

/** The only files that join all parts of their program. */
const ENTRY_POINTS = new Set([
  'agent/main.ts',
  'agent/logs-at-rest.ts',
  'agent/verify-download.ts',
  'agent/cli/main.ts',
  'agent/cli/tuf-client.ts',
  'server/main.ts',
  'server/program.ts',
  'server/serve.ts',
  'server/publisher-thread.ts',
  'server/backup-thread.ts',
]);

const MIN_FILE_LINES = 40;
/** What may be smaller, by kind: a splinter of a room belongs into the room. */
const SMALL: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^agent\/cli\/specs\//, 'a table: what the commands of one subject take'],
  [/^(?:agent|server\/vendor)\/cli\/commands\//, 'one command, loaded when it is typed'],
  [/^server\/http\/routes\//, 'the routes of one subject, as the table of routes lists them'],
  [/^shared\/(?:schema|protocol)\//, 'a table: the keys of one document or message'],
  [/^shared\/node\/probes\//, 'one kind of probe, as the table of kinds lists it'],
  [/^agent\/engine\/deploy\/options\.ts$/, 'a table: the ports of the deployment engine'],
  [/^agent\/ports\/volumes\.ts$/, 'a port: what keeps copies of volumes'],
  [/(?:-thread|-worker)\.ts$/, 'an entry: where a thread begins'],
  [/^server\/(?:main|program|vendor\/cli\/main)\.ts$/, 'an entry, and what it runs'],
  [/^agent\/cli\/patch\.ts$/, 'an entry: where the process begins that applies a patch'],
  [/^shared\/node\/own-parts\.ts$/, 'a door: the one way from a program to its own parts'],
  [/^server\/web\/html\.ts$/, 'a word of the language of pages'],
];
const MAX_FILE_LINES = 250;
const MAX_FUNCTION_LINES = 40;
const MAX_SCRIPT_LINES = 100;

describe('layers', () => {
  it('keeps shared below agent and server, and its own folders in order', () => {
    const wrong = sources
      .filter((file) => file.path.startsWith('shared/') && !isImpure(file.path))
      .flatMap((file) => file.imports.filter((to) => !isSharedImportAllowed(file.path, to)).map(arrow(file)));
    expect(wrong).toEqual([]);
  });

  it('lets the impure folders of shared import shared and nothing of a program', () => {
    const wrong = sources
      .filter((file) => isImpure(file.path))
      .flatMap((file) => file.imports.filter((to) => !to.startsWith('shared/')).map(arrow(file)));
    expect(wrong).toEqual([]);
  });

  it('lets agent and server import shared and their own lower layers only', () => {
    const wrong = sources
      .filter((file) => !file.path.startsWith('shared/') && !ENTRY_POINTS.has(file.path))
      .flatMap((file) =>
        file.imports.filter((to) => !isProgramImportAllowed(file.path, to)).map(arrow(file)),
      );
    expect(wrong).toEqual([]);
  });

  it('never joins agent and server, not even at an entry point', () => {
    const wrong = sources.flatMap((file) => {
      const other = file.path.startsWith('agent/') ? 'server/' : 'agent/';
      return file.imports.filter((to) => to.startsWith(other)).map(arrow(file));
    });
    expect(wrong).toEqual([]);
  });

  it('keeps scripts thin: they call into the labs, the benches, the pages and the programs', () => {
    const allowed =
      /^(?:test\/(?:labs|bench|docs\/pages)\/|scripts\/(?:bin|packaging)\/|agent\/cli\/|server\/|shared\/)/;
    // What makes the executables is no script: it goes to customers as the programs do. So does what auditors verify with, which may know nothing of ours.
    const verifiers = around.filter(({ path }) => path.startsWith('scripts/verify-'));
    const maxLines = (path: string) =>
      path.startsWith('scripts/packaging/') || verifiers.some((file) => file.path === path)
        ? MAX_FILE_LINES
        : MAX_SCRIPT_LINES;
    const known = verifiers.flatMap(({ imports }) => imports);
    expect(known).toEqual(['scripts/verify-ledgers.ts']);
    const wrong = around
      .filter((file) => file.path.startsWith('scripts/'))
      .flatMap((file) => [
        ...file.imports.filter((to) => !allowed.test(to) && !known.includes(to)).map(arrow(file)),
        ...(file.lines.length > maxLines(file.path) ? [`${file.path} has ${file.lines.length} lines`] : []),
      ]);
    expect(wrong).toEqual([]);
  });

  it('lets nothing import a test, and labs and support no script', () => {
    // They hold no tests of their own: they run the suites a second time, on the other database, or in a bucket.
    const again = /^test\/server\/on-(?:postgres|s3)\//;
    const wrong = everything.flatMap((file) =>
      file.imports
        .filter(
          (to) =>
            (to.endsWith('.test.ts') && !again.test(file.path)) ||
            // What is built is tested like any other code.
            (to.startsWith('scripts/') && !/^(?:scripts|test\/scripts|test\/e2e)\//.test(file.path)),
        )
        .map(arrow(file)),
    );
    expect(wrong).toEqual([]);
  });

  it('imports files that exist', () => {
    const wrong = everything.flatMap((file) => file.imports.filter((to) => !byPath.has(to)).map(arrow(file)));
    expect(wrong).toEqual([]);
  });

  it('has no import circle, in the programs, the tests and the scripts', () => {
    expect(findCircle()).toBeNull();
  });

  it('defines commands in one way: only shared/cli knows the library', () => {
    const wrong = sources
      .filter((file) => !file.path.startsWith('shared/cli/'))
      .filter((file) => /^import (?!type )[^;]*from 'commander'/m.test(file.text));
    expect(wrong.map((file) => file.path)).toEqual([]);
  });

  it('asks in one room whether versions stand side by side: stages go by the placement', () => {
    const wrong = sources
      .filter((file) => /^agent\/(?:engine|cli)\//.test(file.path) && /\bblueGreenOf\b/.test(file.text))
      .map((file) => file.path);
    expect(wrong).toEqual(['agent/engine/deploy/placement.ts']);
  });

  it('wires the agent in one pass, one function a room', () => {
    const main = byPath.get('agent/main.ts');
    expect(main?.lines.length).toBeLessThanOrEqual(150);
    expect(main?.text).not.toMatch(/^\s*let |\bnull \};?$/m);
  });

  it('gives a function of the agent what it needs, and nobody two dozen things', () => {
    const state = byPath.get('agent/engine/agent/state.ts')?.text ?? '';
    const members = /export interface AgentState \{([\s\S]*?)\n\}/.exec(state)?.[1] ?? '';
    const takers = sources.filter(
      (file) => file.path.startsWith('agent/engine/') && /\(state: AgentState\b/.test(file.text),
    );

    expect(members.match(/^ {2}(?:readonly )?\w+[:(]/gm)?.length).toBeLessThanOrEqual(10);
    expect(takers.map((file) => file.path)).toEqual(['agent/engine/agent/admin-routes.ts']);
  });

  it('finds its own parts in one way: in an executable no module has a place', () => {
    const door = 'shared/node/own-parts.ts';
    const asking =
      /\bimport\.meta\b|\bnew Worker\b|\bfork\(|\bprocess\.execPath\b|\bargv\[1\]|'node:(?:sea|module)'|\b__(?:dirname|filename)\b/;
    const wrong = sources
      .filter((file) => file.path !== door && asking.test(withoutComments(file.text)))
      .map((file) => file.path);
    const named = sources.flatMap(
      (file) => file.text.match(OWN_PATH)?.map((path) => path.slice(1, -1)) ?? [],
    );

    expect(wrong).toEqual([]);
    expect(named.filter((path) => !existsSync(new URL(`../${path}`, import.meta.url)))).toEqual([]);
    expect(named).toContain('server/web/docs-page.css');
  });

  it('has no barrel', () => {
    expect(sources.filter((file) => file.path.endsWith('/index.ts')).map((file) => file.path)).toEqual([]);
  });
});

describe('purity', () => {
  const pure = sources.filter(
    (file) => /^(?:shared|agent\/core|server(?:\/vendor)?\/core)\//.test(file.path) && !isImpure(file.path),
  );

  it.each([
    ['a clock', /\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bprocess\.hrtime\b/],
    ['chance', /\bMath\.random\b|\brandomBytes\b|\brandomUUID\b|\bgetRandomValues\b/],
    ['time that passes', /\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b/],
    ['asynchrony', /\basync\b|\bawait\b|\bPromise\b/],
    ['the process and its environment', /\bprocess\.(?!versions)\w+/],
    ['the network', /\bfetch\(|\bWebSocket\b/],
  ])('keeps %s out of shared and core', (_what, pattern) => {
    const wrong = pure.filter((file) => pattern.test(withoutComments(file.text))).map((file) => file.path);
    expect(wrong).toEqual([]);
  });

  it('lets shared and core import hashing and compression of Node, and nothing else of it', () => {
    const allowed = new Set(['node:crypto', 'node:zlib']);
    const wrong = pure.flatMap((file) =>
      file.externals.filter((name) => name.startsWith('node:') && !allowed.has(name)).map(arrow(file)),
    );
    expect(wrong).toEqual([]);
  });
});

describe('long work', () => {
  /** Programs of one person, and parts that are small whatever they are given. */
  const AT_ONCE = [
    'agent/cli/commands/policy.ts',
    'server/vendor/cli/advisory-signing.ts',
    'server/vendor/core/fleet-trial.ts',
    'shared/policy/windows.ts',
    'shared/tree/parse-index.ts',
    'shared/tree/tree-rules.ts',
  ];

  it('is done in pieces wherever others wait', () => {
    const finishing = sources
      .filter((file) => /import \{[^}]*\bfinish\b[^}]*\} from '[^']*encoding\/pieces\.ts'/.test(file.text))
      .map((file) => file.path);
    expect(finishing.toSorted()).toEqual(AT_ONCE);
  });
});

describe('size and shape', () => {
  it('measures a function without the functions inside it', () => {
    const lines = [
      'export function outer(a: number): void {',
      '  const inner = (b: number): number => {',
      '    return b;',
      '  };',
      '  if (a) {',
      '    inner(a);',
      '  }',
      '}',
    ];

    const found = functionsOf({ path: 'x.ts', text: '', lines, imports: [], externals: [] });

    expect(found).toEqual([
      { name: 'inner', line: 2, length: 3 },
      { name: 'outer', line: 1, length: 5 },
    ]);
  });

  it(`keeps every file under ${MAX_FILE_LINES} lines`, () => {
    const wrong = sources.filter((file) => file.lines.length > MAX_FILE_LINES).map((file) => file.path);
    expect(wrong).toEqual([]);
  });

  it(`lets a file be below ${MIN_FILE_LINES} lines only as a table, an entry or one of many of a kind`, () => {
    const small = sources.filter(
      (file) => file.lines.length < MIN_FILE_LINES && !file.path.endsWith('.d.ts'),
    );
    const wrong = small.filter((file) => !SMALL.some(([pattern]) => pattern.test(file.path)));
    const unused = SMALL.filter(([pattern]) => !small.some((file) => pattern.test(file.path)));

    expect(wrong.map((file) => `${file.path} has ${file.lines.length} lines`)).toEqual([]);
    expect(unused.map(([, reason]) => reason)).toEqual([]);
  });

  it(`keeps every function under ${MAX_FUNCTION_LINES} lines of its own`, () => {
    const wrong = sources.flatMap((file) =>
      functionsOf(file)
        .filter((fn) => fn.length > MAX_FUNCTION_LINES)
        .map((fn) => `${file.path}:${fn.line} ${fn.name} has ${fn.length}`),
    );
    expect(wrong).toEqual([]);
  });

  it('opens every file with one sentence that says what it holds', () => {
    const wrong = sources
      .filter((file) => !/^(?:#!.*\n)?\/\/ \S.*[.?]$/m.test(opening(file)))
      .map((file) => file.path);
    expect(wrong).toEqual([]);
  });

  it('holds at its root only what the layout names', () => {
    const allowed = new Set(
      'package.json tsconfig.json server agent shared test docs scripts README.md CHANGELOG.md package-lock.json biome.json node_modules'.split(
        ' ',
      ),
    );
    expect(readRootEntries().filter((name) => !name.startsWith('.') && !allowed.has(name))).toEqual([]);
  });
});

function arrow(file: SourceFile): (to: string) => string {
  return (to) => `${file.path} → ${to}`;
}

function isImpure(path: string): boolean {
  return IMPURE.some((folder) => path.startsWith(`${folder}/`));
}

function isSharedImportAllowed(from: string, to: string): boolean {
  const rank = (path: string) => SHARED_ORDER.indexOf(path.split('/')[1] ?? '');
  return to.startsWith('shared/') && rank(to) !== -1 && rank(to) <= rank(from);
}

function isProgramImportAllowed(from: string, to: string): boolean {
  if (to === TURNS && from.startsWith('agent/engine/')) return true;
  if (isImpure(to)) return IMPURE_IS_OPEN_TO.test(from);
  if (to.startsWith('shared/')) return true;
  const layerOf = (path: string) =>
    path
      .split('/')
      .slice(0, path.startsWith('server/vendor/') ? 3 : 2)
      .join('/')
      .replace(/\.ts$/, '');
  return PROGRAM_LAYERS[layerOf(from)]?.includes(layerOf(to)) ?? false;
}

function findCircle(): string | null {
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string | null => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path].join(' → ');
    if (done.has(path)) return null;
    for (const next of byPath.get(path)?.imports ?? []) {
      const circle = visit(next, [...trail, path]);
      if (circle !== null) return circle;
    }
    done.add(path);
    return null;
  };
  return everything.map((file) => visit(file.path, [])).find((circle) => circle !== null) ?? null;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function opening(file: SourceFile): string {
  return file.lines[0]?.startsWith('#!') ? `${file.lines[0]}\n${file.lines[1]}` : (file.lines[0] ?? '');
}
