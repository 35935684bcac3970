// Programs: what a command of a release runs must be in its tree, runnable, or one of the system's own.
import type { DocumentIssue } from '../../../../shared/errors/document.ts';
import { kindOf, textsOf } from '../../../../shared/schema/probes/probes.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import { parseProgramHead } from '../../../../shared/tree/program-head.ts';
import type { TreeFile } from '../../../../shared/tree/tree-index.ts';
import {
  asWritten,
  commandsOf,
  DATA,
  fillKnown,
  type PlacedCommand,
  problem,
  quote,
  TREE,
} from './problem.ts';
import { normalize, type TreeFacts } from './tree-facts.ts';

/** Where systems keep their programs; anything else absolute is a place of the machine that built the release. */
const SYSTEM = /^\/(?:usr\/(?:local\/)?)?(?:s?bin|lib|lib64|libexec|games)\//;

/** Programs whose first argument, where it is no option, is the file they run. */
const INTERPRETERS = /^(?:node|nodejs|python\d?(?:\.\d+)?|ruby|perl|php|sh|bash|dash|zsh|ksh)$/;
const NODE_SUFFIXES = ['', '.js', '.cjs', '.mjs', '.json', '/index.js', '/package.json'];

export function findProgramProblems(release: CapabilityRelease, tree: TreeFacts): readonly DocumentIssue[] {
  return commandsOf(release).flatMap((command) => {
    const found = programProblems(command, release, tree);
    return found.length > 0 ? found : scriptProblems(command, release, tree);
  });
}

/** The files of the tree that commands run: their first bytes say whether they can. */
export function programFiles(release: CapabilityRelease, tree: TreeFacts): readonly TreeFile[] {
  return commandsOf(release).flatMap(({ words }) => {
    const program = fillKnown(words[0] ?? '', release.settings);
    const path = program === null ? null : pathInTree(program);
    const found = path === null || path === OUTSIDE ? null : tree.at(path);
    return found?.kind === 'file' ? [found.file] : [];
  });
}

function programProblems(
  { path, words }: PlacedCommand,
  release: CapabilityRelease,
  tree: TreeFacts,
): readonly DocumentIssue[] {
  const place = `${path}.0`;
  const program = fillKnown(words[0] ?? '', release.settings);
  if (program === null || program.startsWith(`${DATA}/`)) return [];
  if (program.trim() !== program || program === '') {
    return [problem(place, quote(program), 'a program', 'write its name without blanks around it')];
  }
  if (!program.includes('/')) return bareNameProblems(place, program, tree);
  const inTree = pathInTree(program);
  if (inTree === null) return systemProblems(place, program);
  if (inTree === OUTSIDE) return [outside(place, program)];
  return fileProblems(place, asWritten(program), inTree, tree, 'runnable');
}

const OUTSIDE = Symbol('outside');

/** Null for a path of the machine. */
function pathInTree(program: string): string | typeof OUTSIDE | null {
  if (program !== TREE && !program.startsWith(`${TREE}/`) && program.startsWith('/')) return null;
  return normalize(program.replace(TREE, '.')) ?? OUTSIDE;
}

/** A name without a slash is looked for on the PATH, never in the tree. */
function bareNameProblems(place: string, name: string, tree: TreeFacts): readonly DocumentIssue[] {
  if (/\s/.test(name)) {
    return [
      problem(place, quote(name), 'one word: the program alone', 'write each word as an entry of its own'),
    ];
  }
  const found = tree.at(name);
  if (found.kind !== 'file' || found.file.mode !== 0o755) return [];
  const expected = 'a program that is looked for on the PATH, or "./" before one of the tree';
  return [problem(place, quote(name), expected, `write "./${name}" to run the one you ship`)];
}

function systemProblems(place: string, program: string): readonly DocumentIssue[] {
  if (SYSTEM.test(program)) return [];
  const expected = 'a program of the tree such as "./serve", or one of the system such as "/usr/bin/node"';
  const remedy = 'ship it in the tree, or name it without a slash so that it is looked for on the PATH';
  return [problem(place, quote(program), expected, remedy)];
}

function outside(place: string, path: string): DocumentIssue {
  return problem(
    place,
    quote(asWritten(path)),
    'a path that stays inside the tree',
    'ship the file in the tree',
  );
}

