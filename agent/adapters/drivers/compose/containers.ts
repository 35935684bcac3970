// The containers of a project taken together: what they say of it, and what is done to those that will not stop or start.
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { LogSince, ServiceStatus, UnitOf } from '../../../ports/deploy.ts';
import type { Clock } from '../../../ports/machine.ts';
import { type Container, containersOf, docker, logOf, refusalOf } from './docker.ts';

const LOOK_AGAIN_MS = 500;
const LOG_LINES = 20_000;

/** As its own healthchecks say, too. What is unhealthy still runs: whoever starts services again leaves it alone. */
export function statusOf(containers: readonly Container[]): ServiceStatus {
  const unhealthy = containers.find((one) => isRunning(one) && one.health === 'unhealthy');
  return unhealthy === undefined ? stateOf(containers) : { kind: 'exited', detail: describe(unhealthy) };
}

/** Something runs and nothing failed. A container that ended with 0 did its work, such as a migration. */
export function stateOf(containers: readonly Container[]): ServiceStatus {
  const failed = containers.find(hasFailed);
  if (failed !== undefined) return { kind: 'exited', detail: describe(failed) };
  if (containers.some(isRunning)) return { kind: 'running', pid: null };
  const [first] = containers;
  return { kind: 'exited', detail: first === undefined ? 'it has no container' : describe(first) };
}

function hasFailed({ state, exitStatus }: Container): boolean {
  return (
    state === 'restarting' ||
    state === 'dead' ||
    state === 'paused' ||
    (state === 'exited' && exitStatus !== 0)
  );
}

export function isRunning({ state }: Container): boolean {
  return state === 'running' || state === 'restarting' || state === 'paused';
}

export function describe({ service, state, exitStatus, health }: Container): string {
  if (state === 'running' && health !== 'none') return `${service}: ${health}`;
  return state === 'exited' ? `${service}: exit status ${exitStatus}` : `${service}: ${state}`;
}

export function restartsOf(containers: readonly Container[]): number {
  return containers.reduce((sum, container) => sum + container.restarts, 0);
}

/** Services stop one after the other, each with the whole time: what the time for all of them leaves over is killed. */
export async function killRunning(component: ComponentKey): Promise<readonly Container[]> {
  const left = await containersOf(component);
  const running = left.filter(isRunning).map(({ id }) => id);
  if (running.length === 0) return left;
  await docker(['kill', ...running]);
  return containersOf(component);
}

/** No start gets these going: compose refuses what is paused, and takes what restarts for ever for started. */
export async function removeStuck(component: ComponentKey): Promise<void> {
  const stuck = (await containersOf(component)).filter(({ state }) =>
    ['paused', 'restarting', 'dead'].includes(state),
  );
  if (stuck.length > 0) await docker(['rm', '--force', ...stuck.map(({ id }) => id)]);
}

/** A container that is starting is not healthy yet, and one that never becomes so has failed. Error: service/start-failed. */
export async function untilDecided(
  unit: UnitOf<'compose'>,
  clock: Clock,
  end: number,
): Promise<readonly Container[]> {
  for (;;) {
    const containers = await containersOf(unit.component);
    const unhealthy = containers.find(({ health }) => health === 'unhealthy');
    const starting = containers.find((one) => one.health === 'starting' && isRunning(one));
    if (unhealthy === undefined && starting === undefined) return containers;
    if (unhealthy !== undefined) throw refusalOf(unit, describe(unhealthy));
    if (clock.monotonic() >= end)
      throw refusalOf(unit, `${starting?.service}: its healthcheck has not passed in time`);
    await clock.sleep(LOOK_AGAIN_MS);
  }
}

/** Every version has new containers, and a container's log is its own. */
export async function readLogs(
  component: ComponentKey,
  keepBytes: number,
  since?: LogSince,
): Promise<string> {
  const from = typeof since === 'number' ? ['--since', new Date(since).toISOString()] : [];
  return logOf(component, ['--tail', String(LOG_LINES), ...from], keepBytes);
}
