// How one offer fares on the fleet, install by install: who was offered it, what came of it, and what keeps the others.

import type { FleetCounts } from '../../shared/change/change.ts';
import type { ClassFare, Comparison, Fare } from '../../shared/change/judge.ts';
import type { EpochMs } from '../../shared/encoding/instant.ts';
import { type ClassFacts, FACT_NAMES } from '../../shared/schema/classes.ts';
import type { Stopped } from './guard.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Three quarters of an hour: before a second wave that comes after one, it shows whom the first has cut off. */
export const QUIET_MS = 45 * 60_000;

export type Outcome =
  | 'committed'
  /** Committed, and unhealthy or gone back from since. */
  | 'degraded'
  | 'rolledBack'
  | 'failed'
  | 'inProgress'
  /** In progress far beyond the time that such deployments take. */
  | 'overdue';

export interface Surveyed {
  readonly facts: ClassFacts;
  readonly lastSeen: EpochMs | null;
  /** Infinity where it never is. */
  readonly offeredAt: EpochMs;
  /** Null where no deployment of it began. */
  readonly outcome: Outcome | null;
  /** Whether its end was the machine's doing. */
  readonly byMachine: boolean;
  /** Why nothing began; null where it did. */
  readonly omitted: string | null;
}

export interface Survey {
  /** Installs that it is for; one that has not said what it is, is in no class. */
  readonly eligible: number;
  /** Of them, those whose wave has come. */
  readonly offered: number;
  readonly fare: Fare;
  readonly classes: readonly (ClassFare & Pick<Survey, 'eligible' | 'offered'>)[];
  /** Of those for whom nothing began: how many by each reason, the most first. */
  readonly omitted: readonly { readonly reason: string; readonly count: number }[];
}

/** When a survey is made, and what it counts. */
export interface Scope {
  /** What began, and who fell silent, before counts no more. */
  readonly since: EpochMs;
  /** Whom the server stops. */
  readonly stopped: Stopped | null;
  /** Whether silence says something. */
  readonly isHearing: boolean;
  readonly now: EpochMs;
}