function fileProblems(
  place: string,
  written: string,
  path: string,
  tree: TreeFacts,
  use: 'runnable' | 'readable',
): readonly DocumentIssue[] {
  const found = tree.at(path);
  if (found.kind === 'missing') {
    const near = tree.near(path);
    const remedy = `add it to the directory you build from${near === null ? '' : `, or did you mean "./${near}"?`}`;
    return [problem(place, `${quote(written)}, which is not in the tree`, 'a file of the tree', remedy)];
  }
  if (found.kind === 'directory') {
    return [problem(place, `${quote(written)}, a directory`, 'a file of the tree', 'name the file in it')];
  }
  if (use === 'readable') return [];
  if (found.file.mode !== 0o755) {
    const remedy = `run: chmod +x ${path}`;
    return [problem(place, `${quote(written)}, which may not be executed`, 'an executable file', remedy)];
  }
  const head = tree.head(found.file);
  return head === null ? [] : headProblems(place, written, head, tree);
}

function headProblems(
  place: string,
  written: string,
  bytes: Uint8Array,
  tree: TreeFacts,
): readonly DocumentIssue[] {
  const head = parseProgramHead(bytes);
  if (head.kind === 'program') return [];
  const wrong = (found: string, remedy: string) => [
    problem(place, `${quote(written)}: ${found}`, 'a file that Linux can run', remedy),
  ];
  if (head.kind === 'unusable') return wrong(head.problem, head.remedy);
  const { interpreter, argument } = head;
  if (/(?:^|\/)env$/.test(interpreter) && argument !== null && /^[^-=\s]\S*\s/.test(argument)) {
    return wrong(`"env" is handed "${argument}" as one word`, `write "#!${interpreter} -S ${argument}"`);
  }
  if (interpreter.startsWith('/')) {
    if (SYSTEM.test(interpreter)) return [];
    return wrong(`its interpreter is "${interpreter}"`, 'name one of the system, or "#!/usr/bin/env NAME"');
  }
  // The kernel looks below the working directory, which is the tree.
  const path = normalize(interpreter);
  const found = path === null ? null : tree.at(path);
  if (found?.kind === 'file' && found.file.mode === 0o755) return [];
  return wrong(`its interpreter "${interpreter}" is no program of the tree`, 'ship it, executable');
}

/** `node server.js` starts everywhere and ends at once where the file is not there. */
function scriptProblems(
  { path, words }: PlacedCommand,
  release: CapabilityRelease,
  tree: TreeFacts,
): readonly DocumentIssue[] {
  const [program = '', first = ''] = words;
  const name = program.slice(program.lastIndexOf('/') + 1);
  const at = name === 'java' ? words.indexOf('-jar') + 1 : 1;
  if (!INTERPRETERS.test(name) && !(name === 'java' && at > 0)) return [];
  const word = words[at];
  if (word === undefined || (at === 1 && first.startsWith('-'))) return [];
  const script = fillKnown(word, release.settings);
  if (script === null || script === '') return [];
  const inTree = pathInTree(script);
  if (inTree === null) return [];
  const place = `${path}.${at}`;
  if (inTree === OUTSIDE) return [outside(place, script)];
  const suffixes = name.startsWith('node') ? NODE_SUFFIXES : [''];
  if (suffixes.some((suffix) => tree.at(`${inTree}${suffix}`).kind === 'file')) return [];
  // A package of Python or Ruby may be a directory.
  if (name.startsWith('python') && tree.at(`${inTree}/__main__.py`).kind === 'file') return [];
  return fileProblems(place, asWritten(script), inTree, tree, 'readable');
}

export function findProbeProblems(release: CapabilityRelease): readonly DocumentIssue[] {
  return release.health.flatMap((probe, at) => {
    const wrong = kindOf(probe).lint(probe, (text) => fillKnown(text, release.settings));
    return [...wrong, ...slotProblems(release, probe)].map(({ key, found, expected, remedy }) =>
      problem(`health.${at}.${key}`, quote(found), expected, remedy),
    );
  });
}

/** Of two versions side by side, one answers at a place that no setting moves: the old one, for the new one too. */
function slotProblems({ service }: CapabilityRelease, probe: CapabilityRelease['health'][number]) {
  const { key, isCommand } = kindOf(probe);
  if (service.blueGreen === undefined || isCommand === true) return [];
  const text = textsOf(probe).find(([[place]]) => place === key)?.[1] ?? '';
  if (text.includes('${settings.')) return [];
  const expected = 'a place of its own for each of two versions side by side';
  return [{ key, found: text, expected, remedy: `write "\${settings.${service.blueGreen.public}}" in it` }];
}
