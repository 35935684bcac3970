// The processes of a trial: started under an account without rights, known by a mark, and none left when it is over.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { type FileHandle, readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ask as askAnywhere, type CommandEnding, type Reply } from '../../../../shared/node/probes/ask.ts';
import type { TrialCommand, TrialProbe } from '../../core/trial.ts';

const run = promisify(execFile);

export interface TrialAccount {
  readonly uid: number;
  readonly gid: number;
}

/** Where the processes of one trial run, and as whom. */
export interface TrialRoom {
  readonly tree: string;
  readonly data: string;
  readonly env: Readonly<Record<string, string>>;
  /** Unique: tells the trial's processes from all others. */
  readonly mark: string;
  /** Null where this program has no rights to give up. */
  readonly account: TrialAccount | null;
  readonly log: FileHandle;
}

const MARK = 'FAIRLEAD_TRIAL';
const END_ROUNDS = 40;
const ROUND_MS = 50;

/** An account that owns nothing; null where this program is not root. */
export async function findAccount(): Promise<TrialAccount | null> {
  if (process.getuid?.() !== 0) return null;
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, 'nobody'])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
}

/** Detached: the leader of a group that ends as one. */
export function start(room: TrialRoom, exec: readonly string[]): ChildProcess {
  const [program = '', ...args] = exec;
  const path = process.env.PATH ?? '/usr/bin:/bin';
  return spawn(program, args, {
    ...(room.account ?? {}),
    cwd: room.tree,
    env: { PATH: path, LANG: 'C.UTF-8', HOME: room.data, ...room.env, [MARK]: room.mark },
    detached: true,
    stdio: ['ignore', room.log.fd, room.log.fd],
  });
}

/** How it ended: `exit status 1`, `ended by SIGTERM`, or why it could not be started. */
export function ending(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`cannot be started: ${error.message}`));
    child.once('exit', (status, signal) =>
      resolve(signal === null ? `exit status ${status}` : `ended by ${signal}`),
    );
  });
}

export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nothing is left of it.
  }
}

/** Also what left the group: by the mark in its environment, and only under the trial's own account. */
export async function endEverything(room: TrialRoom): Promise<void> {
  const uid = room.account?.uid ?? process.getuid?.();
  for (let round = 0; round < END_ROUNDS; round++) {
    const left = await findMarked(room.mark, uid);
    if (left.length === 0) return;
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    await sleep(ROUND_MS);
  }
}

async function findMarked(mark: string, uid: number | undefined): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const marked = await Promise.all(
    pids.map(async (pid) => {
      try {
        if ((await stat(`/proc/${pid}`)).uid !== uid) return false;
        return (await readFile(`/proc/${pid}/environ`, 'latin1')).split('\0').includes(`${MARK}=${mark}`);
      } catch {
        return false;
      }
    }),
  );
  return pids.filter((_, at) => marked[at]).map(Number);
}

export function ask({ question }: TrialProbe, room: TrialRoom, signal: AbortSignal): Promise<Reply> {
  return askAnywhere(question, ({ exec }, limit) => runInRoom(exec, room, limit), signal);
}

/** Null when it ends with 0 in time. */
export async function runToEnd({ exec, timeoutMs }: TrialCommand, room: TrialRoom): Promise<string | null> {
  const { ending: how } = await runInRoom(exec, room, AbortSignal.timeout(timeoutMs));
  return how === 'exit status 0' ? null : `${exec.join(' ')}: ${how}`;
}

/** What it writes goes to the trial's log. */
async function runInRoom(
  exec: readonly string[],
  room: TrialRoom,
  limit: AbortSignal,
): Promise<CommandEnding> {
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
