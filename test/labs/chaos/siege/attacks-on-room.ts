// Attacks on room: disks without bytes or inodes, and an agent without descriptors, memory or a log.
import { execFile } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Attack, reaches } from './attack.ts';
import type { Fort } from './fort.ts';

const run = promisify(execFile);

/** Only root may mount. */
const MAY_MOUNT = process.getuid?.() === 0;

/** Moves the state onto a small disk of its own. */
async function mountSmall({ stateDir }: Fort, options: string): Promise<void> {
  const away = `${stateDir}.away`;
  await rename(stateDir, away);
  await mkdir(stateDir, { mode: 0o700 });
  await run('mount', ['-t', 'tmpfs', '-o', `mode=700,${options}`, 'tmpfs', stateDir]);
  await run('cp', ['-a', `${away}/.`, stateDir]);
  await rm(away, { recursive: true });
}

const ballast = ({ stateDir }: Fort) => join(stateDir, 'ballast');
const fill = (fort: Fort) => run('fallocate', ['-l', '20M', ballast(fort)]).catch(() => fillByHand(fort));
const empty = (fort: Fort) => rm(ballast(fort), { force: true });
const small = (fort: Fort) => mountSmall(fort, 'size=20m');

/** `fallocate` takes all or nothing; this takes the rest, page by page. */
async function fillByHand(fort: Fort): Promise<void> {
  const page = new Uint8Array(4096);
  await run('dd', ['if=/dev/zero', `of=${ballast(fort)}`, 'bs=4k']).catch(() => undefined);
  await writeFile(ballast(fort), page, { flag: 'a' }).catch(() => undefined);
}

async function useUpInodes({ stateDir }: Fort): Promise<void> {
  const directory = join(stateDir, 'many');
  await mkdir(directory);
  for (let count = 0; ; count++) {
    const made = await writeFile(join(directory, String(count)), '').catch(() => 'full');
    if (made === 'full') return;
  }
}

async function fillAndEmpty(fort: Fort): Promise<void> {
  for (let round = 0; round < 40; round++) {
    await fill(fort);
    await delay(150);
    await empty(fort);
    await delay(150);
  }
}

async function fillForTwoLives(fort: Fort): Promise<void> {
  await reaches(fort, 'soaking');
  await fill(fort);
  await delay(4_000);
  await fort.agent().kill('SIGKILL');
  fort.startAgent();
}

const disks: readonly Attack[] = [
  {
    name: 'disk: full from the start',
    prepare: async (fort) => small(fort).then(() => fill(fort)),
    lift: empty,
  },
  { name: 'disk: full once the update began', prepare: small, strike: fill, watchMs: 12_000, lift: empty },
  { name: 'disk: full and empty, five times a second', prepare: small, strike: fillAndEmpty, lift: empty },
  {
    name: 'disk: full while soaking and at the next start',
    prepare: small,
    strike: fillForTwoLives,
    lift: empty,
  },
  {
    name: 'disk: no inodes',
    prepare: (fort) => mountSmall(fort, 'size=20m,nr_inodes=700').then(() => useUpInodes(fort)),
    lift: ({ stateDir }) => rm(join(stateDir, 'many'), { recursive: true }),
  },
];

const limited = (name: string, ...limits: readonly string[]): Attack => ({
  name: `limits: ${name}`,
  start: { under: ['prlimit', ...limits] },
  lift: (fort) => fort.agent().kill('SIGKILL'),
});

const limits: readonly Attack[] = [
  ...[40, 34, 30, 28, 26, 24, 22].map((count) => limited(`${count} descriptors`, `--nofile=${count}`)),
  limited('files of 3 kB at most', '--fsize=3000'),
  {
    name: 'limits: no descriptor left while verifying',
    async strike(fort) {
      await reaches(fort, 'verifying');
      await run('prlimit', ['--pid', String(fort.agent().pid), '--nofile=20:']);
    },
    lift: (fort) => run('prlimit', ['--pid', String(fort.agent().pid), '--nofile=1024:']),
  },
  { name: 'log: a full disk', start: { log: '/dev/full' } },
];

export const attacksOnRoom: readonly Attack[] = [...(MAY_MOUNT ? disks : []), ...limits];
