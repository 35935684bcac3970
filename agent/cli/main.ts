#!/usr/bin/env node
// The program `fairlead`: the operator's command line, and the agent service itself.
import { AGENT_VERSION } from '../adapters/machine/surroundings.ts';
import type { CliContext } from './context.ts';
import type { GlobalOptions } from './program.ts';

/** 128 and the signal's number: what a shell says of a program whose reader went away. */
const SIGPIPE_EXIT = 141;

const words = process.argv.slice(2);
// All before anything is loaded: scripts ask the first in loops, the second runs for as long as a service does, the third has memory for one thing.
if (words[0] === '--version') process.stdout.write(`${AGENT_VERSION}\n`);
else if (words.length === 3 && words[0] === 'agent' && words[1] === 'switch') void passTraffic(words[2]);
else if (words.length === 3 && words[0] === 'agent' && words[1] === 'patch') void import('./patch.ts');
else void main();

/** What the agent starts for a blue-green capability: the last word is the file that says where to. */
async function passTraffic(route = ''): Promise<void> {
  const { serveTraffic } = await import('../adapters/drivers/traffic/switch.ts');
  serveTraffic(route);
}

/** As SIGPIPE would end it; a disk that takes no more is an error. */
function endOutput(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(SIGPIPE_EXIT);
  process.stderr.write(`error: cannot write the output: ${error.code}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  process.stdout.on('error', endOutput);
  const { growSlowly } = await import('../adapters/machine/heap.ts');
  growSlowly();
  const { runProgram } = await import('../../shared/cli/run.ts');
  const { createProgram } = await import('./program.ts');
  const program = createProgram({
    createContext,
    runAgent: async (options) => {
      const { runAgent } = await import('../main.ts');
      // What is still under way is at a safe point: the next agent takes it up from the journal.
      process.exit(await runAgent(options));
    },
    exit: (status) => {
      process.exitCode = status;
    },
  });
  const status = await runProgram(program, words, process);
  if (status !== null) process.exitCode = status;
}

async function createContext(options: GlobalOptions): Promise<CliContext> {
  const { createAdminClient } = await import('../adapters/admin/admin-client.ts');
  const { systemClock } = await import('../adapters/machine/surroundings.ts');
  const { localZone } = await import('../../shared/present/windows.ts');
  const { createStyle, wantsColor } = await import('../../shared/present/table.ts');
  const { createProgress } = await import('../../shared/cli/progress.ts');
  return {
    stateDir: options.stateDir,
    // Only when somebody asks: the tables of time zones take 8 MB, and the service has no terminal.
    get zone() {
      return localZone(Intl.DateTimeFormat().resolvedOptions().timeZone);
    },
    passphrase: process.env.FAIRLEAD_PASSPHRASE,
    json: options.json === true,
    interactive: process.stdin.isTTY === true && process.stdout.isTTY === true,
    style: createStyle(wantsColor(process.env, process.stdout.isTTY === true)),
    client: createAdminClient(options.stateDir),
    clock: systemClock,
    readLogsAtRest: async (request) =>
      (await import('../logs-at-rest.ts')).readLogsAtRest(options.stateDir, request),
    verifyDownload: async (question) => (await import('../verify-download.ts')).verifyDownload(question),
    print: (text) => void process.stdout.write(`${text}\n`),
    progress: createProgress(process.stderr, options.json === true),
    ...(await import('../../shared/cli/output.ts')),
  };
}
