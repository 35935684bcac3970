// Running a tool of the machine or of the vendor: bounded time and output; whatever it leaves running in peace stays.
import { type ChildProcess, spawn } from 'node:child_process';
import { pipeline } from 'node:stream/promises';
import { formatDuration } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { systemCode } from '../../../shared/errors/error.ts';
import type { Account } from './account.ts';
import { asAccount, type Spawned, withServiceUmask } from './as-account.ts';

export interface ToolSpec {
  readonly argv: readonly string[];
  /** All it gets: nothing of the agent's own environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  /** The account to run as; the agent's own when absent. */
  readonly account?: Account;
  readonly timeoutMs: number;
  /** How much of its output is kept; 64 KiB unless given. */
  readonly keepBytes?: number;
  /** An open file that takes its output, for commands that leave a process behind; captured when absent. */
  readonly outputTo?: number;
  /** The same for what it writes to its standard output alone. */
  readonly stdoutTo?: number;
  /** What it reads; nothing when absent. Where it cannot be had to its end, the command is ended too. */
  readonly input?: AsyncIterable<Uint8Array>;
}

export interface ToolResult {
  /** Null when it did not exit by itself, or never started. */
  readonly status: number | null;
  /** One line: `exit status 3: no such unit`, `no end within 5.0s`. */
  readonly detail: string;
  /** The last 64 KiB, or as much as was asked for. */
  readonly stdout: string;
  readonly stderr: string;
}

const MAX_OUTPUT_BYTES = 64 * 1024;
// A grandchild may keep the pipes open after the command itself has exited.
const PIPE_GRACE_MS = 200;

/** Never rejects: a command that cannot be run is a result that says why. */
export function runTool(spec: ToolSpec): Promise<ToolResult> {
  return prepared(spec).catch(notStarted);
}

async function prepared(spec: ToolSpec): Promise<ToolResult> {
  const spawned = await asAccount(spec.argv, spec.env, spec.account ?? {});
  return new Promise<ToolResult>((resolve, reject) => {
    const child = start(spec, spawned);
    const stdout = tailOf(child.stdout, spec.keepBytes);
    const stderr = tailOf(child.stderr, MAX_OUTPUT_BYTES);
    let overstayed = false;
    let missing: string | null = null;
    void feed(child, spec).then((problem) => {
      missing = problem;
      if (problem !== null) killGroup(child);
    });
    const timer = setTimeout(() => {
      overstayed = true;
      killGroup(child);
    }, spec.timeoutMs);
    const end = (status: number | null, reason: string) => {
      child.stdout?.destroy();
      child.stderr?.destroy();
      const detail = describe(reason, stderr(), stdout());
      resolve({ status, detail, stdout: stdout(), stderr: stderr() });
    };
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('exit', (status, signal) => {
      clearTimeout(timer);
      const late = `no end within ${formatDuration(spec.timeoutMs)}`;
      const ended = signal === null ? `exit status ${status}` : `killed by ${signal}`;
      const reason = missing ?? (overstayed ? late : ended);
      const done = () => end(overstayed || missing !== null ? null : status, reason);
      const grace = setTimeout(done, PIPE_GRACE_MS);
      child.once('close', () => {
        clearTimeout(grace);
        done();
      });
    });
  });
}

function notStarted(error: unknown): ToolResult {
  const problem = error instanceof Error ? error.message : 'it cannot be started';
  return { status: null, detail: sanitizeLine(problem), stdout: '', stderr: '' };
}

function start(spec: ToolSpec, { argv, env, ids }: Spawned): ChildProcess {
  const [program = '', ...rest] = argv;
  const output = spec.outputTo ?? 'pipe';
  return withServiceUmask(() =>
    spawn(program, rest, {
      cwd: spec.workingDirectory,
      env: { ...env },
      stdio: [spec.input === undefined ? 'ignore' : 'pipe', spec.stdoutTo ?? output, output],
      // A group of its own: KILL reaches whatever it started.
      detached: true,
      ...ids,
    }),
  );
}

/** What is wrong with its input; null where it had all it wanted. It may want less than there is. */
async function feed({ stdin }: ChildProcess, { input }: ToolSpec): Promise<string | null> {
  if (stdin === null || input === undefined) return null;
  try {
    await pipeline(input, stdin);
    return null;
  } catch (error) {
    const hasEnough = ['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET'].includes(systemCode(error));
    return hasEnough ? null : error instanceof Error ? error.message : 'its input cannot be read';
  }
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended in this very moment.
  }
}

function tailOf(stream: NodeJS.ReadableStream | null, maxBytes = MAX_OUTPUT_BYTES): () => string {
  let kept = Buffer.alloc(0);
  stream?.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-maxBytes);
  });
  return () => kept.toString('utf8');
}

function describe(reason: string, ...outputs: readonly string[]): string {
  const said = outputs.map((text) => text.trim().split('\n').at(-1) ?? '').find((line) => line !== '');
  return said === undefined ? reason : `${reason}: ${sanitizeLine(said)}`;
}

/** Whether a program does not know an option, by what it says: at the beginning of a line, for behind it may stand a path that reads like anything. */
export function refusesOption(stderr: string): boolean {
  return /^\S+: (?:invalid|unrecognized|unknown) option|^usage:/im.test(stderr);
}
