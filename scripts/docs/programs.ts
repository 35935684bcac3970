// The three programs' command lines as data: to be read, not run.
import type { Command } from 'commander';
import { createProgram as createAgentProgram } from '../../agent/cli/program.ts';
import { createProgram as createVendorProgram } from '../../server/cli/main.ts';
import { createProgram as createServerProgram } from '../../server/main.ts';

export function createPrograms(): readonly Command[] {
  return [agentProgram(), vendorProgram(), createServerProgram()];
}

function agentProgram(): Command {
  return createAgentProgram({ createContext: neverRun, runAgent: neverRun, exit: () => undefined });
}

function vendorProgram(): Command {
  const silent = { write: () => true };
  return createVendorProgram({
    stdout: silent,
    stderr: silent,
    env: {},
    isTerminal: false,
    now: () => 0,
    openKey: neverRun,
  });
}

function neverRun(): never {
  throw new Error('the documentation runs no command');
}
