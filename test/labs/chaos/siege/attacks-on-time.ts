// Attacks on time: kills, stops and pauses in every state of a deployment.
import { setTimeout as delay } from 'node:timers/promises';
import type { DeploymentState } from '../../../../shared/schema/deployment.ts';
import { createChance } from '../chance.ts';
import { type Attack, reaches } from './attack.ts';
import type { Fort } from './fort.ts';

const STATES: readonly DeploymentState[] = ['fetching', 'stopping', 'starting', 'verifying', 'soaking'];

const ended = (signal: 'SIGKILL' | 'SIGTERM', state: DeploymentState): Attack => ({
  name: `${signal} while ${state}, and started again`,
  async strike(fort) {
    await reaches(fort, state);
    await fort.agent().kill(signal);
    fort.startAgent();
  },
});

/** Everything stands still for as long as a laptop's lid is closed, and goes on with the clocks ahead. */
const suspended = (state: DeploymentState): Attack => ({
  name: `everything stopped for 40 s while ${state}`,
  async strike(fort) {
    await reaches(fort, state);
    const pids = await fort.pids();
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await delay(40_000);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  },
});

const KILLING_MS = 60_000;
const SEED = 7;

/** As a service manager would, and far faster: most lives are too short to get anywhere. */
async function killAgainAndAgain(fort: Fort): Promise<void> {
  const chance = createChance(SEED);
  const end = performance.now() + KILLING_MS;
  while (performance.now() < end) {
    await delay(chance.between(50, 1_500));
    await fort.agent().kill('SIGKILL');
    fort.startAgent();
  }
}

async function askAllAtOnce(fort: Fort): Promise<void> {
  const words = [['apply', '--reason', 'me first'], ['status'], ['check'], ['explain']];
  await Promise.all([...words, ...words, ...words].map((one) => fort.command(...one)));
}

export const attacksOnTime: readonly Attack[] = [
  ...STATES.map((state) => ended('SIGKILL', state)),
  ...STATES.map((state) => ended('SIGTERM', state)),
  ...(['fetching', 'verifying', 'soaking'] as const).map(suspended),
  // Two deaths in one deployment are held against the release.
  { name: 'SIGKILL every 50 to 1500 ms for a minute', strike: killAgainAndAgain, end: 'either' },
  { name: 'twelve commands at once', strike: askAllAtOnce },
];
