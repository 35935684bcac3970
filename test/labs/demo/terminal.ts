// What the demo shows: chapters, every command before its output, what was checked, and waits that move.
import { spawn } from 'node:child_process';
import { isAbsolute, relative } from 'node:path';

export interface Terminal {
  chapter(title: string): void;
  say(text: string): void;
  /** A command as a person would type it in the demo's directory; `suffix` goes behind it as it is. */
  show(argv: readonly string[], suffix?: string): void;
  /** Prints the command, runs it, prints its output. Fails the demo unless it exits as expected. */
  run(argv: readonly string[], options?: RunOptions): Promise<string>;
  /** Prints what was checked; fails the demo when it does not hold. */
  check(sentence: string, holds: boolean, found?: string): void;
  /** Asks `probe` until it answers something else than null, showing that time passes. */
  wait<T>(what: string, probe: () => Promise<T | null>, timeoutMs?: number): Promise<T>;
}

export interface RunOptions {
  readonly stdin?: string;
  /** Exit statuses that are right here; 0 unless given. */
  readonly exits?: readonly number[];
}

/** The story did not go as told; the message says where. */
export class DemoFailure extends Error {}

const POLL_MS = 100;
const LINE_EVERY_MS = 15_000;
const WORTH_TELLING_MS = 500;
const WIDTH = 100;
const isTerminal = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const bold = (text: string) => (isTerminal ? `\u001b[1m${text}\u001b[0m` : text);
const dim = (text: string) => (isTerminal ? `\u001b[2m${text}\u001b[0m` : text);

type Print = (text: string) => void;

export function printToScreen(text: string): void {
  process.stdout.write(text);
}

/** Commands run in `directory`, and paths below it are given relative to it. */
export function createTerminal(directory: string, env: NodeJS.ProcessEnv, print: Print): Terminal {
  const near = (argument: string) => (isAbsolute(argument) ? shorten(directory, argument) : argument);
  const show = (argv: readonly string[], suffix = '') =>
    print(`${bold(formatCommand(argv.map(near), suffix))}\n`);
  return {
    chapter: (title) => print(`\n${bold(`━━ ${title}`)}\n`),
    say: (text) => print(`${text}\n`),
    show,
    run: (argv, options = {}) => {
      show(argv, options.stdin === undefined ? '' : ' < enrolment-string');
      return runCommand(argv.map(near), options, { cwd: directory, env, print });
    },
    check: (sentence, holds, found) => {
      print(`  ${holds ? '✓' : '✗'} ${sentence}\n`);
      if (!holds) throw new DemoFailure(found === undefined ? sentence : `${sentence}: found ${found}`);
    },
    wait: (what, probe, timeoutMs) => waitFor(print, what, probe, timeoutMs),
  };
}

async function runCommand(
  argv: readonly string[],
  options: RunOptions,
  { cwd, env, print }: { cwd: string; env: NodeJS.ProcessEnv; print: Print },
): Promise<string> {
  const [program = '', ...rest] = argv;
  const child = spawn(program, rest, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  // Whoever was refused before it read its input closes the pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    print(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', print);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (status === null || !(options.exits ?? [0]).includes(status)) {
    throw new DemoFailure(`${argv.slice(0, 3).join(' ')} ended with status ${status}`);
  }
  return stdout;
}

async function waitFor<T>(
  print: Print,
  what: string,
  probe: () => Promise<T | null>,
  timeoutMs = 90_000,
): Promise<T> {
  const start = performance.now();
  let lastLine = start;
  for (;;) {
    const found = await probe();
    const waited = performance.now() - start;
    const line = dim(`  … ${what}: ${(waited / 1000).toFixed(1)} s`);
    if (found !== null) {
      if (waited > WORTH_TELLING_MS) print(`${isTerminal ? '\r' : ''}${line}\n`);
      return found;
    }
    if (waited > timeoutMs) throw new DemoFailure(`${what}: not within ${timeoutMs / 1000} s`);
    if (isTerminal && waited > WORTH_TELLING_MS) print(`\r${line}`);
    if (!isTerminal && performance.now() - lastLine > LINE_EVERY_MS) {
      print(`${line}\n`);
      lastLine = performance.now();
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Broken before an option where it would not fit, as a shell accepts it. */
function formatCommand(argv: readonly string[], suffix: string): string {
  const lines: string[] = [];
  let line = '$';
  for (const [index, word] of argv.map(quote).entries()) {
    const isOption = argv[index]?.startsWith('--') === true;
    const withValue = isOption ? `${word} ${quote(argv[index + 1] ?? '')}` : word;
    if (isOption && `${line} ${withValue} \\`.length > WIDTH) {
      lines.push(`${line} \\`);
      line = `   ${word}`;
    } else {
      line += ` ${word}`;
    }
  }
  return [...lines, line + suffix].join('\n');
}

export function quote(argument: string): string {
  return /^[\w@%+=:,./~^-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

function shorten(directory: string, path: string): string {
  const below = relative(directory, path);
  return below.startsWith('..') ? path : below;
}
