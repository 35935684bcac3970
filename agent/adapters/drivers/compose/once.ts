// Services that run once when a project starts: each within its own time, which is none of the rest's; and how they ended.
import { formatDuration } from '../../../../shared/encoding/instant.ts';
import { isFairleadError } from '../../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { ComposeProject } from '../../../../shared/schema/drivers/confinement.ts';
import { servicesThatRunOnce } from '../../../../shared/schema/drivers/once.ts';
import type { OnceRun, UnitOf } from '../../../ports/deploy.ts';
import type { Clock } from '../../../ports/machine.ts';
import type { ToolResult } from '../../machine/run-tool.ts';
import { isRunning } from './containers.ts';
import { type Container, containersOf, docker, KILLED, logOf, refusalOf } from './docker.ts';

/** By service, in ms. */
export type OnceLimits = ReadonlyMap<string, number>;

export interface Spent {
  /** By everything that has no time of its own. */
  readonly rest: number;
  readonly once: ReadonlyMap<string, number>;
}

export const NOTHING_SPENT: Spent = { rest: 0, once: new Map() };

/** A look costs two calls of the engine: a migration of an hour is not looked at twice a second. */
const SHORT_MS = 500;
const LONG_MS = 2_000;
const KILL_MS = 30_000;
const LOG_BYTES = 4096;
const LOG_LINES = '20';

/** What no limit is declared for has the time of the start. */
export function limitsFor(
  { once = {}, startTimeoutMs }: UnitOf<'compose'>,
  project: ComposeProject,
): OnceLimits {
  const names = servicesThatRunOnce(project.services, Object.keys(once));
  return new Map(names.map((name) => [name, once[name] ?? startTimeoutMs]));
}

export interface Looked {
  readonly unit: Pick<UnitOf<'compose'>, 'once'>;
  readonly limits: OnceLimits;
  readonly containers: readonly Container[];
}

/** After `ms` more, in which the containers were as they were seen. */
export function spend(spent: Spent, { unit, limits, containers }: Looked, ms: number): Spent {
  const own = containers.filter((one) => limits.has(one.service) && isRunning(one));
  const busy = [...new Set(own.map(({ service }) => service))];
  const more = busy.map((name): [string, number] => [name, (spent.once.get(name) ?? 0) + ms]);
  const isOwnTime = busy.some((name) => unit.once?.[name] !== undefined);
  return { rest: spent.rest + (isOwnTime ? 0 : ms), once: new Map([...spent.once, ...more]) };
}

export function isOverdue(spent: Spent, limits: OnceLimits, service: string): boolean {
  return (spent.once.get(service) ?? 0) >= (limits.get(service) ?? Number.POSITIVE_INFINITY);
}

export interface Start {
  readonly unit: UnitOf<'compose'>;
  readonly limits: OnceLimits;
  readonly clock: Clock;
  /** The command that starts the project. */
  readonly up: Promise<ToolResult>;
  /** Ends that command. */
  readonly endUp: () => Promise<void>;
  /** Hears which service is ended because its time, or the start's, is over. */
  readonly onLate: (service: string) => void;
}

export interface Started {
  readonly result: ToolResult;
  /** What of the time for the rest is used up. */
  readonly restMs: number;
}

/**
 * Until the command has ended, and with it all that runs once. Errors: service/start-failed, naming what ran once and failed or
 * took too long; service/manager-failed.
 */
export async function untilStarted(start: Start): Promise<Started> {
  const { unit, limits, clock, up } = start;
  const began = clock.monotonic();
  if (limits.size === 0) return { result: await up, restMs: clock.monotonic() - began };
  let spent = NOTHING_SPENT;
  let result: ToolResult | null = null;
  let containers: readonly Container[] = [];
  const ended = up.then((one) => {
    result = one;
  });
  for (;;) {
    const before = clock.monotonic();
    const isLong = spent.rest + Math.max(0, ...spent.once.values()) > 20 * SHORT_MS;
    await orAfter(clock, isLong ? LONG_MS : SHORT_MS, result === null ? ended : NEVER);
    const seen = containers;
    containers = await lookAgain(unit, seen);
    // What runs now may have begun just now: it is granted that.
    spent = spend(spent, { unit, limits, containers: seen }, clock.monotonic() - before);
    await endWhatIsLate(start, spent, containers, result === null);
    const done = result as ToolResult | null;
    if (done !== null && isDecided(start, done, containers)) return { result: done, restMs: spent.rest };
  }
}

