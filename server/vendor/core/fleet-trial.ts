// The known fleet under releases that are not out yet: who would take them, who stays and why, as if all were offered them now.
import { compile } from '../../../shared/compile/compile.ts';
import { configDigest, planBetween } from '../../../shared/compile/plan.ts';
import type { Catalog } from '../../../shared/compile/releases.ts';
import type { CompileResult, KnownFacts, Target } from '../../../shared/compile/target.ts';
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { finish } from '../../../shared/encoding/pieces.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { InstanceConfig } from '../../../shared/schema/instance.ts';
import { type Pin, pin } from '../../../shared/schema/pin.ts';
import type { CapabilityRelease, Release, Verified } from '../../../shared/schema/release.ts';
import { componentNameOf, refOf } from '../../../shared/schema/release-ref.ts';
import type { Rollout } from '../../../shared/schema/rollout.ts';
import { compareVersions, type Version } from '../../../shared/version/version.ts';

/** Installs that are alike in all that a release has to fit, as their reports tell it. */
export interface FleetKind {
  /** One of them. */
  readonly instance: string;
  readonly installs: number;
  readonly track: string;
  readonly components: readonly { readonly component: ComponentKey; readonly version: Version }[];
  /** Where they keep what, as far as it keeps them from something that is out. */
  readonly pins: readonly { readonly pinned: string; readonly version: string; readonly by: string }[];
  readonly facts: KnownFacts;
}

export type Fit =
  /** `bytes`: at most to be fetched; `by` a required stop on the way. */
  | { readonly kind: 'takes'; readonly bytes: number; readonly by: Version | null }
  /** Without these pins they would. */
  | { readonly kind: 'pinned'; readonly pins: readonly string[] }
  | { readonly kind: 'conflict'; readonly problems: readonly string[] }
  /** A newer one is out. */
  | { readonly kind: 'newer'; readonly at: string }
  /** Another version fits better. */
  | { readonly kind: 'stays'; readonly at: string }
  /** Nothing of it is installed there. */
  | { readonly kind: 'apart' };

export interface FleetTrial {
  /** The release that is tried first, and whatever is to come out together with it. */
  readonly candidates: readonly Verified<Release>[];
  /** Everything that is signed, or all of it that `scopeOf` comes to. */
  readonly catalog: Catalog;
  readonly now: number;
}

/** Never throws for what installs report. Kinds that follow one track share its catalog, which is indexed once. */
export function createFit({ candidates, catalog, now }: FleetTrial): (kind: FleetKind) => Fit {
  const [candidate] = candidates;
  const offers = new Map<string, Catalog>();
  return (kind) => {
    if (candidate === undefined || !isConcerned(candidate.document, kind)) return { kind: 'apart' };
    const offered = offers.get(kind.track) ?? offeredTo(kind.track, catalog, candidates, now);
    offers.set(kind.track, offered);
    const current = targetOf(kind, offered, configOf(kind, catalog));
    const ask = (pins: readonly Pin[]) =>
      finish(
        compile({
          ...{ instance: kind.instance, now, config: current.config, catalog: offered, pins, current },
          ...{ quarantined: new Set<string>(), facts: kind.facts },
        }),
      );
    const pins = pinsOf(kind);
    const fit = fitOf(candidate, current, ask(pins));
    if (fit.kind === 'takes' || pins.length === 0) return fit;
    const isTheirs = fitOf(candidate, current, ask([])).kind === 'takes';
    return isTheirs ? { kind: 'pinned', pins: kind.pins.map(written) } : fit;
  };
}

function written({ pinned, version, by }: FleetKind['pins'][number]): string {
  return `${pinned} ${version} by ${by}`;
}

/** Whether anything that runs there is of the suite that a release is of, or of any where it is the platform. */
export function isConcerned(release: Release, { components }: FleetKind): boolean {
  const suite = release.schema === 'fairlead/platform@1' ? null : suiteOf(release);
  return components.some(({ component }) => suite === null || component.startsWith(`${suite}/`));
}

function suiteOf(release: Exclude<Release, { readonly schema: 'fairlead/platform@1' }>): string {
  return release.schema === 'fairlead/suite@1' ? release.name : release.suite;
}

