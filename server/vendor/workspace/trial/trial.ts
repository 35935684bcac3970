// Trying a release for real: started in a scratch directory, probed, tested, stopped; nothing of it stays.

import { randomBytes } from 'node:crypto';
import { chmod, chown, type FileHandle, mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sanitizeLine } from '../../../../shared/encoding/text.ts';
import { count } from '../../../../shared/errors/entry.ts';
import { readPack } from '../../../../shared/node/pack-reader.ts';
import { unpackTree } from '../../../../shared/node/unpack.ts';
import { addressOf } from '../../../../shared/schema/probes/probes.ts';
import type { CapabilityRelease } from '../../../../shared/schema/release.ts';
import { planTrial, type Trial, type TrialProbe, type TrialValues } from '../../core/trial.ts';
import {
  ask,
  endEverything,
  ending,
  findAccount,
  runToEnd,
  signalGroup,
  start,
  type TrialRoom,
} from './processes.ts';

export interface TrialInput {
  readonly release: CapabilityRelease;
  readonly pack: FileHandle;
  readonly values: TrialValues;
  /** The whole trial ends by then, whatever the release allows itself. */
  readonly limitMs: number;
  readonly onStep: (step: string) => void;
}

export interface TrialResult {
  readonly passed: boolean;
  readonly detail: string;
}

/** Of the service's own log; what it wrote last usually says why. */
const KEPT_LOG_BYTES = 2048;
const KILLED_AFTER_MS = 5000;

/** Errors: vendor/trial-impossible, and those of reading the pack. */
export async function tryRelease(input: TrialInput): Promise<TrialResult> {
  const scratch = await mkdtemp(join(tmpdir(), 'fairlead-trial-'));
  const places = { tree: join(scratch, 'tree'), data: join(scratch, 'data') };
  const log = await open(join(scratch, 'log'), 'a+', 0o600);
  let room: TrialRoom | null = null;
  try {
    const trial = planTrial(input.release, input.values, places);
    const account = await findAccount();
    await chmod(scratch, 0o711);
    await mkdir(places.tree);
    await mkdir(places.data, { mode: 0o700 });
    if (account !== null) await chown(places.data, account.uid, account.gid);
    input.onStep('unpacking');
    const { digest } = input.release.tree;
    await unpackTree(await readPack(input.pack, input.release.tree), digest, places.tree);
    room = { ...places, env: trial.env, mark: randomBytes(16).toString('hex'), account, log };
    const problem = await runBounded(trial, room, input);
    return problem === null
      ? { passed: true, detail: describe(trial) }
      : { passed: false, detail: await explain(problem, scratch) };
  } finally {
    if (room !== null) await endEverything(room);
    await log.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Ends early when a person interrupts the program, so that the service does not outlive it. */
async function runBounded(
  trial: Trial,
  room: TrialRoom,
  { limitMs, onStep }: TrialInput,
): Promise<string | null> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  const limit = AbortSignal.any([interrupted.signal, AbortSignal.timeout(limitMs)]);
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const over = new Promise<string>((resolve) => {
      const end = () =>
        resolve(interrupted.signal.aborted ? 'interrupted' : `not well within ${limitMs / 1000} s`);
      limit.addEventListener('abort', end, { once: true });
    });
    return await Promise.race([over, walk(trial, room, limit, onStep)]);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function walk(
  trial: Trial,
  room: TrialRoom,
  limit: AbortSignal,
  onStep: (step: string) => void,
): Promise<string | null> {
  const busy = await findAnswering(trial, room, limit);
  if (busy !== null || limit.aborted) return busy ?? 'stopped';
  onStep('starting');
  if (!trial.start.isForeground) {
    const problem = await runToEnd(trial.start, room);
    return problem ?? (await judge(trial, room, null, limit, onStep));
  }
  const child = start(room, trial.start.exec);
  const ended = ending(child);
  try {
    return await judge(trial, room, ended, limit, onStep);
  } finally {
    signalGroup(child, 'SIGTERM');
    await Promise.race([ended, sleep(Math.min(trial.stopTimeoutMs, KILLED_AFTER_MS), null, { ref: false })]);
    signalGroup(child, 'SIGKILL');
  }
}

/** What answers before the start is another program: it would be taken for this one. */
async function findAnswering(trial: Trial, room: TrialRoom, limit: AbortSignal): Promise<string | null> {
  for (const probe of trial.probes) {
    const address = addressOf(probe.question);
    if (address === null || !(await ask(probe, room, limit)).healthy) continue;
    const where = `${address.host}:${address.port}`;
    return `${where} answers before the service is started: choose another port with --set`;
  }
  return null;
}

async function judge(
  trial: Trial,
  room: TrialRoom,
  ended: Promise<string> | null,
  limit: AbortSignal,
  onStep: (step: string) => void,
): Promise<string | null> {
  onStep('probing');
  const crash =
    ended === null ? new Promise<never>(() => undefined) : ended.then((how) => `the service ended: ${how}`);
  const probed = Promise.all(trial.probes.map((probe) => watch(probe, room, limit)));
  const unwell = await Promise.race([crash, probed.then((all) => all.find((each) => each !== null) ?? null)]);
  if (unwell !== null) return unwell;
  for (const test of trial.smoke) {
    onStep(`smoke test ${test.exec[0]}`);
    const failed = await Promise.race([crash, runToEnd(test, room)]);
    if (failed !== null) return `smoke test ${failed}`;
  }
  return trial.stop === null ? null : runToEnd(trial.stop, room);
}

/** As an agent counts: so many successes in a row, and failures only once the start period is over. */
async function watch(probe: TrialProbe, room: TrialRoom, limit: AbortSignal): Promise<string | null> {
  const began = performance.now();
  let [well, ill] = [0, 0];
  for (;;) {
    const { healthy, detail } = await ask(probe, room, limit);
    well = healthy ? well + 1 : 0;
    ill = healthy || performance.now() - began < probe.startPeriodMs ? 0 : ill + 1;
    if (well >= probe.successes) return null;
    if (ill >= probe.failures || limit.aborted) return limit.aborted ? 'stopped' : detail;
    await sleep(probe.intervalMs, null, { signal: limit }).catch(() => null);
  }
}

async function explain(problem: string, scratch: string): Promise<string> {
  const written = (await readFile(join(scratch, 'log'))).subarray(-KEPT_LOG_BYTES).toString();
  const last = written.trimEnd().split('\n').slice(-3).join(' | ');
  return sanitizeLine(last === '' ? problem : `${problem}; it wrote: ${last}`, 300);
}

function describe({ probes, smoke }: Trial): string {
  return `started, ${count(probes.length, 'probe')} healthy, ${count(smoke.length, 'smoke test')} passed, stopped`;
}
