// What clients of a blue-green capability meet: the switch at its public port, and whoever stands where the route leads.
import { readFile } from 'node:fs/promises';
import { SLOTS, slotKey } from '../../agent/core/deploy/blue-green.ts';
import { AUTH } from '../../test/support/deploy-releases.ts';
import type { Place } from './instance.ts';
import type { Services } from './machine.ts';

/** The switch's command: noted as a service of this release. */
export const SWITCH = ['serve', 'traffic'] as const;

export function isSwitch({ release }: Services[string]): boolean {
  return release === SWITCH[1];
}

/** An open public port always leads to somebody, at every moment and whatever else is unfinished. */
export async function deadEnds({ stateDir, memory }: Place): Promise<readonly string[]> {
  const services = memory.read();
  if (!Object.values(services).some(isSwitch)) return [];
  const route = JSON.parse(
    await readFile(`${stateDir}/traffic/${AUTH.replace('/', '.')}/route.json`, 'utf8'),
  );
  const slot = SLOTS.find((one) => one === route.slot);
  const served = slot === undefined ? undefined : services[slotKey(AUTH, slot)];
  if (served === undefined) return [`the route leads to ${route.slot}, where nothing runs`];
  return served.port === String(route.port)
    ? []
    : [`the route leads to port ${route.port}, not ${served.port}`];
}