/** Error: service/start-failed, naming what of them failed. */
function isDecided(
  { unit, limits }: Start,
  { status }: ToolResult,
  containers: readonly Container[],
): boolean {
  const own = containers.filter(({ service }) => limits.has(service));
  const failed = own.find(
    ({ state, exitStatus }) => state === 'dead' || (state === 'exited' && exitStatus !== 0),
  );
  if (failed !== undefined)
    throw refusalOf(unit, sentence(failed.service, `exit status ${failed.exitStatus}`));
  return status !== 0 || !own.some(isRunning);
}

/** An engine that says nothing for a while has not lost what it ran. Any other trouble is said by the command. */
async function lookAgain(
  { component }: UnitOf<'compose'>,
  known: readonly Container[],
): Promise<readonly Container[]> {
  return containersOf(component).catch((error: unknown) => {
    if (isFairleadError(error, 'service/manager-failed')) return known;
    throw error;
  });
}

/** Error: service/start-failed. What waits for a service that was ended, ends by itself. */
async function endWhatIsLate(
  { unit, limits, up, endUp, onLate, clock }: Start,
  spent: Spent,
  containers: readonly Container[],
  isStarting: boolean,
): Promise<void> {
  const isOver = isStarting && spent.rest >= unit.startTimeoutMs;
  const busy = containers.filter((one) => limits.has(one.service) && isRunning(one));
  const late = busy.find(
    ({ service }) => isOverdue(spent, limits, service) || (isOver && unit.once?.[service] === undefined),
  )?.service;
  if (late === undefined && !isOver) return;
  if (late !== undefined) {
    onLate(late);
    await docker(['kill', ...busy.filter(({ service }) => service === late).map(({ id }) => id)]);
    await orAfter(clock, KILL_MS, up);
  }
  await endUp();
  const whole = formatDuration(unit.startTimeoutMs);
  if (late === undefined) throw refusalOf(unit, `no end within ${whole}`);
  const how = isOverdue(spent, limits, late)
    ? `took longer than ${formatDuration(limits.get(late) ?? 0)}`
    : `not done within the ${whole} of the whole start`;
  throw refusalOf(unit, sentence(late, how));
}

function sentence(service: string, how: string): string {
  return `its service "${service}", which runs once: ${how}`;
}

const NEVER = new Promise<never>(() => {});

async function orAfter(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, clock.sleep(ms, over.signal)]);
  over.abort();
}

/** For a start of what was started before and stopped by itself, as by a boot: what ran once has done its work, and is left out. */
export async function servicesLeft(
  component: ComponentKey,
  limits: OnceLimits,
  { services }: ComposeProject,
): Promise<readonly string[]> {
  if (limits.size === 0) return [];
  const containers = await containersOf(component);
  const left = Object.keys(services).filter((name) => {
    const own = containers.filter(({ service }) => service === name);
    return !limits.has(name) || own.length === 0 || own.some((one) => !hasFinished(one));
  });
  return left.length === 0 || left.length === Object.keys(services).length ? [] : ['--no-deps', ...left];
}

function hasFinished({ state, exitStatus }: Container): boolean {
  return state === 'exited' && exitStatus === 0;
}

/** How each of them ended, and `late` because it was ended; of what has not ended, nothing. */
export async function onceRuns(
  unit: UnitOf<'compose'>,
  limits: OnceLimits,
  late: string | undefined,
): Promise<readonly OnceRun[]> {
  if (limits.size === 0) return [];
  const ended = (await containersOf(unit.component)).filter(
    ({ service, state }) => limits.has(service) && state === 'exited',
  );
  const runs: OnceRun[] = [];
  for (const { service, exitStatus, ranMs } of ended) {
    const ownMs = limits.get(service) ?? 0;
    const words = ['--no-log-prefix', '--tail', LOG_LINES, service];
    const log = await logOf(unit.component, words, LOG_BYTES);
    const isLate = exitStatus === KILLED && (service === late || ranMs >= ownMs);
    // Where the time of the whole start was over, it had what others had left of that.
    const limitMs = isLate ? Math.min(ownMs, ranMs) : ownMs;
    runs.push({ service, exitStatus: isLate ? null : exitStatus, ms: ranMs, limitMs, log });
  }
  return runs;
}
