// What the demo shows: chapters, every command before its output, what was checked, and waits that move.
import { spawn } from 'node:child_process';

export interface Terminal {
  chapter(title: string): void;
  say(text: string): void;
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
  /** Keep the output off the screen, for commands that only fetch data for a check. */
  readonly quiet?: boolean;
}

export class DemoFailure extends Error {}

const POLL_MS = 250;
const isTerminal = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const bold = (text: string) => (isTerminal ? `\u001b[1m${text}\u001b[0m` : text);
const dim = (text: string) => (isTerminal ? `\u001b[2m${text}\u001b[0m` : text);

export function createTerminal(environment: NodeJS.ProcessEnv): Terminal {
  return {
    chapter: (title) => console.log(`\n${bold(`━━ ${title}`)}`),
    say: (text) => console.log(text),
    run: (argv, options = {}) => runCommand(argv, options, environment),
    check: (sentence, holds, found) => {
      console.log(`  ${holds ? '✓' : '✗'} ${sentence}`);
      if (!holds) throw new DemoFailure(found === undefined ? sentence : `${sentence}: found ${found}`);
    },
    wait: waitFor,
  };
}

async function runCommand(
  argv: readonly string[],
  options: RunOptions,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const [program = '', ...rest] = argv;
  if (options.quiet !== true)
    console.log(bold(`$ ${argv.map(quote).join(' ')}${options.stdin ? ' < …' : ''}`));
  const child = spawn(program, rest, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(options.stdin ?? '');
  let stdout = '';
  let shown = '';
  const collect = (chunk: string, isOutput: boolean) => {
    if (isOutput) stdout += chunk;
    shown += chunk;
    if (options.quiet !== true) process.stdout.write(chunk);
  };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => collect(chunk, true));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => collect(chunk, false));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (status === null || !(options.exits ?? [0]).includes(status)) {
    const said = options.quiet === true ? `:\n${shown}` : '';
    throw new DemoFailure(`${argv.slice(0, 3).join(' ')} ended with status ${status}${said}`);
  }
  return stdout;
}

async function waitFor<T>(what: string, probe: () => Promise<T | null>, timeoutMs = 90_000): Promise<T> {
  const start = performance.now();
  let lastLine = start;
  for (;;) {
    const found = await probe();
    const waited = performance.now() - start;
    if (found !== null) {
      console.log(dim(`  … ${what}: ${(waited / 1000).toFixed(1)} s`));
      return found;
    }
    if (waited > timeoutMs) throw new DemoFailure(`${what}: not within ${timeoutMs / 1000} s`);
    if (performance.now() - lastLine > 5000) {
      console.log(dim(`  … ${what}: still waiting after ${(waited / 1000).toFixed(0)} s`));
      lastLine = performance.now();
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function quote(argument: string): string {
  return /^[\w@%+=:,./~^-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
