// What every service and command of a release gets from this machine: an account, a small environment, a data directory.
import { chown } from 'node:fs/promises';
import { FairleadError } from '../../shared/errors/error.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import { makeDirectory, toDiskError } from './durable-file.ts';
import { runCommand } from './run-command.ts';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

interface Guest {
  readonly component: ComponentKey;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | null;
  readonly dataDirectory: string;
}

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Nothing of the agent's own environment but where programs are: it may hold the operator's secrets. */
export function environmentOf(guest: Pick<Guest, 'env' | 'dataDirectory'>): Readonly<Record<string, string>> {
  return { PATH: process.env.PATH ?? SYSTEM_PATH, HOME: guest.dataDirectory, LANG: 'C.UTF-8', ...guest.env };
}

/** Null when it is the agent's own account. Error: service/start-failed, when there is no such account or no right to it. */
export async function accountOf({ component, user }: Guest): Promise<Account | null> {
  if (user === null) return null;
  const uid = await idOf(component, user, '-u');
  const gid = await idOf(component, user, '-g');
  if (uid === process.getuid?.()) return null;
  if (process.getuid?.() === 0) return { uid, gid };
  const problem = `it runs as ${user}, and only an agent that is root may switch accounts`;
  throw new FairleadError('service/start-failed', { component, problem });
}

/** Makes the data directory, owned by the service's account. Errors: as accountOf, disk/*. */
export async function prepareDataDirectory(guest: Guest): Promise<void> {
  const account = await accountOf(guest);
  try {
    await makeDirectory(guest.dataDirectory);
    if (account !== null) await chown(guest.dataDirectory, account.uid, account.gid);
  } catch (cause) {
    throw toDiskError(guest.dataDirectory, cause);
  }
}

async function idOf(component: ComponentKey, user: string, flag: '-u' | '-g'): Promise<number> {
  const env = { PATH: SYSTEM_PATH };
  const result = await runCommand({
    argv: ['id', flag, user],
    env,
    workingDirectory: '/',
    timeoutMs: 10_000,
  });
  if (result.status === 0) return Number(result.stdout);
  throw new FairleadError('service/start-failed', { component, problem: result.detail });
}
