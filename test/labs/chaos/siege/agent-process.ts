// The attacked agent's own process: started under limits, looked at from outside, killed.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface AgentStart {
  /** What stands before it: `prlimit --nofile=30`. */
  readonly under?: readonly string[];
  /** The file its log goes to instead of its own. */
  readonly log?: string;
}

export interface AgentProcess {
  readonly pid: number;
  /** Resolves to the exit status, null after a signal. */
  readonly ended: Promise<number | null>;
  isAlive(): boolean;
  kill(signal: NodeJS.Signals): Promise<void>;
  log(): Promise<string>;
}

/** `argv` is executed in place, so that the pid is the agent's own. */
export function startAgentProcess(
  argv: readonly string[],
  { under = [], log }: AgentStart,
  { directory, env }: { readonly directory: string; readonly env: NodeJS.ProcessEnv },
): AgentProcess {
  const path = log ?? join(directory, 'logs', `agent-${Date.now()}.log`);
  const output = openSync(path, 'a');
  const [program = '', ...words] = [...under, ...argv];
  const child = spawn(program, words, { cwd: directory, env, stdio: ['ignore', output, output] });
  closeSync(output);
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
    child.once('error', () => resolve(null));
  });
  return {
    pid: child.pid ?? 0,
    ended,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    async kill(signal) {
      child.kill(signal);
      await ended;
    },
    log: () => (log === undefined ? readFile(path, 'utf8').catch(() => '') : Promise.resolve('')),
  };
}
