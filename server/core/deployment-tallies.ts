// What is counted of deployments that ended: how they ended, why they began and how long they took, in numbers that only grow.
import type { FleetEvent } from '../../shared/protocol/events.ts';
import { FINAL_STATES } from '../../shared/schema/deployment.ts';

/** In seconds: a restart of one service, and a migration of a night. */
export const DURATION_BOUNDS = [10, 30, 60, 300, 900, 3_600, 14_400, 86_400] as const;
/** Why a deployment begins; what a newer agent calls otherwise is counted as `other`. */
export const REASONS = ['channel', 'forced', 'manual', 'rollback', 'other'] as const;

/** By its series, as `seriesOf` names them: bounded, whatever agents say. */
export type Increments = ReadonlyMap<string, number>;

export const seriesOf = {
  ended: (outcome: string, reason: string) => `ended ${outcome} ${reason}`,
  /** How many took at most so long, and longer than the next shorter bound; `Infinity` for the rest. */
  within: (outcome: string, bound: number) => `within ${outcome} ${bound}`,
  seconds: (outcome: string) => `seconds ${outcome}`,
} as const;

export function tallyDeployments(events: readonly FleetEvent[]): Increments {
  const sums = new Map<string, number>();
  const add = (series: string, by: number) => sums.set(series, (sums.get(series) ?? 0) + by);
  for (const { kind, details } of events) {
    if (kind !== 'deployment.ended') continue;
    const outcome = FINAL_STATES.find((one) => one === details['state']);
    if (outcome === undefined) continue;
    const reason = REASONS.find((one) => one === details['reason']) ?? 'other';
    add(seriesOf.ended(outcome, reason), 1);
    const { seconds } = details;
    if (typeof seconds !== 'number' || seconds < 0) continue;
    const bound = DURATION_BOUNDS.find((one) => seconds <= one) ?? Number.POSITIVE_INFINITY;
    add(seriesOf.within(outcome, bound), 1);
    add(seriesOf.seconds(outcome), Math.round(seconds));
  }
  return sums;
}

/** As a histogram of Prometheus, of which each bucket holds those before it. */
export function renderDurations(name: string, help: string, read: (series: string) => number): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const outcome of FINAL_STATES) {
    let count = 0;
    for (const bound of [...DURATION_BOUNDS, Number.POSITIVE_INFINITY]) {
      count += read(seriesOf.within(outcome, bound));
      const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound);
      lines.push(`${name}_bucket{outcome="${outcome}",le="${le}"} ${count}`);
    }
    lines.push(`${name}_sum{outcome="${outcome}"} ${read(seriesOf.seconds(outcome))}`);
    lines.push(`${name}_count{outcome="${outcome}"} ${count}`);
  }
  return `${lines.join('\n')}\n`;
}
