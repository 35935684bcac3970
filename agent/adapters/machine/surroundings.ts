// What the agent takes from where it runs: its clock, its own version, values kept outside the configuration, and what its tools may see.

import manifest from '../../../package.json' with { type: 'json' };
import { systemIn } from '../../../shared/compile/facts.ts';
import type { KnownFacts } from '../../../shared/compile/target.ts';
import { FairleadError, isFairleadError, systemCode } from '../../../shared/errors/error.ts';
import { readRegular } from '../../../shared/node/read-file.ts';
import type { Clock, ReadReference } from '../../ports/machine.ts';

// setTimeout takes 32 bits of milliseconds and fires at once when given more.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.min(ms, LONGEST_TIMER_MS));
      signal?.addEventListener('abort', wake, { once: true });
    }),
};

export const AGENT_VERSION: string = manifest.version;

/** os-release(5): the first of these that is there counts. */
const OS_RELEASE = ['/etc/os-release', '/usr/lib/os-release'];
const MAX_OS_RELEASE_BYTES = 65_536;

/** What the machine says of itself. What it does not say, or says in a form nobody knows, is not known. */
export async function readMachine(paths: readonly string[] = OS_RELEASE): Promise<Machine> {
  for (const path of paths) {
    const bytes = await readRegular(path, MAX_OS_RELEASE_BYTES).catch(() => null);
    if (bytes === null) continue;
    const system = systemIn(bytes.toString('utf8'));
    return { ...(system === null ? {} : { os: [system] }), arch: [process.arch] };
  }
  return { arch: [process.arch] };
}

type Machine = Pick<KnownFacts, 'os' | 'arch'>;

const MAX_VALUE_BYTES = 32_768;

export const readReference: ReadReference = async ({ kind, name }) => {
  const refuse = (problem: string, cause?: unknown) =>
    new FairleadError('setting/unreadable', { kind, name, problem }, { cause });
  if (kind === 'env') {
    const value = process.env[name];
    if (value === undefined) throw refuse('it is not set');
    return value;
  }
  const bytes = await readRegular(name, MAX_VALUE_BYTES).catch((cause: unknown) => {
    throw refuse(isFairleadError(cause, 'disk/unreadable') ? cause.data.problem : systemCode(cause), cause);
  });
  // Editors and `echo` end a file with a line break that is not part of the secret.
  return bytes.toString('utf8').replace(/\r?\n$/, '');
};

/**
 * What a tool of the machine gets: the agent's own PATH, by which it is found too, and its messages in English. Never
 * anything of a release: what finds programs or loads code would be run with the agent's rights.
 */
export function toolEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...more };
}
