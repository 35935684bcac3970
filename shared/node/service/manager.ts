// The service manager of this machine, as far as a program is made a service of it and waited for.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { sanitizeLine } from '../../encoding/text.ts';
import { FairleadError } from '../../errors/error.ts';

/** As sd_booted(3) asks. */
const BOOTED = '/run/systemd/system';
export const UNIT_DIRECTORY = '/etc/systemd/system';

const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const COMMAND_MS = 60_000;
const LOOK_MS = 100;
/** A person waits for it. */
const LOOK_AT_UNIT_MS = 10_000;
/** What ends three times in a row will not be mended by waiting. */
const MOST_RESTARTS = 3;

/** Whether this machine was booted with systemd. */
export function isManaged(): boolean {
  return existsSync(BOOTED);
}

export interface UnitState {
  readonly load: string;
  readonly active: string;
  /** `enabled` where it is started at boot. */
  readonly file: string;
  readonly restarts: number;
}

/** Null where the manager does not say. */
export async function unitStateOf(unit: string): Promise<UnitState | null> {
  const properties = '--property=LoadState,ActiveState,UnitFileState,NRestarts';
  const { failure, output } = await ask(['systemctl', 'show', properties, unit], {}, LOOK_AT_UNIT_MS);
  if (failure !== null) return null;
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(output)?.[1] ?? '';
  return {
    ...{ load: value('LoadState'), active: value('ActiveState'), file: value('UnitFileState') },
    restarts: Number(value('NRestarts')),
  };
}

/** `command` is what would run the program without a manager. Errors: service/no-systemd, service/needs-root. */
export function verifyMachine(command: string): void {
  if (!isManaged()) throw new FairleadError('service/no-systemd', { command });
  if (process.getuid?.() !== 0) throw new FairleadError('service/needs-root', {});
}

/** Error: service/manager-failed. */
export async function runManager(argv: readonly string[]): Promise<string> {
  const { failure, output } = await ask(argv);
  if (failure === null) return output;
  const problem = `${argv.slice(0, 2).join(' ')}: ${sanitizeLine(failure, 300)}`;
  throw new FairleadError('service/manager-failed', { manager: argv[0] ?? '', problem });
}

/** Tells the manager that started this program that it is ready; nothing where none did. Its own tool speaks: Node has no such sockets. */
export async function tellReady({
  NOTIFY_SOCKET,
}: Readonly<Record<string, string | undefined>>): Promise<void> {
  if (NOTIFY_SOCKET !== undefined) await ask(['systemd-notify', '--ready'], { NOTIFY_SOCKET });
}

export interface Waiting {
  readonly unit: string;
  /** Whether it answers what it is there for. */
  readonly answers: () => Promise<boolean>;
  readonly patienceMs: number;
}

/** Until the unit is active and answers. Error: service/not-up, at once where the manager has given up, or begins again and again. */
export async function untilUp({ unit, answers, patienceMs }: Waiting): Promise<void> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const { output } = await ask(['systemctl', 'show', '--property=ActiveState,NRestarts', unit]);
    const [state = '', restarts = ''] = ['ActiveState', 'NRestarts'].map(
      (name) => new RegExp(`^${name}=(.*)$`, 'm').exec(output)?.[1],
    );
    if (state === 'active' && (await answers())) return;
    if (state === 'failed' || Number(restarts) >= MOST_RESTARTS || performance.now() > until) {
      throw new FairleadError('service/not-up', { unit, state, said: await lastWords(unit) });
    }
    await delay(LOOK_MS);
  }
}

/** What it wrote last that is no line of the manager's. */
async function lastWords(unit: string): Promise<string> {
  const { output } = await ask([
    'journalctl',
    `_SYSTEMD_UNIT=${unit}`,
    '--output=cat',
    '--no-pager',
    '--lines=20',
  ]);
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !line.startsWith(unit));
  return sanitizeLine(lines.findLast((line) => line.startsWith('error:')) ?? lines.at(-1) ?? '', 300);
}

function ask(
  [program = '', ...words]: readonly string[],
  more: Readonly<Record<string, string>> = {},
  timeout = COMMAND_MS,
): Promise<{ failure: string | null; output: string }> {
  return new Promise((resolve) => {
    const options = {
      env: { ...ENVIRONMENT, ...more },
      cwd: '/',
      timeout,
      encoding: 'utf8',
    } as const;
    execFile(program, words, options, (error, output, said) => {
      const failure = error === null ? null : said.trim().split('\n').at(-1) || error.message;
      resolve({ failure, output });
    });
  });
}
