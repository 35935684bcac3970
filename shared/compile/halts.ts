// Halts in force: what stops a release for now, and for how long it stops a forced patch.
//
// The halts key is one of n and kept online, so what it signs is bounded by the side that suffers: a halt by its schema
// (72 hours), its time by this install's clock, and its power over an emergency order by how long this install has known
// the digest to be halted, whoever renews it, and the order to stand beside halts, whatever they halt: one after the other
// they would otherwise stop a fix, what it requires, and every later fix for 72 hours each.
import { type EpochMs, instantMs } from '../encoding/instant.ts';
import { type ClassFacts, isStoppedFor } from '../schema/classes.ts';
import { type Halt, MAX_HALT_MS } from '../schema/rollout.ts';
import { NOTHING_KNOWN } from './facts.ts';
import type { Catalog, ScopedHalt } from './releases.ts';

/** Clocks of vendors and installs differ; one issued further ahead would otherwise wait in store for years. */
const MAX_AHEAD_MS = 24 * 3_600_000;

/**
 * The latest-ending halt of each digest that stops this install: one of its class, or one for all. One issued a little in
 * the future counts: a slow clock must not miss it.
 */
export function activeHalts(
  halts: readonly ScopedHalt[],
  now: EpochMs,
  facts: ClassFacts = NOTHING_KNOWN,
): ReadonlyMap<string, ScopedHalt> {
  const active = halts.filter((halt) => begins(halt) <= now && instantMs(halt.expires) > now);
  return new Map(
    active
      .filter(({ classes }) => isStoppedFor(classes, facts))
      .toSorted((a, b) => instantMs(a.expires) - instantMs(b.expires) || (a.reason < b.reason ? -1 : 1))
      .map((halt) => [halt.digest, halt]),
  );
}

/** The digests whose halt also stops a forced patch: for 72 hours in all. */
export function haltedAgainstOrders(catalog: Catalog, now: EpochMs, facts: ClassFacts): ReadonlySet<string> {
  const active = [...activeHalts(catalog.halts, now, facts).values()];
  return new Set(active.filter((halt) => now < orderedUntil(catalog, halt)).map(({ digest }) => digest));
}

/** The advisories whose orders no halt stops any more, whatever it halts: each had its 72 hours. */
export function ordersBeyondHalts({ ordersHaltedSince }: Catalog, now: EpochMs): ReadonlySet<string> {
  const beyond = [...(ordersHaltedSince ?? [])].filter(([, since]) => since + MAX_HALT_MS <= now);
  return new Set(beyond.map(([advisory]) => advisory));
}

/** The instants at which the passing of time alone changes what these halts stop. */
export function haltMoments(catalog: Catalog): readonly EpochMs[] {
  const ofHalts = catalog.halts.flatMap((halt) => [
    begins(halt),
    instantMs(halt.expires),
    orderedUntil(catalog, halt),
  ]);
  const ofOrders = [...(catalog.ordersHaltedSince?.values() ?? [])].map((since) => since + MAX_HALT_MS);
  return [...ofHalts, ...ofOrders];
}

function begins(halt: Halt): EpochMs {
  return instantMs(halt.issued) - MAX_AHEAD_MS;
}

function orderedUntil({ haltedSince }: Catalog, halt: Halt): EpochMs {
  return (haltedSince?.get(halt.digest) ?? instantMs(halt.issued)) + MAX_HALT_MS;
}
