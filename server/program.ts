// The program `fairlead-server`: its commands, and how one is run from argument list to exit status.
import type { Command } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { createProgram as createCommandLine } from '../shared/cli/command.ts';
import { runProgram } from '../shared/cli/run.ts';
import type { CliContext } from './cli/options.ts';
import { INIT, ON_DIRECTORY, runOf } from './cli/specs.ts';

const GROUPS = {
  token: 'tokens of people and programs',
  audit: 'the log of everything that was changed',
  retention: 'until when releases stay to be had, and the files of those that may go',
};

export function createProgram(exit: (status: number) => void): Command {
  return createCommandLine<CliContext>({
    name: 'fairlead-server',
    about: 'Fairlead release server: serves the signed repository and knows the fleet',
    version: manifest.version,
    common: [],
    groups: GROUPS,
    // The commands that do not serve start in half the time without what serves.
    commands: [INIT, runOf(async () => (await import('./serve.ts')).run), ...ON_DIRECTORY],
    createContext: async () => ({ environment: process.env }),
    exit,
  });
}

/** Answers when the command has ended, or serves. */
export async function run(words: readonly string[]): Promise<void> {
  // Whoever read the first lines may be gone: the server, and what was begun, go on.
  process.stdout.on('error', () => undefined);
  const exit = (status: number) => {
    process.exitCode = status;
  };
  const status = await runProgram(createProgram(exit), words, process);
  if (status !== null) exit(status);
}
