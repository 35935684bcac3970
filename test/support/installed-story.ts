// An executable as its administrator gets to know it, under a real service manager: installed, hung, booted again, removed.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { showUnit } from '../../agent/adapters/drivers/systemd/systemctl.ts';
import { AGENT_UNIT } from '../../agent/adapters/machine/agent-unit.ts';
import { createOfflineEdition } from '../labs/demo/offline-edition.ts';
import { type Earlier, type EarlierStatus, releaseAnew, unpackEarlier, until } from './earlier-install.ts';

export const PROGRAM = '/usr/local/bin/fairlead';
const ADDITIONS = `/etc/systemd/system/${AGENT_UNIT}.d`;
const { editor } = createOfflineEdition();

export interface InstalledStory {
  readonly earlier: Earlier;
  /** Of the product's component, once it is healthy in that version. */
  runs(version: string): Promise<string>;
  /** Words of the program where it is installed, for its install. */
  type(...words: readonly string[]): string;
  /** By its new process. */
  comesBackAfter(pid: number): Promise<number>;
  pid(): Promise<number>;
}

/** A vendor with a release, and a machine on which `executable` was copied and nothing else was done. */
export async function beginStory(
  programs: string,
  executable = join(programs, 'fairlead'),
): Promise<InstalledStory> {
  const earlier = (await unpackEarlier()).withPrograms(programs).withState('installed');
  const stateDir = join(earlier.directory, 'installed');
  copyFileSync(executable, PROGRAM);
  // What the product needs of its machine, and a watchdog that nobody waits three minutes for.
  if (!existsSync('/usr/local/bin/node')) symlinkSync(process.execPath, '/usr/local/bin/node');
  mkdirSync(ADDITIONS, { recursive: true });
  writeFileSync(
    join(ADDITIONS, 'soon.conf'),
    '[Service]\nWatchdogSec=10s\nEnvironment=PATH=/usr/local/bin:/usr/bin:/bin\n',
  );
  earlier.start('fairlead-server', 'run', '--dir', 'server', '--port', earlier.port);
  await until(() => releaseAnew(earlier, editor, '1.3.8').then(() => true));
  mkdirSync(stateDir, { mode: 0o700 });
  copyFileSync(join(earlier.directory, 'agent/instance.json'), join(stateDir, 'instance.json'));
  const pid = async () => (await showUnit(AGENT_UNIT)).mainPid;
  return {
    ...{ earlier, pid },
    type: (...words) =>
      execFileSync(PROGRAM, [...words, '--state-dir', stateDir], {
        encoding: 'utf8',
        cwd: earlier.directory,
      }),
    runs: (version) =>
      until(async () => {
        const { components } = await earlier.json<EarlierStatus>('status');
        const found = components.find(({ component }) => component === editor.component);
        return found?.version === version && found.health === 'healthy' ? version : null;
      }),
    comesBackAfter: (before) =>
      until(async () => (await pid().then((now) => (now === before ? 0 : now))) || null),
  };
}

/** The default is made for people's days: an update would wait until the one before was watched. */
export function watchBriefly({ directory }: Earlier): void {
  const path = join(directory, 'installed/settings.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"PT5M"', '"PT1S"'));
}

/** In a file, as a vendor sends it. */
export async function enrolmentFor({ directory, run }: Earlier): Promise<string> {
  const printed = await run('fairlead-vendor', 'enrolment', 'create', '--name', 'Harbour');
  const file = join(directory, 'enrolment.txt');
  writeFileSync(file, /fairlead1_[\w-]+/.exec(printed)?.[0] ?? '');
  return file;
}

/** What a boot finds and what it does: no process of the service, nothing below /run, and the target that everything hangs on. */
export function bootAgain(): void {
  const group = `/sys/fs/cgroup/system.slice/${AGENT_UNIT}`;
  execFileSync('systemctl', ['stop', AGENT_UNIT]);
  const left = existsSync(group)
    ? readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)
    : [];
  for (const one of left) process.kill(Number(one), 'SIGKILL');
  rmSync('/run/fairlead', { recursive: true, force: true });
  execFileSync('systemctl', ['start', 'multi-user.target']);
}
