// After an attack: what must hold, and what the agent cost while it lasted.

import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isFinal } from '../../../../shared/schema/deployment.ts';
import { type Attack, FIRST_CHANGES } from './attack.ts';
import { type Fort, NEW, OLD } from './fort.ts';

export interface Judgement {
  /** How the deployments of the attack ended: `3 rolled-back (deploy/exited)`. */
  readonly ends: readonly string[];
  /** Sentences for a person; none is the promise. */
  readonly problems: readonly string[];
}

const PATIENCE_MS = 240_000;
const LOOK_MS = 500;
/** An operator who sees that nothing happens types `apply` now and then: pauses between attempts grow. */
const APPLY_EVERY_MS = 8_000;

export async function judge(fort: Fort, { end = 'new' }: Attack): Promise<Judgement> {
  const wanted = WANTED[end];
  const start = performance.now();
  let applied = start;
  while (!(await hasEnded(fort, wanted)) && performance.now() - start < PATIENCE_MS) {
    if (!fort.agent().isAlive()) fort.startAgent();
    if (performance.now() - applied > APPLY_EVERY_MS) {
      applied = performance.now();
      await fort.command('check');
      await fort.command('apply', '--reason', 'the attack is over');
    }
    await delay(LOOK_MS);
  }
  const ended = (await fort.changes())?.filter(({ id }) => id > FIRST_CHANGES) ?? [];
  return {
    ends: ended.map(
      ({ id, state, failure }) => `${id} ${state}${failure === null ? '' : ` (${failure.code})`}`,
    ),
    problems: await findProblems(fort, wanted),
  };
}

const WANTED: Readonly<Record<NonNullable<Attack['end']>, readonly (string | null)[]>> = {
  old: [OLD],
  new: [NEW],
  either: [OLD, NEW],
};

async function hasEnded(fort: Fort, wanted: readonly (string | null)[]): Promise<boolean> {
  const [status, changes] = [await fort.status(), await fort.changes()];
  return (
    status?.inProgress === null &&
    status.components.length === 2 &&
    changes?.every(({ state }) => isFinal(state)) === true &&
    wanted.includes(await fort.served()) &&
    (await fort.isWhole())
  );
}

async function findProblems(fort: Fort, wanted: readonly (string | null)[]): Promise<readonly string[]> {
  const problems: string[] = [];
  const served = await fort.served();
  if (!wanted.includes(served)) problems.push(`serves ${served}, not ${wanted.join(' or ')}`);
  if (!(await fort.isWhole())) problems.push('a service is down');
  const changes = await fort.changes();
  if (changes === null) problems.push('the agent does not answer');
  for (const { id, state } of changes ?? []) {
    if (!isFinal(state) || state === 'inconsistent') problems.push(`change ${id} is ${state}`);
  }
  for (const words of [['verify'], ['audit', 'verify']]) {
    const { status, detail } = await fort.command(...words);
    if (status !== 0) problems.push(`${words.join(' ')}: ${detail}`);
  }
  for (const name of await readdir(fort.stateDir, { recursive: true })) {
    if (name.endsWith('.journal')) problems.push(`${name} is left behind`);
  }
  return problems;
}

/** What one process of the attacked agent used. */
export interface Vitals {
  readonly cpuSeconds: number;
  readonly residentMegabytes: number;
  readonly descriptors: number;
  readonly logBytes: number;
}

const TICKS_PER_SECOND = 100;

/** Null when it is dead. */
export async function readVitals(fort: Fort): Promise<Vitals | null> {
  const { pid, log } = fort.agent();
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = await readFile(`/proc/${pid}/status`, 'latin1');
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      residentMegabytes: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024),
      descriptors: (await readdir(`/proc/${pid}/fd`)).length,
      logBytes: (await log()).length,
    };
  } catch {
    return null;
  }
}
