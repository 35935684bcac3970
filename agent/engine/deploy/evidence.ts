// What a deployment that failed leaves to look at: evidence, before anything is reverted, and the last words of its services.

import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { sanitizeLine, sanitizeText } from '../../../shared/encoding/text.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { causeOf, LOG_ENDS, MOST_RAN_ONCE, type RanOnce } from '../../../shared/schema/deployment.ts';
import type { Failure } from '../../../shared/schema/journal.ts';
import type { WorkingState } from '../../core/deploy/states.ts';
import type { PlacedComponent } from '../../ports/deploy.ts';
import type { Evidence } from '../../ports/state.ts';
import { look } from './health.ts';
import { prepare, prepareAll } from './prepare.ts';
import { isDone, type Run } from './run.ts';

const LOG_BYTES = 16 * 1024;
const STEP = { action: 'evidence', component: null } as const;

/** Once per deployment, and never in the way of the rollback. */
export async function captureEvidence(run: Run): Promise<void> {
  if (isDone(run, STEP)) return;
  const { store, clock, onWarning } = run.options;
  await run
    .step(STEP, async () => {
      const started = await prepareAll(run.options, run.target, run.plan.start);
      const components = await Promise.all(started.map((one) => examine(run, one)));
      const at = formatInstantMs(clock.now());
      await store.writeEvidence({ deployment: run.record.id, at, components });
    })
    .catch(onWarning);
}

async function examine(run: Run, one: PlacedComponent): Promise<Evidence['components'][number]> {
  const { driver } = run.options;
  const { component, unit } = one;
  const status = await driver.status(unit.component);
  const health = probedHealth(run.progress().failure, component) ?? (await look(run.options, one, 1)).detail;
  const log = await driver.logs(unit.component, LOG_BYTES, 'start');
  return { component, status: status.kind, health, log: sanitizeText(log) };
}

/** What was asked a moment ago is not asked again: until it gives up on an answer, nobody is served. */
function probedHealth(failure: Failure | null, component: ComponentKey): string | undefined {
  const isProbed = failure?.code === 'deploy/unhealthy' && failure.component === component;
  return isProbed ? causeOf(failure.message) : undefined;
}

const TAIL_BYTES = 4096;
const LINES = 3;
const LONGEST_LINE = 133;

/** How what runs once at a start has ended, what failed first. What cannot be asked adds nothing. */
export async function ranOnce(run: Run, component: ComponentKey | null): Promise<{ once?: RanOnce[] }> {
  if (component === null) return {};
  try {
    const one = await prepare(run.options, run.target, component);
    const all = one === null ? [] : await run.options.driver.ranOnce(one.unit);
    const told = all.map(({ log, ...rest }) => ({ ...rest, lastLines: [...lastLinesOf(log)] }));
    const sorted = told.toSorted((a, b) => Number(hasEndedWell(a)) - Number(hasEndedWell(b)));
    return told.length === 0 ? {} : { once: sorted.slice(0, MOST_RAN_ONCE) };
  } catch (error) {
    run.options.onWarning(error);
    return {};
  }
}

function hasEndedWell({ exitStatus }: RanOnce): boolean {
  return exitStatus === 0;
}

/**
 * Only where the service was started by then: of what ran once and failed, else of all it wrote. What cannot be read adds nothing.
 */
export async function withLastLines(
  run: Run,
  state: WorkingState,
  failure: Failure,
  once: readonly RanOnce[] = [],
): Promise<Failure> {
  const { component } = failure;
  if (component === null || !['starting', 'verifying', 'soaking'].includes(state)) return failure;
  const failed = once.find((one) => !hasEndedWell(one));
  const lines = failed?.lastLines ?? (await readLastLines(run, component).catch(() => []));
  if (lines.length === 0) return failure;
  return { ...failure, message: `${failure.message}${LOG_ENDS}${lines.join(' | ')}` };
}

async function readLastLines(run: Run, component: ComponentKey): Promise<readonly string[]> {
  const { driver } = run.options;
  const one = await prepare(run.options, run.target, component);
  const log = await driver.logs(one?.unit.component ?? component, TAIL_BYTES, 'start');
  return lastLinesOf(log);
}

function lastLinesOf(log: string): readonly string[] {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(-LINES).map((line) => sanitizeLine(line.trim(), LONGEST_LINE));
}
