// Services of a compose file that run once at each start, such as migrations: which they are, and how long each may take.
import { z } from 'zod';
import { durationMs } from '../../encoding/instant.ts';
import { duration } from '../common.ts';
import { between } from '../time-bounds.ts';
import type { ComposeProject } from './confinement.ts';

/** As compose takes it. */
const serviceName = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, { error: 'the name of a service of the compose file' });

const MOST_NAMED = 16;

export const onceLimits = z
  .record(serviceName, duration)
  .refine((limits) => Object.keys(limits).length <= MOST_NAMED, { error: `at most ${MOST_NAMED} services` });

export const ONCE_FORM = `durations by service, up to ${MOST_NAMED}, each a ${between('once')}`;

export function limitsOf(once: z.output<typeof onceLimits>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(once).map(([name, limit]) => [name, durationMs(limit)]));
}

export type ComposeServices = ComposeProject['services'];

/** For what others wait before they start: `started` where nothing else is said. */
export function conditionsOn(name: string, services: ComposeServices): readonly string[] {
  return Object.values(services).flatMap(({ depends_on: needs }) => {
    if (Array.isArray(needs)) return needs.includes(name) ? [STARTED] : [];
    const one: unknown = typeof needs === 'object' && needs !== null ? Reflect.get(needs, name) : undefined;
    if (one === undefined) return [];
    const condition = z.looseObject({ condition: z.string() }).safeParse(one);
    return [condition.data?.condition ?? STARTED];
  });
}

const STARTED = 'service_started';
export const COMPLETED = 'service_completed_successfully';

/** Those that a release names, and those for whose success another one waits. */
export function servicesThatRunOnce(services: ComposeServices, named: readonly string[]): readonly string[] {
  return Object.keys(services).filter(
    (name) => named.includes(name) || conditionsOn(name, services).includes(COMPLETED),
  );
}
