// Running a program as another account with all of its groups, where the usual way would take them.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Account } from './account.ts';

export interface Spawned {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** For `spawn`; empty where the command sees to it itself. */
  readonly ids: Pick<Account, 'uid' | 'gid'>;
}

/**
 * `spawn` drops every supplementary group with the ids. Where an account has some, setpriv(1) changes them all. It still has
 * the agent's rights, so it gets none of the service's environment, which could load code into it: the variables travel
 * under other names, and a shell that runs as the account already gives them their own.
 */
export async function asAccount(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  { uid, gid, groups = [] }: Account,
): Promise<Spawned> {
  if (uid === undefined || gid === undefined) return { argv, env, ids: {} };
  const tool = groups.some((group) => group !== gid) ? await findTool('setpriv') : null;
  if (tool === null) return { argv, env, ids: { uid, gid } };
  const names = Object.keys(env);
  const renamed = names.map(
    (name) => `${name}="$${CARRIER}${name}"; export ${name}; unset ${CARRIER}${name}`,
  );
  const script = [...renamed, 'exec "$@"'].join('\n');
  const change = [tool, `--reuid=${uid}`, `--regid=${gid}`, `--groups=${groups.join(',')}`];
  return {
    argv: [...change, '/bin/sh', '-c', script, 'sh', ...argv],
    env: Object.fromEntries(names.map((name) => [`${CARRIER}${name}`, env[name] ?? ''])),
    ids: {},
  };
}

const CARRIER = 'FAIRLEAD_OF_';

/** By the agent's own PATH. */
async function findTool(name: string): Promise<string | null> {
  for (const directory of (process.env.PATH ?? '/usr/bin:/bin').split(delimiter)) {
    const path = join(directory, name);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return null;
}

const USUAL = 0o022;

/**
 * `start` must spawn before it returns. The mask is the whole process's, so for that moment it is the agent's too: what the
 * agent keeps to itself is created with its mode by name.
 */
export function withServiceUmask<Child>(start: () => Child): Child {
  const own = process.umask(USUAL);
  try {
    return start();
  } finally {
    process.umask(own);
  }
}
