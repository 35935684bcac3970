// Lives of an agent on the disk in memory: each ends by itself or by its fault, and the power may go with it.
import { mount } from '../../support/crash-mount.ts';
import { failure } from '../../support/crash-paths.ts';
import type { Place } from './laboratory.ts';

/** `engine`: it refuses what it is asked, and the disk is well. `restore`: the same of what it is asked for while volumes are put back. */
type Kind = 'power cut' | 'kill' | 'ENOSPC' | 'EIO' | 'EROFS' | 'engine' | 'restore';

/** The path of calls to an engine. */
export const ENGINE = 'engine';
/** What it is asked while volumes are put back, and at no other time, in so many steps. */
const RESTORING: readonly string[] = ['volume rm', 'volume create'];
const RESTORE_CALLS = 10;

/** What one life of the agent meets: at its nth call, or from there until the process ends. */
export interface Fault {
  readonly kind: Kind;
  readonly at: number;
  readonly lasting: boolean;
}

export function isOfEngine({ kind }: Fault): boolean {
  return kind === 'engine' || kind === 'restore';
}

/** The agent process is dead: nothing it still tries has any effect. */
class Crash extends Error {}

const KINDS: readonly Kind[] = ['power cut', 'power cut', 'kill', 'ENOSPC', 'EIO', 'EROFS'];
export const KINDS_WITH_ENGINE: readonly Kind[] = [...KINDS, 'engine', 'engine', 'restore', 'restore'];

/** Of an operation that makes so many calls, and of the recoveries of it. */
export function drawLives(random: () => number, callsOfAct: number, kinds = KINDS): readonly Fault[] {
  const below = (limit: number) => Math.floor(random() * limit);
  const draw = (calls: number): Fault => {
    const kind = kinds[below(kinds.length)] ?? 'kill';
    return { kind, at: 1 + below(kind === 'restore' ? RESTORE_CALLS : calls), lasting: random() < 0.4 };
  };
  // A little beyond its end: what was just acknowledged meets a power cut too.
  const calls = callsOfAct * 1.15;
  const lives = [draw(calls)];
  // Recoveries are shorter than what they recover.
  while (random() < 0.4 && lives.length < 4) lives.push(draw(calls / 4));
  return lives;
}

export function told(lives: readonly Fault[]): string {
  return lives.map(({ kind, at, lasting }) => `${kind} ${lasting ? 'from' : 'at'} ${at}`).join(', then ');
}

/** One life of the agent, until it ends by itself or by the fault. Errors are its answer to faults. */
export async function live(
  fault: Fault,
  place: Omit<Place, 'verifyAlive'>,
  act: (place: Place) => Promise<void>,
): Promise<void> {
  let calls = 0;
  let isDead = false;
  const verifyAlive = () => {
    if (isDead) throw new Crash();
  };
  mount.before = (call, path) => {
    verifyAlive();
    if (fault.kind === 'engine' && path !== ENGINE && calls + 1 >= fault.at) return;
    if (fault.kind === 'restore' && (path !== ENGINE || !RESTORING.includes(call))) return;
    calls++;
    if (calls < fault.at || (calls > fault.at && !fault.lasting)) return;
    if (isOfEngine(fault)) throw failure('EIO', call, path);
    if (fault.kind !== 'power cut' && fault.kind !== 'kill') throw failure(fault.kind, call, path);
    isDead = true;
    throw new Crash();
  };
  await act({ ...place, verifyAlive }).catch(() => undefined);
  // Whatever the process had under way notices its death before the next one starts.
  isDead = true;
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A process that outlived its fault ends some time: with the machine, or alone. */
export function hasPowerCut({ kind }: Fault, random: () => number): boolean {
  return kind === 'power cut' || random() < 0.3;
}

/** Calls of the disk that an act makes when nothing happens. */
export async function countCalls(act: () => Promise<void>): Promise<number> {
  let calls = 0;
  mount.before = () => {
    calls++;
  };
  await act();
  mount.before = () => undefined;
  return calls;
}
