// What clients of a blue-green capability meet: the switch at its public port, and whoever stands where the route leads.
import { readdir, readFile } from 'node:fs/promises';
import { SLOTS, slotKey } from '../../../agent/core/deploy/blue-green.ts';
import { AUTH } from '../../support/deploy-releases.ts';
import type { Place } from './laboratory.ts';
import type { Services } from './machine.ts';

/** The switch's command: noted as a service of this release. */
export const SWITCH = ['serve', 'traffic'] as const;

export function isSwitch({ release }: Services[string]): boolean {
  return release === SWITCH[1];
}

/** An open public port always leads to somebody, and once a deployment has ended, to what its record says. */
export async function deadEnds({ stateDir, memory }: Place): Promise<readonly string[]> {
  const services = memory.read();
  if (!Object.values(services).some(isSwitch)) return [];
  const route = await readJson(`${stateDir}/traffic/${AUTH.replace('/', '.')}/route.json`);
  const slot = SLOTS.find((one) => one === route.slot);
  const served = slot === undefined ? undefined : services[slotKey(AUTH, slot)];
  if (served === undefined) return [`the route leads to ${route.slot}, where nothing runs`];
  if (served.port !== String(route.port))
    return [`the route leads to port ${route.port}, not ${served.port}`];
  const recorded = await recordedRelease(stateDir);
  if (recorded === null || recorded === served.release) return [];
  return [`the route leads to ${served.release}, the record to ${recorded}`];
}

/** What the newest record says should serve; null while it tells of no end. */
async function recordedRelease(stateDir: string): Promise<string | null> {
  const ids = (await readdir(`${stateDir}/records`)).flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? []);
  const record = await readJson(`${stateDir}/records/${Math.max(...ids.map(Number))}.json`);
  if (record.state !== 'committed' && record.state !== 'rolled-back') return null;
  const number = record.state === 'committed' ? record.generation : record.previousGeneration;
  const { components } = await readJson(`${stateDir}/generations/${number}/manifest.json`);
  return `${AUTH}@${components.find((one: { component: string }) => one.component === AUTH).version}`;
}

async function readJson(path: string) {
  return JSON.parse(await readFile(path, 'utf8'));
}
