// Running a program as another operating-system account, with nothing of the agent's own environment.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FairleadError } from '../../../shared/errors/error.ts';
import { toolEnvironment } from './surroundings.ts';

/** Ids for `spawn`; empty when the program runs as the agent does. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
  /** Every group it is in, the first among them. */
  readonly groups?: readonly number[];
}

const run = promisify(execFile);

/** Error: service/start-failed when there is no such account, or the agent may not switch to it. */
export async function resolveAccount(user: string | null, component: string): Promise<Account> {
  if (user === null) return {};
  const [uid = 0] = await idsOf(user, '-u', component);
  if (uid === process.getuid?.()) return {};
  if (process.getuid?.() !== 0) {
    const problem = `only an agent that runs as root can start it as "${user}"`;
    throw new FairleadError('service/start-failed', { component, problem });
  }
  const [gid = uid] = await idsOf(user, '-g', component);
  return { uid, gid, groups: await idsOf(user, '-G', component) };
}

/** The account's user id, the agent's own where it is none other. */
export function uidOf({ uid }: Account): number {
  return uid ?? process.getuid?.() ?? 0;
}

/** The whole environment of a service's programs; `own` is what its release and settings ask for. */
export function environmentFor(
  dataDirectory: string,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LANG: 'C.UTF-8', HOME: dataDirectory, ...own };
}

async function idsOf(user: string, flag: '-u' | '-g' | '-G', component: string): Promise<readonly number[]> {
  try {
    // `id` knows accounts from every source the system is configured with, not only /etc/passwd.
    const { stdout } = await run('id', [flag, '--', user], { env: toolEnvironment() });
    return stdout.trim().split(' ').map(Number);
  } catch (cause) {
    const problem = `there is no account "${user}" on this machine`;
    throw new FairleadError('service/start-failed', { component, problem }, { cause });
  }
}
