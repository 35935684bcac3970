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

/**
 * For whoever starts something as it: as the machine says at this moment, since what ran just before may have put it into
 * another group. Error: service/start-failed when there is no such account, or the agent may not switch to it.
 */
export function resolveAccount(user: string | null, component: string): Promise<Account> {
  return toAccount(user, component, askAnew);
}

/** For whoever only looks, and for what is asked again and again: as it was within the last seconds. Error: as above. */
export function recallAccount(user: string | null, component: string): Promise<Account> {
  return toAccount(user, component, recall);
}

type Ids = Required<Account>;

async function toAccount(
  user: string | null,
  component: string,
  idsOf: (user: string) => Promise<Ids>,
): Promise<Account> {
  if (user === null) return {};
  const ids = await idsOf(user).catch((cause: unknown) => {
    const problem = `there is no account "${user}" on this machine`;
    throw new FairleadError('service/start-failed', { component, problem }, { cause });
  });
  if (ids.uid === process.getuid?.()) return {};
  if (process.getuid?.() !== 0) {
    const problem = `only an agent that runs as root can start it as "${user}"`;
    throw new FairleadError('service/start-failed', { component, problem });
  }
  return ids;
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

/** A deployment looks a dozen times within seconds, and each answer is three processes. */
const REMEMBERED_MS = 5_000;

interface Remembered {
  readonly ids: Promise<Ids>;
  readonly until: number;
}

const remembered = new Map<string, Remembered>();

async function recall(user: string): Promise<Ids> {
  const known = remembered.get(user);
  const isKnown = known !== undefined && performance.now() < known.until;
  return isKnown ? await known.ids : await askAnew(user);
}

/** That there is none is not remembered: somebody may be about to add it. */
async function askAnew(user: string): Promise<Ids> {
  const now = performance.now();
  for (const [name, { until }] of remembered) if (until <= now) remembered.delete(name);
  const asked = { ids: askFor(user), until: now + REMEMBERED_MS };
  remembered.set(user, asked);
  try {
    return await asked.ids;
  } catch (cause) {
    if (remembered.get(user) === asked) remembered.delete(user);
    throw cause;
  }
}

/** `id` knows accounts from every source the system is configured with, not only /etc/passwd. */
async function askFor(user: string): Promise<Ids> {
  const ask = async (flag: '-u' | '-g' | '-G') => {
    const { stdout } = await run('id', [flag, '--', user], { env: toolEnvironment() });
    // Nothing would count as 0, and that is root.
    if (!/^\d+(?: \d+)*\n?$/.test(stdout)) throw new Error(`id ${flag} answers with no ids`);
    return stdout.trim().split(' ').map(Number);
  };
  const [[uid = 0], [gid = 0], groups] = [await ask('-u'), await ask('-g'), await ask('-G')];
  return { uid, gid, groups };
}
