// Everything one resolution looks at, indexed once: releases, offers, pins in force, what runs, open advisories.

import { mapped, type Pieces } from '../encoding/pieces.ts';
import type { Advisory } from '../schema/advisory.ts';
import type { InstanceConfig } from '../schema/instance.ts';
import type { Pin } from '../schema/pin.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import type { Version } from '../version/version.ts';
import { isAffected, openCritical, openFrom } from './exposure.ts';
import { firstStop, type Offers, selectOffers } from './offers.ts';
import { createPinSet, isExpired, type PinSet } from './pins.ts';
import { indexReleases, type ReleaseIndex } from './release-index.ts';
import { type Choice, choiceOf, runningChoices } from './running.ts';
import type { CompileInput, Withheld } from './target.ts';
import { selectTrials } from './trials.ts';

/**
 * By whose word fixes go: an `order` of the vendor goes over pins and asks for no rollout; what the local `policy` lets in
 * respects its pins, every halt, and the rollouts that there are, and takes nothing else along that none of them brings.
 */
export type Mandate = 'order' | 'policy';

export interface Context {
  readonly input: CompileInput;
  readonly mandate: Mandate;
  /** What moves beside a fix is on offer here. An order takes what is released: nothing else may keep it waiting. */
  readonly isBesideOffered: boolean;
  /** The operator's newest word; the configuration of `input` is the one to compile under. */
  readonly onDisk: InstanceConfig;
  readonly index: ReleaseIndex;
  readonly offers: Offers;
  /** What is tried on other tracks, and keeps a fix waiting that the policy lets in. */
  readonly trials: ReadonlyMap<string, Withheld>;
  readonly pins: PinSet;
  readonly running: ReadonlyMap<ComponentName, Choice>;
  /** The advisories to be closed that affect a version which is released or runs, most urgent first: all that are critical, and what the policy adds. */
  readonly holes: Holes;
  /** What no ordinary update may bring in: the same, whatever the mandate. */
  readonly unwanted: Holes;
  /** The required stop that a component must pass next. */
  readonly stops: ReadonlyMap<ComponentName, Choice>;
  /** What an open advisory has forced to the version that runs, with that advisory. */
  readonly standing: ReadonlyMap<ComponentName, string>;
}

interface Holes {
  of(component: ComponentName, version: Version): readonly Advisory[];
  /** Some advisory names the component. */
  anyOf(component: ComponentName): boolean;
}

export function* createContext(
  input: CompileInput,
  {
    onDisk = input.config,
    mandate = 'order',
  }: { readonly onDisk?: InstanceConfig; readonly mandate?: Mandate } = {},
): Pieces<Context> {
  const index = yield* indexReleases(input.catalog.releases);
  const critical = openCritical(input.catalog.advisories);
  const running = runningChoices(input.current, index);
  const offers = yield* selectOffers(input, index);
  const forced = yield* findHoles(critical, index, running);
  const { fixesFrom = 'critical' } = input;
  const unwanted =
    fixesFrom === 'critical'
      ? forced
      : yield* findHoles(openFrom(input.catalog.advisories, fixesFrom), index, running);
  return {
    input,
    mandate,
    isBesideOffered: mandate === 'policy',
    onDisk,
    index,
    offers,
    trials: mandate === 'order' ? new Map() : yield* selectTrials(input, index, offers),
    pins: createPinSet(input.pins.filter((pin) => !isExpired(pin, input.now))),
    running,
    holes: mandate === 'order' ? forced : unwanted,
    unwanted,
    stops: yield* findStops(index, offers, running),
    standing: standingForced(input, critical),
  };
}

function* findStops(
  index: ReleaseIndex,
  { withdrawn }: Offers,
  running: Context['running'],
): Pieces<Context['stops']> {
  const stops = new Map<ComponentName, Choice>();
  for (const [component, { version }] of running) {
    const all = index.stopsOf(component);
    yield 1 + all.length;
    const stop = firstStop(all, version, withdrawn);
    if (stop !== undefined) stops.set(component, choiceOf(stop));
  }
  return stops;
}

/** Looked up over and over, and asked of the advisories once for each version. */
function* findHoles(
  open: readonly Advisory[],
  index: ReleaseIndex,
  running: Context['running'],
): Pieces<Holes> {
  const entries = open.flatMap((advisory) =>
    [...new Set(advisory.affected.map(({ component }) => component))].map((component) => ({
      component,
      advisory,
    })),
  );
  const found = new Map<ComponentName, Map<Version, readonly Advisory[]>>();
  for (const [component, about] of Map.groupBy(entries, (entry) => entry.component)) {
    const affected = new Map<Version, readonly Advisory[]>();
    found.set(component, affected);
    const released = index.of(component).map(({ document }) => document.version);
    for (const version of new Set([...released, running.get(component)?.version])) {
      if (version === undefined) continue;
      const affecting = yield* mapped(
        about,
        ({ advisory }) => (isAffected(advisory, component, version) ? advisory : null),
        ({ advisory }) => advisory.affected.length,
      );
      affected.set(
        version,
        affecting.filter((one) => one !== null),
      );
    }
  }
  return {
    of: (component, version) => found.get(component)?.get(version) ?? [],
    anyOf: (component) => found.has(component),
  };
}

function standingForced(
  { current }: CompileInput,
  critical: readonly Advisory[],
): ReadonlyMap<ComponentName, string> {
  const open = new Map<string, string>(critical.map(({ id }) => [`forced:${id}`, id]));
  const components = current?.manifest.components ?? [];
  return new Map(
    components.flatMap(({ component, origin }) => {
      const advisory = open.get(origin);
      return advisory === undefined ? [] : [[component, advisory] as const];
    }),
  );
}

export function withPins(context: Context, pins: readonly Pin[]): Context {
  return { ...context, pins: createPinSet(pins) };
}

/** As if whatever a fix needs beside it could be had. */
export function withAnyBeside(context: Context): Context {
  return { ...context, isBesideOffered: false };
}

/** As if nothing withheld a release: no wave to come, no pause, halt or quarantine. */
export function withoutWithholding(context: Context): Context {
  const { offers, index } = context;
  const { withheld } = offers;
  const differing = new Set([...withheld.values()].map(({ component }) => component));
  const isOffered: Offers['isOffered'] = (component, version, digest) =>
    withheld.has(digest) || offers.isOffered(component, version, digest);
  const of: Offers['of'] = (component) =>
    differing.has(component)
      ? index.of(component).filter(({ document, digest }) => isOffered(component, document.version, digest))
      : offers.of(component);
  return { ...context, offers: { ...offers, isOffered, of, withheld: new Map() } };
}

/** A pin on its suite or on the platform says what it is, and nobody orders otherwise. */
export function isBound({ mandate, pins }: Context, component: ComponentName): boolean {
  return mandate === 'policy' && pins.on(component).length === 0 && pins.governing(component) !== null;
}

/** `core` of `core/auth` and of `core`; null for the platform. */
export function suiteOf(component: ComponentName): string | null {
  return component === 'platform' ? null : (component.split('/')[0] ?? null);
}
