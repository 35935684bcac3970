// Running the vendor's own build command.
import { spawn } from 'node:child_process';
import { FairleadError } from '../../../shared/errors/error.ts';

/** Its output goes to standard error, so that --json stays clean. Error: vendor/command-failed. */
export async function runShell(command: string): Promise<void> {
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 2, 2] });
  const problem = await new Promise<string | null>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (status, signal) => {
      resolve(status === 0 ? null : signal === null ? `exit status ${status}` : `ended by ${signal}`);
    });
  });
  if (problem !== null) throw new FairleadError('vendor/command-failed', { command, problem });
}
