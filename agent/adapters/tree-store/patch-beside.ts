// Has a patch applied by a process beside the agent, and hears how that ended; a process that dies is one more way for a patch to be of no use.
import { spawn } from 'node:child_process';
import { durationMs } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import type { ErrorCode, ErrorData } from '../../../shared/errors/catalogue.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { ownProgram } from '../../../shared/node/own-parts.ts';
import type { PatchWork } from './downloads.ts';
import type { PatchOutcome } from './patch-process.ts';

/** Ten gigabytes on a slow disk take less: what lasts longer hangs. */
const PATIENCE_MS = durationMs('PT45M');
/** More than any outcome. */
const MOST_OUTPUT_BYTES = 64 * 1024;

/** Errors: tree/*, disk/*, tree/patch-failed for what the process itself came to. */
export async function applyBeside(
  work: PatchWork,
  signal?: AbortSignal,
  program: readonly string[] = [...ownProgram('agent/cli/main.ts'), 'agent', 'patch'],
): Promise<void> {
  const { output, ending } = await run([...program, JSON.stringify(work)], signal);
  const outcome = outcomeIn(output);
  if (outcome?.kind === 'built') return;
  if (outcome?.kind === 'refused')
    throw new FairleadError(outcome.code as ErrorCode, outcome.data as ErrorData<ErrorCode>);
  const problem = sanitizeLine(outcome?.problem ?? `its process ended early: ${ending}`);
  throw new FairleadError('tree/patch-failed', { problem });
}

/** Never throws: what could not even begin has its ending too. */
async function run(
  [command = '', ...words]: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ output: string; ending: string }> {
  // Its standard input is a promise that the agent lives.
  const child = spawn(command, words, {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: process.env.PATH === undefined ? {} : { PATH: process.env.PATH },
    timeout: PATIENCE_MS,
    signal,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdin?.on('error', () => undefined);
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    if (output.length < MOST_OUTPUT_BYTES) output += text;
    // It has no more to do, and Node can hang while it leaves.
    if (text.includes('\n')) child.kill('SIGKILL');
  });
  const ending = await new Promise<string>((resolve) => {
    // One that began is waited for to its end: it may be writing.
    child.once('error', (error) => child.pid === undefined && resolve(error.message));
    child.once('close', (status, signal) => resolve(signal ?? `exit status ${status}`));
  });
  return { output, ending };
}

/** Null where it said nothing that can be understood. */
function outcomeIn(output: string): PatchOutcome | null {
  try {
    return JSON.parse(output) as PatchOutcome;
  } catch {
    return null;
  }
}
