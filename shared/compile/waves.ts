// Waves: when those of a rollout or an emergency order reach this install.
import { createHash } from 'node:crypto';
import { utf8 } from '../encoding/bytes.ts';
import { durationMs, type EpochMs, formatInstant, instantMs } from '../encoding/instant.ts';
import { type ClassFacts, isOfferedTo } from '../schema/classes.ts';
import type { Rollout, Wave } from '../schema/rollout.ts';
import { affectedAmong, openCritical } from './exposure.ts';
import type { OrderedAdvisory } from './releases.ts';
import type { CompileInput } from './target.ts';

type Waving = Pick<Rollout, 'seed' | 'start'> & { readonly waves: readonly Wave[] };

/** When each wave begins. */
function beginningsOf(waving: Pick<Waving, 'start' | 'waves'>): readonly EpochMs[] {
  const start = instantMs(waving.start);
  return waving.waves.map((wave) => start + durationMs(wave.after));
}

/** The first instant at which a wave reaches the instance: the last one reaches everybody. */
export function reachedAt(waving: Waving, instance: string, facts: ClassFacts): EpochMs {
  const { seed, waves } = waving;
  // Most rollouts are one wave for everyone: no need to know where the instance stands.
  const isForAll = waves.every((wave) => wave.percent === 100);
  const position = isForAll ? 0 : wavePosition(seed, instance);
  let first = Number.POSITIVE_INFINITY;
  for (const { percent, classes, after } of waves) {
    if (percent > position && isOfferedTo(classes, facts)) first = Math.min(first, durationMs(after));
  }
  return instantMs(waving.start) + first;
}

/** When the waves have reached everybody whom they are for. */
export function lastWaveAt(waving: Pick<Waving, 'start' | 'waves'>): EpochMs {
  return Math.max(...beginningsOf(waving));
}

/** The instants at which the passing of time alone changes whom these waves reach, as far as that means something to this instance. */
export function waveMoments(waving: Waving, instance: string): readonly EpochMs[] {
  if (waving.waves.every((wave) => wave.classes === undefined)) {
    return [reachedAt(waving, instance, {}), lastWaveAt(waving)];
  }
  return beginningsOf(waving);
}

/** Where an instance stands in a rollout's waves: evenly spread over [0, 100), another place for every seed. */
export function wavePosition(seed: string, instance: string): number {
  const hash = createHash('sha256')
    .update(utf8(`${seed}\n${instance}`))
    .digest();
  return (hash.readUIntBE(0, 6) / 2 ** 48) * 100;
}

/** When an order reaches the instance; null where it has no waves. At its deadline it reaches everybody. */
export function orderReaches({ order, terms }: OrderedAdvisory, instance: string): EpochMs | null {
  if (order === undefined || terms === undefined) return null;
  return Math.min(reachedAt(terms, instance, {}), instantMs(order.deadline));
}

/** Whether the hole is in use already: the terms of the order say so, or since when it is. */
export function isExploited({ terms, details }: Pick<OrderedAdvisory, 'terms' | 'details'>): boolean {
  return terms?.exploited === true || details?.exploitedSince !== undefined;
}

/** What an order's terms mean to this instance. */
export function termsHere(
  advisory: OrderedAdvisory,
  instance: string,
): { readonly exploited?: true; readonly forced?: string } {
  const at = orderReaches(advisory, instance);
  return {
    ...(isExploited(advisory) ? { exploited: true } : {}),
    ...(at === null ? {} : { forced: formatInstant(at) }),
  };
}

/** The instants at which the passing of time alone changes which orders force this instance. */
export function orderMoments(advisories: readonly OrderedAdvisory[], instance: string): readonly EpochMs[] {
  return advisories.flatMap((advisory) => orderReaches(advisory, instance) ?? []);
}

/** By the advisory's id, of orders whose hole is open here. Where the fix runs already there is nothing to wait for. */
export function waitingOrders({
  catalog,
  instance,
  now,
  current,
}: CompileInput): ReadonlyMap<string, EpochMs> {
  const affectedBy = affectedAmong(current?.manifest.components ?? []);
  const waiting = openCritical(catalog.advisories).flatMap((advisory: OrderedAdvisory) => {
    const at = orderReaches(advisory, instance);
    const waits = at !== null && at > now && affectedBy(advisory).length > 0;
    return waits ? [[advisory.id, at] as const] : [];
  });
  return new Map(waiting);
}
