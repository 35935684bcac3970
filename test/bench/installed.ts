// The agent as an administrator gets to know it, on a machine booted for it: from the copied file to a service, and from one version of itself to the next.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hasEarlierExecutable, makeEarlierExecutable } from '../support/earlier-executable.ts';
import { programsIn } from './executable.ts';
import { type Figures, formatMb, formatMs, median } from './figures.ts';
import type { Installed } from './installed-machine.ts';

const ROOT = join(import.meta.dirname, '../..');
const RUNS = 3;

/** Errors: no systemd can be booted here; this clone has no history. */
export async function measureInstalled(): Promise<Figures> {
  // The machine that is booted has a /tmp of its own.
  const work = mkdtempSync('/var/tmp/fairlead-bench-');
  try {
    return await measureIn(work);
  } finally {
    rmSync(work, { recursive: true });
  }
}

async function measureIn(work: string): Promise<Figures> {
  if (!hasEarlierExecutable)
    throw new Error('the executable of an earlier commit takes the history of this clone');
  const before = makeEarlierExecutable(join(work, 'earlier'));
  const machine = join(import.meta.dirname, 'installed-machine.ts');
  const words = [process.execPath, machine, programsIn(work), before, String(RUNS)];
  const printed = execFileSync('test/support/boot-systemd', words, {
    ...{ cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
    env: { PATH: process.env.PATH, TMPDIR: '/srv' },
  });
  const { active, updates }: Installed = JSON.parse(printed.trim().split('\n').at(-1) ?? '');
  const times = (name: string, values: readonly number[]) => [
    ...[name, formatMs(median(values)), formatMs(Math.max(...values))],
  ];
  const bytes = updates.map((update) => update.bytes);
  return {
    title: 'The agent as a service',
    note:
      `On a systemd that was booted for it, ${RUNS} times: the executable is copied to \`/usr/local/bin\`, \`fairlead agent install --enroll-file\` enrols it over loopback and ends when the service is active and answers. ` +
      'Goal: 10 s. Then the agent replaces itself, by turns with the build of an earlier commit and with today’s, each a release of the vendor; its soak of 1 s is in the time. ' +
      'On trial is from the end of the old one until the new one has proved itself. Bytes are those of the smallest pack that leads there.',
    head: ['what', 'median', 'worst'],
    rows: [
      times('copy → active', active),
      times(
        'self-update, plan → committed',
        updates.map(({ ms }) => ms),
      ),
      times(
        'of which on trial',
        updates.map(({ trialMs }) => trialMs),
      ),
      ['bytes of a self-update', formatMb(median(bytes)), formatMb(Math.max(...bytes))],
    ],
  };
}
