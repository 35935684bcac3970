// The siege: one attack after the other against the same install, each with its judgement in a few lines.
import { setTimeout as delay } from 'node:timers/promises';
import type { Attack } from './attack.ts';
import { createServerAttacks } from './attacks-by-server.ts';
import { attacksOnClock } from './attacks-on-clock.ts';
import { attacksOnFiles } from './attacks-on-files.ts';
import { attacksOnRoom } from './attacks-on-room.ts';
import { attacksOnTime } from './attacks-on-time.ts';
import { buildFort, type Fort } from './fort.ts';
import { judge, readVitals, type Vitals } from './judge.ts';

/** Answers how many attacks found a problem; only those whose name contains one of `wanted`, all when there is none. */
export async function besiege(
  wanted: readonly string[],
  show: (text: string) => void,
  say: (line: string) => void,
): Promise<number> {
  const server = await createServerAttacks();
  const all = [...attacksOnFiles, ...attacksOnRoom, ...attacksOnTime, ...attacksOnClock, ...server.attacks];
  const chosen = all.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  const fort = await buildFort(show);
  const end = () => void fort.close().then(() => process.exit(130));
  process.once('SIGINT', end);
  let broken = 0;
  try {
    for (const attack of chosen) if (!(await isWithstood(fort, attack, say))) broken++;
  } finally {
    process.off('SIGINT', end);
    await fort.close();
    server.close();
  }
  say(`${chosen.length} attacks, ${broken} of them found a problem`);
  return broken;
}

async function isWithstood(fort: Fort, attack: Attack, say: (line: string) => void): Promise<boolean> {
  await fort.restore();
  await attack.prepare?.(fort);
  fort.startAgent(attack.start);
  await attack.strike?.(fort);
  const vitals = await watch(fort, attack.watchMs ?? WATCH_MS);
  await attack.lift?.(fort);
  const { ends, problems } = await judge(fort, attack);
  say(
    `${problems.length === 0 ? '✓' : '✗'} ${attack.name}: ${ends.join(', ') || 'no deployment'}; ${vitals}`,
  );
  for (const problem of problems) say(`    ${problem}`);
  return problems.length === 0;
}

const WATCH_MS = 6_000;

async function watch(fort: Fort, ms: number): Promise<string> {
  const before = await readVitals(fort);
  const end = performance.now() + ms;
  let last: Vitals | null = before;
  while (performance.now() < end) {
    await delay(Math.min(500, ms));
    const now = await readVitals(fort);
    if (now === null) return `it ended with status ${await fort.agent().ended}`;
    last = now;
  }
  if (last === null || before === null) return 'it did not live';
  const cpu = (last.cpuSeconds - before.cpuSeconds).toFixed(1);
  const log = Math.ceil((last.logBytes - before.logBytes) / 1024);
  const { residentMegabytes, descriptors } = last;
  return `${cpu} s of CPU in ${ms / 1000} s, ${residentMegabytes} MB, ${descriptors} descriptors, ${log} kB of log`;
}
