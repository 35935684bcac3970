// The service manager's watchdog: told that the agent is ready, then again and again that it gets on.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runTool } from './run-tool.ts';

export interface WatchdogOptions {
  /** Where systemd says where it listens (NOTIFY_SOCKET) and how often it wants to hear (WATCHDOG_USEC). */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The first sign comes when it resolves: a manager that waits for it ends an agent that takes too long. At once unless given. */
  readonly after?: Promise<void>;
  /** Asked before every sign; no sign is given for an agent that only its timers keep moving. */
  readonly lives: () => boolean;
  readonly onError: (problem: string) => void;
}

// Two signs may be late or lost.
const SIGNS_IN_TIME = 3;
const NOTIFY_MS = 10_000;

/**
 * Says that the agent is ready, and from now on that it lives, until the process ends. Does nothing without a manager that
 * listens. Node has no datagram sockets of the unix kind, so systemd's own tool speaks for its parent (some 10 ms a minute); as
 * root it does so in the agent's name, and no service in the same control group can.
 */
export function startWatchdog({ environment, lives, onError, after }: WatchdogOptions): void {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, PATH = '/usr/bin:/bin' } = environment;
  if (NOTIFY_SOCKET === undefined) return;
  const sign = async () => {
    if (!lives()) return;
    const { status, detail } = await runTool({
      // Both each time: the manager may not have heard the first.
      argv: ['systemd-notify', 'READY=1', 'WATCHDOG=1'],
      env: { PATH, NOTIFY_SOCKET },
      workingDirectory: '/',
      timeoutMs: NOTIFY_MS,
    });
    if (status !== 0) onError(detail);
  };
  const everyMs = Number(WATCHDOG_USEC) / 1000 / SIGNS_IN_TIME;
  const begin = () => {
    void sign();
    if (everyMs > 0) setInterval(sign, everyMs).unref();
  };
  if (after === undefined) begin();
  else void after.then(begin);
}

/** Where the agent's unit lets systemd write how the agent ended. */
export const LAST_END_FILE = 'ended';

/** How the agent before this one ended, as systemd names it (`watchdog`, `signal`, `success`); null when nobody says. */
export async function readPreviousEnd(runtimeDirectory: string | undefined): Promise<string | null> {
  if (runtimeDirectory === undefined) return null;
  const text = await readFile(join(runtimeDirectory, LAST_END_FILE), 'utf8').catch(() => '');
  return /^[a-z-]{1,40}$/.exec(text.trim())?.[0] ?? null;
}
