// Asking a service on trial whether it works, as an agent asks: commands under the trial's own account.
import { ask as askAnywhere, type CommandEnding, type Reply } from '../../../../shared/node/probes/ask.ts';
import type { TrialCommand, TrialProbe } from '../../core/trial.ts';
import { ending, signalGroup, start, type TrialRoom } from './processes.ts';

export function ask({ question }: TrialProbe, room: TrialRoom, signal: AbortSignal): Promise<Reply> {
  return askAnywhere(question, ({ exec }, limit) => run(exec, room, limit), signal);
}

/** Null when it ends with 0 in time. */
export async function runToEnd({ exec, timeoutMs }: TrialCommand, room: TrialRoom): Promise<string | null> {
  const { ending: how } = await run(exec, room, AbortSignal.timeout(timeoutMs));
  return how === 'exit status 0' ? null : `${exec.join(' ')}: ${how}`;
}

/** What it writes goes to the trial's log. */
async function run(exec: readonly string[], room: TrialRoom, limit: AbortSignal): Promise<CommandEnding> {
  const child = start(room, exec);
  const kill = () => signalGroup(child, 'SIGKILL');
  limit.addEventListener('abort', kill, { once: true });
  if (limit.aborted) kill();
  try {
    return { ending: await ending(child), lastLine: '' };
  } finally {
    limit.removeEventListener('abort', kill);
  }
}
