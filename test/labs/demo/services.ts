// The two programs that keep running during the demo: the release server and the agent.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';

export interface BackgroundProgram {
  /** Asks the program to end and waits until it has. */
  stop(): Promise<void>;
  /** Ends it as a power cut would, at once, and waits until it has. */
  kill(): Promise<void>;
}

/** Starts a program in `cwd` with its output in `logFile`. */
export function startProgram(
  argv: readonly string[],
  logFile: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): BackgroundProgram {
  const [program = '', ...rest] = argv;
  // Its own descriptor: the program writes on when whoever started it is gone.
  const log = openSync(logFile, 'a');
  const child = spawn(program, rest, { cwd, env, stdio: ['ignore', log, log] });
  closeSync(log);
  return { stop: () => endChild(child, 'SIGTERM'), kill: () => endChild(child, 'SIGKILL') };
}

async function endChild(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const hurry = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(hurry);
}

/** A loopback port that is free now. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** The body of a GET, or null while nobody gives a good answer. */
export async function readUrl(url: string, headers: Record<string, string> = {}): Promise<string | null> {
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(5000) });
    return answer.ok ? await answer.text() : null;
  } catch {
    return null;
  }
}
