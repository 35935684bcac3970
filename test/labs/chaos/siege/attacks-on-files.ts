// Attacks on the agent's files: each kind of damage a disk, a hand or a restored backup can do to them.
import { execFile } from 'node:child_process';
import { mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Attack, reaches } from './attack.ts';
import type { Fort } from './fort.ts';

const run = promisify(execFile);

type Damage = readonly [kind: string, put: (path: string) => Promise<unknown>];

const OTHER_BYTES: readonly Damage[] = [
  ['torn', (path) => truncate(path, 50)],
  ['empty', (path) => truncate(path, 0)],
  ['a gigabyte', (path) => truncate(path, 2 ** 30)],
  [
    'noise',
    (path) =>
      writeFile(
        path,
        Uint8Array.from({ length: 5000 }, (_, index) => (index * 7919) % 251),
      ),
  ],
];

const NO_FILE: readonly Damage[] = [
  ['missing', (path) => rm(path)],
  ['a link to nowhere', (path) => replaceBy(path, () => symlink('/nowhere/at/all', path))],
  ['a pipe that nobody writes to', (path) => replaceBy(path, () => run('mkfifo', [path]))],
  ['a device that never ends', (path) => replaceBy(path, () => symlink('/dev/zero', path))],
];

const DIRECTORY: Damage = ['a directory', (path) => replaceBy(path, () => mkdir(path))];

const DAMAGES: readonly Damage[] = [...OTHER_BYTES, ...NO_FILE, DIRECTORY];

async function replaceBy(path: string, put: () => Promise<unknown>): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await put();
}

/** What these hold can be found out again. */
const EXPENDABLE = ['decision.json', 'outbox/state.json', 'records/1.json', 'run/tools.notes-editor.json'];

function damaged(file: string, end: 'old' | 'new', damages = DAMAGES): readonly Attack[] {
  return damages.map(([kind, put]) => ({
    name: `${file}: ${kind}`,
    prepare: (fort) => put(join(fort.stateDir, file)),
    end,
  }));
}

/** The agent dies while it soaks; its next life finds the file like this. */
function damagedWhileSoaking(file: string): readonly Attack[] {
  return DAMAGES.map(([kind, put]) => ({
    name: `${file} after a kill: ${kind}`,
    async strike(fort) {
      await reaches(fort, 'soaking');
      await fort.agent().kill('SIGKILL');
      await put(join(fort.stateDir, file)).catch(() => undefined);
      fort.startAgent();
    },
  }));
}

const moveAway = async ({ stateDir }: Fort) => {
  await delay(3_000);
  await rename(stateDir, `${stateDir}.moved`);
};

const moveBack = async ({ stateDir }: Fort) => {
  await rm(stateDir, { recursive: true, force: true });
  await rename(`${stateDir}.moved`, stateDir);
};

export const attacksOnFiles: readonly Attack[] = [
  // The agent no longer knows what its operator wants: nothing moves.
  ...damaged('settings.json', 'old'),
  ...EXPENDABLE.flatMap((file) => damaged(file, 'new')),
  // It is a link: no bytes of its own, and no rename puts it back over a directory.
  ...damaged('current', 'new', NO_FILE),
  ...damagedWhileSoaking('journal/3.journal'),
  { name: 'state directory: moved away and back', strike: moveAway, lift: moveBack },
  {
    name: 'state directory: yesterday’s backup after a kill',
    async strike(fort) {
      await reaches(fort, 'soaking');
      await fort.agent().kill('SIGKILL');
      await rm(fort.stateDir, { recursive: true });
      await run('cp', ['-a', join(fort.stateDir, '..', 'saved'), fort.stateDir]);
      fort.startAgent();
    },
  },
  {
    name: 'state directory: another owner',
    prepare: ({ stateDir }) => run('chown', ['-R', '65534', stateDir]),
  },
];
