// Everything one resolution looks at, indexed once: releases, offers, pins in force, what runs, open advisories.
import type { Advisory } from '../schema/advisory.ts';
import type { InstanceConfig } from '../schema/instance.ts';
import type { Pin } from '../schema/pin.ts';
import type { ComponentName } from '../schema/release-ref.ts';
import { openCritical } from './exposure.ts';
import { type Offers, selectOffers } from './offers.ts';
import { createPinSet, isExpired, type PinSet } from './pins.ts';
import { indexReleases, type ReleaseIndex } from './releases.ts';
import { type Choice, runningChoices } from './running.ts';
import type { CompileInput } from './target.ts';

export interface Context {
  readonly input: CompileInput;
  /** The operator's newest word; the configuration of `input` is the one to compile under. */
  readonly onDisk: InstanceConfig;
  readonly index: ReleaseIndex;
  readonly offers: Offers;
  readonly pins: PinSet;
  readonly running: ReadonlyMap<ComponentName, Choice>;
  /** Critical advisories that are not withdrawn, by id. */
  readonly critical: readonly Advisory[];
  /** What an open advisory has forced to the version that runs, with that advisory. */
  readonly standing: ReadonlyMap<ComponentName, string>;
}

export function createContext(input: CompileInput, onDisk: InstanceConfig = input.config): Context {
  const index = indexReleases(input.catalog.releases);
  const critical = openCritical(input.catalog.advisories);
  return {
    input,
    onDisk,
    index,
    offers: selectOffers(input, index),
    pins: createPinSet(input.pins.filter((pin) => !isExpired(pin, input.now))),
    running: runningChoices(input.current, index),
    critical,
    standing: standingForced(input, critical),
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

/** As if nothing withheld a release: no wave to come, no pause, halt or quarantine. */
export function withoutWithholding(context: Context): Context {
  const { offered, withheld } = context.offers;
  const all = new Set([...offered, ...withheld.keys()]);
  return { ...context, offers: { ...context.offers, offered: all, withheld: new Map() } };
}

/** `core` of `core/auth` and of `core`; null for the platform. */
export function suiteOf(component: ComponentName): string | null {
  return component === 'platform' ? null : (component.split('/')[0] ?? null);
}