export function createSurvey(scope: Scope): { add(one: Surveyed): void; result(): Survey } {
  const { stopped, now } = scope;
  const all = createTally(scope);
  const classes = new Map<string, ReturnType<typeof createTally>>();
  const omitted = new Map<string, number>();
  return {
    add: (one) => {
      const names = classesOf(one.facts);
      const isStopped = stopped !== null && (stopped.class === null || names.includes(stopped.class));
      const asOf = isStopped ? stopped.since : now;
      all.add(one, asOf);
      for (const name of names) {
        const tally = classes.get(name) ?? createTally(scope);
        classes.set(name, tally);
        tally.add(one, asOf);
      }
      if (one.omitted !== null) omitted.set(one.omitted, (omitted.get(one.omitted) ?? 0) + 1);
    },
    result: () => ({
      ...all.result(),
      classes: [...classes]
        .map(([name, tally]) => ({ name, ...tallyOf(tally) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
      omitted: [...omitted]
        .map(([reason, count]) => ({ reason, count }))
        .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1)),
    }),
  };
}

const namesOf = new WeakMap<ClassFacts, readonly string[]>();

/** As a person names them: `os=debian:12`. Thousands have the same facts. */
function classesOf(facts: ClassFacts): readonly string[] {
  const known = namesOf.get(facts);
  if (known !== undefined) return known;
  const names = FACT_NAMES.flatMap((fact) => (facts[fact] ?? []).map((value) => `${fact}=${value}`));
  namesOf.set(facts, names);
  return names;
}

function tallyOf(tally: ReturnType<typeof createTally>) {
  const { eligible, offered, fare } = tally.result();
  return { eligible, offered, ...fare };
}

/** `asOf`: a wave that came later reached nobody, and would make those few look whom the waves before it silenced. */
function createTally({ since, isHearing, now }: Scope) {
  const counts = { committed: 0, rolledBack: 0, inProgress: 0, failed: 0 };
  const apart = { environment: 0, silent: 0, overdue: 0, degraded: 0 };
  const silence = { offered: { all: 0, silent: 0 }, others: { all: 0, silent: 0 } };
  let [eligible, offered] = [0, 0];

  function count({ outcome, byMachine, lastSeen }: Surveyed): void {
    if (outcome === null) return;
    const isSilent = lastSeen === null || lastSeen < now - DAY_MS;
    if (outcome === 'degraded') counts.committed += 1;
    else if (outcome === 'overdue') counts.inProgress += 1;
    else counts[outcome] += 1;
    if (outcome === 'degraded' || outcome === 'overdue') apart[outcome] += 1;
    if (outcome === 'inProgress' && isSilent) apart.silent += 1;
    if ((outcome === 'rolledBack' || outcome === 'failed') && byMachine) apart.environment += 1;
  }

  function compare({ offeredAt, lastSeen, outcome }: Surveyed, asOf: EpochMs): void {
    if (!isHearing) return;
    // Long rollouts: who falls silent within a day, not whoever has since it began.
    const from = Math.max(since, asOf - DAY_MS);
    // Who was silent when it began says nothing.
    if (lastSeen === null || lastSeen < from - QUIET_MS) return;
    // Who was silent before its wave came is no sign of what came with it.
    const isOffered = (offeredAt <= asOf && lastSeen >= offeredAt) || outcome !== null;
    // A moment ago: nobody can have missed them yet.
    if (isOffered && offeredAt > now - QUIET_MS && lastSeen >= now - QUIET_MS) return;
    const group = isOffered ? silence.offered : silence.others;
    group.all += 1;
    if (lastSeen < now - QUIET_MS) group.silent += 1;
  }

  return {
    add: (one: Surveyed, asOf: EpochMs) => {
      if (one.offeredAt < Number.POSITIVE_INFINITY) eligible += 1;
      if (one.offeredAt <= now) offered += 1;
      count(one);
      compare(one, asOf);
    },
    result: () => {
      const some = Object.entries(apart).filter(([, number]) => number > 0);
      const told: FleetCounts = { ...counts, ...Object.fromEntries(some) };
      const compared: Comparison = { offered: { ...silence.offered }, others: { ...silence.others } };
      return { eligible, offered, fare: { counts: told, silence: compared } };
    },
  };
}

const ENOUGH_PEERS = 5;
const LEAST_MS = HOUR_MS;
/** Where too few have ended to say how long it takes. */
const ASSUMED_MS = 6 * HOUR_MS;

/** How long a deployment may take: four times as long as nine of ten that ended. */
export function allowanceOf(durationsMs: readonly number[]): number {
  if (durationsMs.length < ENOUGH_PEERS) return ASSUMED_MS;
  const sorted = durationsMs.toSorted((a, b) => a - b);
  const ninth = sorted[Math.floor(sorted.length * 0.9)] ?? 0;
  return Math.max(LEAST_MS, 4 * ninth);
}

/** Where anybody is heard, somebody is sooner: agents speak every minute, or as seldom as every quarter of an hour. */
const DEAF_MS = 20 * 60_000;
/** Agents that could not reach it wait for up to an hour before they try again, so that they do not come all at once. */
const RETURN_MS = HOUR_MS;

/**
 * A server that was stopped for an hour, or cut off, would otherwise find all its installs silent as it comes back: those that were
 * offered a release as well as the others, and where there are no others it would halt what everybody runs well.
 */
export interface Hearing {
  /** `newest` is when any install was heard last; null where none ever was. To be told before the first of them can come back. */
  note(newest: EpochMs | null, now: EpochMs): void;
  /** Whether it says something that an install is silent. */
  isSure(now: EpochMs): boolean;
}

/** Of one process: another that takes over knows what it noted itself. */
export function createHearing(): Hearing {
  let deafAt: EpochMs | null = null;
  return {
    note(newest, now) {
      if (newest !== null && newest < now - DEAF_MS) deafAt = now;
    },
    isSure(now) {
      if (deafAt === null) return true;
      // A clock that was ahead said so: what it said is over.
      if (deafAt > now) deafAt = null;
      return deafAt === null || now - deafAt > RETURN_MS;
    },
  };
}
