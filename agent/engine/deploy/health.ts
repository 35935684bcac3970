// Watching health: one look at a component, or many until all are healthy, one fails, or the time is over.
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { count, judge, NO_RESULTS, type ProbeRule } from '../../core/deploy/health.ts';
import type { HealthCheck } from '../../core/deploy/render.ts';
import type { PlacedComponent } from '../../ports/deploy.ts';
import type { Probe, ProbeResult } from '../../ports/machine.ts';
import type { DeployerOptions } from './options.ts';

interface Watching extends Pick<DeployerOptions, 'driver' | 'prober' | 'clock'> {
  /** Hears of every bad answer that can hardly be that of a start any more. */
  readonly onDoubt?: () => void;
}

export interface Look {
  readonly component: ComponentKey;
  readonly healthy: boolean;
  /** Safe to record. */
  readonly detail: string;
}

/** Is it running, and does every probe answer well. A probe may be repeated, for one bad answer proves little. */
export async function look(watching: Watching, one: PlacedComponent, tries: number): Promise<Look> {
  const { component } = one;
  const status = await watching.driver.status(one.unit.component);
  if (status.kind !== 'running') {
    return { component, healthy: false, detail: status.kind === 'exited' ? status.detail : 'not running' };
  }
  for (const { probe, rule } of one.health) {
    const result = await probeUntilHealthy(watching, probe, rule, tries);
    if (!result.healthy) return { component, healthy: false, detail: result.detail };
  }
  return { component, healthy: true, detail: 'running' };
}

/** Resolves when every probe of every component is healthy. Errors: deploy/unhealthy, deploy/exited, for the first that fails. */
export async function watchUntilHealthy(
  watching: Watching,
  components: readonly PlacedComponent[],
): Promise<void> {
  await watch(watching, components, 'until-healthy', (watchers) => Promise.all(watchers));
}

/** Resolves after `ms` in which nothing degraded, or when `enough` aborts. Errors as above. */
export async function watchFor(
  watching: Watching,
  components: readonly PlacedComponent[],
  ms: number,
  enough = new AbortController().signal,
): Promise<void> {
  await watch(watching, components, 'for-ever', (_, signal) =>
    watching.clock.sleep(ms, AbortSignal.any([signal, enough])),
  );
}

async function watch(
  watching: Watching,
  components: readonly PlacedComponent[],
  mode: 'until-healthy' | 'for-ever',
  end: (watchers: readonly Promise<void>[], signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  const exits = components.map((one) => watchExit(watching, one, signal));
  const probes = components.flatMap((one) =>
    checksOf(one).map((check) => watchProbe(watching, one, check, mode, signal)),
  );
  const all = [...exits, ...probes];
  try {
    await Promise.race([end(probes, signal), firstFailure(all)]);
  } finally {
    controller.abort();
    await Promise.allSettled(all);
  }
}

/** Rejects with the first failure; never resolves. */
function firstFailure(watchers: readonly Promise<void>[]): Promise<never> {
  return new Promise((_, reject) => {
    for (const watcher of watchers) watcher.catch(reject);
  });
}

async function watchExit(watching: Watching, one: PlacedComponent, signal: AbortSignal): Promise<void> {
  await watching.driver.exited(one.unit.component, signal);
  if (signal.aborted) return;
  const status = await watching.driver.status(one.unit.component);
  const detail = status.kind === 'exited' ? status.detail : 'it exited';
  throw new FairleadError('deploy/exited', { component: one.component, detail });
}

async function watchProbe(
  watching: Watching,
  one: PlacedComponent,
  check: Check,
  mode: 'until-healthy' | 'for-ever',
  signal: AbortSignal,
): Promise<void> {
  const { rule } = check;
  const start = watching.clock.monotonic();
  for (let tally = NO_RESULTS; ; ) {
    const result = await check.ask(watching, signal);
    const elapsed = watching.clock.monotonic() - start;
    // Whoever is watched for ever was healthy before: no start period excuses it now.
    const startMs = mode === 'until-healthy' ? rule.startPeriodMs : 0;
    tally = count(tally, result.healthy, elapsed < startMs);
    if (!result.healthy && elapsed >= startMs / 2) watching.onDoubt?.();
    const verdict = mode === 'until-healthy' ? judge(rule, tally, elapsed) : degraded(rule, tally.failures);
    if (verdict === 'healthy') return;
    if (verdict === 'unhealthy') {
      const { component } = one;
      const detail = result.detail;
      if (result.starved === true) throw new FairleadError('service/no-room', { component, problem: detail });
      throw new FairleadError('deploy/unhealthy', { component, detail });
    }
    await watching.clock.sleep(rule.intervalMs, signal);
    if (signal.aborted) return;
  }
}

function degraded(rule: ProbeRule, failures: number): 'unhealthy' | 'undecided' {
  return failures >= rule.failures ? 'unhealthy' : 'undecided';
}

interface Check {
  readonly rule: ProbeRule;
  readonly ask: (watching: Watching, signal: AbortSignal) => Promise<ProbeResult>;
}

// A component without probes must at least keep running for a moment.
const RUNNING_RULE: ProbeRule = {
  startPeriodMs: 0,
  intervalMs: 500,
  timeoutMs: 500,
  successes: 3,
  failures: 1,
};

function checksOf(one: PlacedComponent): readonly Check[] {
  if (one.health.length === 0) return [{ rule: RUNNING_RULE, ask: (watching) => askRunning(watching, one) }];
  return one.health.map(({ probe, rule }: HealthCheck) => ({
    rule,
    ask: ({ prober }, signal) => prober.probe(probe, signal),
  }));
}

async function askRunning({ driver }: Watching, one: PlacedComponent): Promise<ProbeResult> {
  const status = await driver.status(one.unit.component);
  return {
    healthy: status.kind === 'running',
    detail: status.kind === 'exited' ? status.detail : status.kind,
  };
}

async function probeUntilHealthy(
  { prober, clock }: Watching,
  probe: Probe,
  rule: ProbeRule,
  tries: number,
): Promise<ProbeResult> {
  const { signal } = new AbortController();
  for (let attempt = 1; ; attempt++) {
    const result = await prober.probe(probe, signal);
    if (result.healthy || attempt >= tries) return result;
    await clock.sleep(rule.intervalMs, signal);
  }
}
