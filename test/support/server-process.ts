// The program `fairlead-server` as processes: commands that end, and servers that say where they listen.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { programDirectory } from '../labs/demo/stage.ts';

export const PROGRAM = join(programDirectory(), 'fairlead-server');

export interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function callServer(
  argv: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  cwd?: string,
): Promise<Result> {
  const env = { PATH: process.env.PATH, ...environment };
  return new Promise((resolve) => {
    const child = execFile(PROGRAM, argv, { env, cwd }, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** Everything it wrote so far. */
  output(): string;
}

/** Starts a server on a free port, unless `argv` names one, and waits until it says where. */
export function runServer(
  argv: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<ServerProcess> {
  const port = argv.includes('--port') ? [] : ['--port', '0'];
  const child = spawn(PROGRAM, ['run', ...argv, ...port], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let output = '';
    child.stderr.on('data', (bytes) => {
      output += bytes;
    });
    child.stdout.on('data', (bytes) => {
      output += bytes;
      const url = /listening on (\S+)\n/.exec(output)?.[1];
      if (url !== undefined) resolve({ url, child, output: () => output });
    });
    child.once('exit', (status) => reject(new Error(`the server ended with ${status}: ${output}`)));
  });
}

export function endServer(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once('exit', (status) => resolve(status));
    child.kill(signal);
  });
}