function fitOf(candidate: Verified<Release>, current: Target, result: CompileResult): Fit {
  if (result.kind === 'conflict') return { kind: 'conflict', problems: result.problems };
  const { target } = result;
  const name = componentNameOf(refOf(candidate.document));
  const reached = versionIn(target, name);
  const plan = planBetween({
    ...{ from: current, to: target, reason: { kind: 'channel' } },
    stored: new Set(current.manifest.components.map(({ tree }) => tree)),
  });
  const bytes = plan?.steps.reduce((sum, step) => sum + step.bytes, 0) ?? 0;
  if (reached === candidate.document.version) return { kind: 'takes', bytes, by: null };
  const stop = target.releases.get(name as ComponentKey)?.document;
  const isOnTheWay = stop?.requiredStop === true && reached !== versionIn(current, name);
  if (isOnTheWay) return { kind: 'takes', bytes, by: stop.version };
  // Left out of the suite by whoever runs it.
  if (reached === null) return { kind: 'apart' };
  const at = `${name} ${reached}`;
  // A fix for an older line: an advisory or a pin brings it to those whom it is for.
  const isPassedOver = compareVersions(reached, candidate.document.version) > 0;
  return { kind: isPassedOver ? 'newer' : 'stays', at };
}

function versionIn({ manifest }: Target, name: string): Version | null {
  if (name === 'platform') return manifest.platform?.version ?? null;
  const parts = [
    ...manifest.suites,
    ...manifest.components.map((one) => ({ ...one, name: one.component as string })),
  ];
  return parts.find((part) => part.name === name)?.version ?? null;
}

/** As if every wave had come, nothing were halted and the candidates were out. */
function offeredTo(
  track: string,
  catalog: Catalog,
  candidates: readonly Verified<Release>[],
  now: number,
): Catalog {
  const toAll = { start: formatInstant(now), waves: [{ percent: 100, after: 'PT0S' }], paused: false };
  const rollouts = candidates.map(
    ({ document, digest }): Rollout => ({
      ...{ schema: 'fairlead/rollout@1', release: refOf(document), digest, track, seed: 'trial', ...toAll },
      withdrawn: false,
    }),
  );
  return {
    ...{ releases: [...catalog.releases, ...candidates], halts: [], advisories: catalog.advisories },
    rollouts: [...catalog.rollouts.map((one) => ({ ...one, ...toAll })), ...rollouts],
  };
}

/** What runs, as far as it is known here; what the vendor does not know runs on and is left alone. */
function targetOf(kind: FleetKind, catalog: Catalog, config: InstanceConfig): Target {
  const running = kind.components.map(({ component, version }) => {
    const found = catalog.releases.find((one) => isVersion(one, component, version));
    return found === undefined ? null : ([component, found] as const);
  });
  const known = new Map(running.filter((one) => one !== null));
  return {
    releases: known,
    config,
    manifest: {
      ...{ schema: 'fairlead/deployment@1', platform: null, suites: [], config: configDigest(config) },
      components: [...known].map(([component, { document, digest }]) => ({
        ...{ component, version: document.version, release: digest, tree: document.tree.digest },
        origin: 'latest',
      })),
    },
  };
}

function isVersion(
  one: Verified<Release>,
  component: ComponentKey,
  version: Version,
): one is Verified<CapabilityRelease> {
  const { document } = one;
  if (document.schema !== 'fairlead/capability@1') return false;
  return document.version === version && `${document.suite}/${document.name}` === component;
}

/** Configurations stay at the installs. What runs is enabled; what of its suite is out and does not run is not. */
function configOf({ components, track }: FleetKind, { releases }: Catalog): InstanceConfig {
  const running = new Set<string>(components.map(({ component }) => component));
  const idle = releases.flatMap(({ document }) =>
    document.schema === 'fairlead/capability@1' && !running.has(`${document.suite}/${document.name}`)
      ? [document]
      : [],
  );
  const suites = [...new Set([...running].map((component) => component.split('/')[0] ?? ''))];
  const capabilitiesOf = (suite: string) =>
    idle.flatMap(({ name, ...one }) =>
      one.suite === suite ? [[name, { enabled: false, settings: {} }] as const] : [],
    );
  return {
    ...{ schema: 'fairlead/instance@1', track },
    suites: Object.fromEntries(
      suites.map((suite) => [
        suite,
        { enabled: true, capabilities: Object.fromEntries(capabilitiesOf(suite)) },
      ]),
    ),
  };
}

function pinsOf({ pins }: FleetKind): readonly Pin[] {
  return pins.flatMap(({ pinned, version, by }) => {
    const level = pinned === 'platform' ? 'platform' : pinned.includes('/') ? 'capability' : 'suite';
    const name = level === 'platform' ? {} : { name: pinned };
    const read = pin.safeParse({ level, ...name, version, owner: by, reason: 'as its install reports' });
    return read.success ? [read.data] : [];
  });
}
