// What releases declare of time: how long going back can take at most, each stop, restore, start and check at its own limit; and when one that starts well is healthy.
import { durationMs } from '../encoding/instant.ts';
import type { Plan } from '../schema/deployment.ts';
import { VOLUME_MS } from '../schema/drivers/volumes.ts';
import type { HealthProbe } from '../schema/probes/probes.ts';
import type { CapabilityRelease } from '../schema/release.ts';
import type { Target } from './target.ts';

/** A stop that is not obeyed is followed by a kill, and that by a look whether it worked. */
const KILL_MS = 10_000;
const LONGEST_WATCH_MS = 2 * 3_600_000;

/** Milliseconds; 0 for a plan that changes nothing which runs. `from` is where the rollback ends, null for nothing. */
export function rollbackBoundMs(plan: Plan, from: Target | null, to: Target): number {
  const changed = plan.steps.map((step) => step.component);
  const left = changed.flatMap((component) => to.releases.get(component)?.document ?? []);
  const restored = changed.flatMap((component) => from?.releases.get(component)?.document ?? []);
  return sum(left.map(leaveMs)) + sum(restored.map(startMs));
}

/** After this long a probe that only wavers is unhealthy: ten times what a steady service needs, but no endless watch. */
export function patienceMs(startPeriodMs: number, rounds: number, roundMs: number): number {
  const steadyMs = rounds * roundMs;
  return startPeriodMs + Math.min(10 * steadyMs, Math.max(2 * steadyMs, LONGEST_WATCH_MS));
}

/** At its own limits. */
export function leaveMs({ service, hooks }: CapabilityRelease): number {
  const volumes = service.driver === 'compose' ? (service.snapshot ?? []) : [];
  const restores = sum(hooks.restore.map(({ timeout }) => durationMs(timeout)));
  return durationMs(service.stopTimeout) + KILL_MS + volumes.length * VOLUME_MS + restores;
}

/** At its own limits. */
export function startMs({ service, health, smoke }: CapabilityRelease): number {
  const start = 'startTimeout' in service ? durationMs(service.startTimeout) : 0;
  const once = service.driver === 'compose' ? Object.values(service.once ?? {}) : [];
  // Probes run side by side: the slowest counts.
  const checks = Math.max(0, ...health.map(probeMs));
  return start + sum(once.map(durationMs)) + checks + sum(smoke.map(({ timeout }) => durationMs(timeout)));
}

/** Until it counts as healthy where all goes well: its grace, and as many looks as it asks for. Probes run side by side. */
export function steadyMs({ health }: Pick<CapabilityRelease, 'health'>): number {
  const each = health.map(
    ({ startPeriod, interval, successes }) => durationMs(startPeriod) + successes * durationMs(interval),
  );
  return Math.max(0, ...each);
}

function probeMs({ startPeriod, interval, timeout, successes, failures }: HealthProbe): number {
  const round = durationMs(interval) + durationMs(timeout);
  return patienceMs(durationMs(startPeriod), successes + failures, round) + round;
}

function sum(all: readonly number[]): number {
  return all.reduce((total, one) => total + one, 0);
}
