// The three programs' command lines as data: to be read, not run.
import type { Command } from 'commander';
import { createProgram as createAgentProgram } from '../../../agent/cli/program.ts';
import { createProgram as createServerProgram } from '../../../server/program.ts';
import { createProgram as createVendorProgram } from '../../../server/vendor/cli/program.ts';

export function createPrograms(): readonly Command[] {
  return [agentProgram(), vendorProgram(), createServerProgram(() => undefined)];
}

/** The commands that do something; a group such as `pin` only holds others. */
export function leavesOf(command: Command): readonly Command[] {
  const visible = new Set(command.createHelp().visibleCommands(command));
  return command.commands
    .filter((child) => visible.has(child))
    .flatMap((child) => (child.commands.length === 0 ? [child] : leavesOf(child)));
}

function agentProgram(): Command {
  return createAgentProgram({ createContext: neverRun, runAgent: neverRun, exit: () => undefined });
}

function vendorProgram(): Command {
  const silent = { write: () => true };
  const surroundings = {
    stdout: silent,
    stderr: silent,
    env: {},
    isTerminal: false,
    confirm: neverRun,
    now: () => 0,
    openKey: neverRun,
  };
  return createVendorProgram(surroundings, () => undefined);
}

function neverRun(): never {
  throw new Error('the documentation runs no command');
}
