// The two killers: one strikes the release server, one the agent, at random moments; each starts again what it killed.
import { setTimeout as delay } from 'node:timers/promises';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import type { Stage } from '../demo/stage.ts';
import type { Chance } from './chance.ts';

export interface Killing {
  readonly stage: Stage;
  readonly chance: Chance;
  readonly signal: AbortSignal;
  /** Whether the story has the program running now. */
  wanted(program: 'server' | 'agent'): boolean;
  /** One at a time: the story starts and stops the same programs. */
  exclusively(work: () => Promise<void>): Promise<void>;
  onKill(what: string): void;
  /** The agent's status showed a deployment that it took up again after a kill. */
  onResumed(): void;
}

const WATCH_MS = 50;
/** As long as a deployment takes: its kill may fall into any of its states. */
const DEPLOYMENT_MS = 4500;
const ROLLBACK_MS = 800;

export async function killServers({ stage, chance, signal, ...killing }: Killing): Promise<void> {
  // In units of what a start takes here and now: whoever is killed faster than it starts never gets anything done.
  let startMs = 1000;
  while (!signal.aborted) {
    await delay(startMs * chance.between(2, 8), undefined, { signal }).catch(() => undefined);
    await killing.exclusively(async () => {
      if (signal.aborted || !killing.wanted('server')) return;
      await stage.kill('server');
      killing.onKill('server');
      startMs = await durationOf(stage.startServer);
    });
  }
}

/**
 * One kill for each move and one for its rollback, and some between them. Not more: a release under which the agent
 * dies twice counts as bad, and is rolled back and quarantined.
 */
export async function killAgents(killing: Killing): Promise<void> {
  const { stage, chance, signal } = killing;
  const struck = new Set<string>();
  let startMs = 1000;
  let nextIdle = performance.now() + startMs * chance.between(3, 10);
  while (!signal.aborted) {
    await delay(WATCH_MS);
    if (!killing.wanted('agent')) continue;
    const live = await underWay(stage);
    if (live === null) {
      if (performance.now() < nextIdle) continue;
      startMs = await durationOf(() => strike(killing, struck));
      nextIdle = performance.now() + startMs * chance.between(6, 15);
      continue;
    }
    const rollingBack = live.state === 'rolling-back';
    const chapter = chapterOf(live);
    if (struck.has(chapter)) continue;
    await delay(chance.between(0, rollingBack ? ROLLBACK_MS : DEPLOYMENT_MS));
    struck.add(chapter);
    await strike(killing, struck);
  }
}

async function strike(killing: Killing, struck: Set<string>): Promise<void> {
  const { stage, signal } = killing;
  await killing.exclusively(async () => {
    if (signal.aborted || !killing.wanted('agent')) return;
    const live = await underWay(stage);
    if (live !== null) struck.add(chapterOf(live));
    await stage.kill('agent');
    killing.onKill(`agent, ${live?.state ?? 'idle'}`);
    await stage.startAgent();
    const resumed = await underWay(stage);
    if (resumed === null) return;
    // It may have begun between the look and the kill.
    struck.add(chapterOf(resumed));
    if (resumed.id === live?.id) killing.onResumed();
  });
}

/** A move that was abandoned and is tried again is the same one: each try waits longer than the one before. */
function chapterOf({ steps, state }: DeploymentRecord): string {
  const moves = steps.map(({ component, to }) => `${component} ${to}`).join();
  return state === 'rolling-back' ? `${moves} back` : moves;
}

async function durationOf(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return Math.max(500, performance.now() - start);
}

async function underWay(stage: Stage): Promise<DeploymentRecord | null> {
  const status = await stage.status().catch(() => null);
  return status?.inProgress ?? null;
}
