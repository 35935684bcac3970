// The way to one release: the deployments that lead there from what runs, and everything that stands in the way.
import { type Compile, compileAnew } from '../../shared/compile/compile.ts';
import { selectOffers } from '../../shared/compile/offers.ts';
import { pinnedComponent } from '../../shared/compile/pins.ts';
import { indexReleases } from '../../shared/compile/release-index.ts';
import type { AnyRelease } from '../../shared/compile/releases.ts';
import type { Target } from '../../shared/compile/target.ts';
import type { Pieces } from '../../shared/encoding/pieces.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { block } from '../../shared/policy/blockers.ts';
import { effectiveConfig, effectivePolicy } from '../../shared/policy/local-state.ts';
import type { Blocker } from '../../shared/schema/decision.ts';
import { componentNameOf, formatRef, type ReleaseRef } from '../../shared/schema/release-ref.ts';
import { type Rollout, rollout } from '../../shared/schema/rollout.ts';
import { compileInputOf, conclude, type Facts, type Offer } from './conclude.ts';
import { editPolicy } from './policy-edit.ts';
import { offerBlockers, pinBlocker, standingBlockers, unpinBlocker } from './way-blockers.ts';

export interface Way {
  readonly outcome: 'runs' | 'reachable' | 'none';
  /** One after the other; empty unless the release can be reached. */
  readonly hops: readonly Offer[];
  /** What must be cleared, or why nothing helps. */
  readonly blockers: readonly Blocker[];
}

/** What must be otherwise for the release to be reached, with the blockers that say so. */
interface World {
  readonly facts: Facts;
  readonly supposed: readonly Blocker[];
}

/** Far more required stops than any way has. */
const MOST_HOPS = 20;

/**
 * Walks with the agent's own decisions, one deployment after the other; where that leads elsewhere, again with less and
 * less in the way: the release on offer, then pinned to by the operator, then without the pins that contradict.
 * Error: plan/no-such-release.
 */
export function* findWay(facts: Facts, ref: ReleaseRef, compile: Compile = compileAnew): Pieces<Way> {
  const release = yield* findRelease(facts, ref);
  if (hasRelease(facts.current, ref)) return { outcome: 'runs', hops: [], blockers: [] };
  const quest: Quest = { ref, release, walk: walkerTo(ref, compile) };
  let world: World = { facts, supposed: [] };
  let last: readonly Blocker[] = [];
  for (const suppose of [asItIs, onOffer, pinnedTo, withoutOtherPins]) {
    const next = yield* suppose(world, quest);
    if (next === null) continue;
    world = next;
    const { hops, blockers } = yield* quest.walk(world.facts);
    last = [...world.supposed, ...blockers];
    if (hops !== null) return { outcome: 'reachable', hops, blockers: distinct(last) };
  }
  return {
    outcome: 'none',
    hops: [],
    blockers: distinct([...standingBlockers(facts, ref), ...unmoved(last)]),
  };
}

/** Where not even a pin leads there, what the decision says about pins is about that one: the manifests are in the way. */
function unmoved(blockers: readonly Blocker[]): readonly Blocker[] {
  return blockers
    .filter(({ code }) => code !== 'pin-needed' && code !== 'pins-hold-back')
    .map((one) => {
      if (one.code !== 'pins-conflict') return one;
      return block('requirements-conflict', { message: one.message, source: 'the release manifests' });
    });
}

/** Error: plan/no-such-release. */
function* findRelease({ catalog }: Facts, ref: ReleaseRef): Pieces<AnyRelease> {
  const index = yield* indexReleases(catalog.releases);
  const component = componentNameOf(ref);
  const release = index.find(component, ref.version);
  if (release !== undefined) return release;
  const versions = index.of(component).map(({ document }) => document.version);
  throw new FairleadError('plan/no-such-release', {
    target: formatRef(ref),
    known:
      versions.length === 0
        ? `components are ${index.components.slice(0, 10).join(', ') || 'none'}`
        : `versions are ${versions.slice(0, 10).join(', ')}`,
  });
}

interface Quest {
  readonly ref: ReleaseRef;
  readonly release: AnyRelease;
  readonly walk: Walk;
}

/** From one world to the next, in which less is in the way; null where that would be the same one. */
type Suppose = (world: World, quest: Quest) => Pieces<World | null>;

const asItIs: Suppose = function* (world) {
  yield 0;
  return world;
};

const onOffer: Suppose = function* ({ facts }, { ref, release }) {
  const input = compileInputOf(facts);
  const offers = yield* selectOffers(input, yield* indexReleases(input.catalog.releases));
  const withheld = offerBlockers(facts, ref, offers, release.digest);
  return withheld.length === 0 ? null : { facts: supposeOffered(facts, ref, release), supposed: withheld };
};

const pinnedTo: Suppose = function* ({ facts, supposed }, { ref }) {
  return { facts: yield* supposePinned(facts, ref), supposed: [...supposed, pinBlocker(facts, ref)] };
};

const withoutOtherPins: Suppose = function* ({ facts, supposed }, { ref, walk }) {
  const lifted = yield* pinsInTheWay(facts, ref, walk);
  return lifted.length === 0
    ? null
    : { facts: withoutPins(facts, lifted), supposed: [...supposed, ...lifted.map(unpinBlocker)] };
};

interface Walked {
  /** Null when it ends elsewhere. */
  readonly hops: readonly Offer[] | null;
  readonly blockers: readonly Blocker[];
}

type Walk = (facts: Facts) => Pieces<Walked>;

function walkerTo(ref: ReleaseRef, compile: Compile): Walk {
  return function* (facts) {
    const hops: Offer[] = [];
    const blockers: Blocker[] = [];
    let { current, means } = facts;
    while (hops.length < MOST_HOPS) {
      const { decision, offer } = yield* conclude({ ...facts, current, means }, null, compile);
      blockers.push(...decision.blockers);
      if (offer === null) break;
      hops.push(offer);
      if (hasRelease(offer.target, ref)) return { hops, blockers };
      current = offer.target;
      // What one hop brings is here for the next.
      const brought = offer.target.manifest.components.map(({ tree }) => tree);
      means = { ...means, stored: new Set([...means.stored, ...brought]) };
    }
    return { hops: null, blockers };
  };
}

export function hasRelease(target: Target | null, ref: ReleaseRef): boolean {
  if (target === null) return false;
  const { platform, suites, components } = target.manifest;
  switch (ref.kind) {
    case 'platform':
      return platform?.version === ref.version;
    case 'suite':
      return suites.some((one) => one.name === ref.name && one.version === ref.version);
    case 'capability':
      return components.some((one) => one.component === componentNameOf(ref) && one.version === ref.version);
  }
}

/** As if the vendor offered the release to this instance, and nothing here or there stopped it. */
function supposeOffered(facts: Facts, ref: ReleaseRef, { digest }: AnyRelease): Facts {
  const { catalog, quarantine } = facts;
  const { track } = effectiveConfig(facts, facts.current);
  const isOther = (one: { readonly digest: string }) => one.digest !== digest;
  const offering: Rollout = rollout.parse({
    schema: 'fairlead/rollout@1',
    release: ref,
    digest,
    track,
    seed: 'supposed',
    start: '1970-01-01T00:00:00Z',
    waves: [{ percent: 100, after: 'PT0S' }],
  });
  return {
    ...facts,
    catalog: {
      ...catalog,
      rollouts: [...catalog.rollouts.filter(isOther), offering],
      halts: catalog.halts.filter(isOther),
    },
    quarantine: quarantine.filter(({ release }) => release !== digest),
  };
}

/** As if the operator had typed `fairlead pin add`. */
function* supposePinned(facts: Facts, ref: ReleaseRef): Pieces<Facts> {
  const { policy: state, now } = facts;
  if (state.kind === 'unreadable') return facts;
  const edit = { kind: 'pin', component: componentNameOf(ref), version: ref.version } as const;
  const policy = yield* editPolicy(state.policy, edit, { by: 'plan', reason: 'supposed', at: now });
  return { ...facts, policy: { kind: 'readable', policy } };
}

/** Pins of more components are not tried one by one: each costs a walk. */
const MOST_TRIED = 100;

/** Other components' pins, as few as let the release be reached; none when that takes more than pins. */
function* pinsInTheWay(facts: Facts, ref: ReleaseRef, walk: Walk): Pieces<readonly string[]> {
  const { pins } = effectivePolicy(facts);
  const others = [...new Set(pins.map(pinnedComponent))].filter((one) => one !== componentNameOf(ref));
  let away: readonly string[] = others;
  if ((yield* walk(withoutPins(facts, away))).hops === null) return [];
  for (const one of others.slice(0, MOST_TRIED)) {
    const fewer = away.filter((each) => each !== one);
    if ((yield* walk(withoutPins(facts, fewer))).hops !== null) away = fewer;
  }
  return away;
}

function withoutPins(facts: Facts, components: readonly string[]): Facts {
  const { policy: state } = facts;
  if (state.kind === 'unreadable') return facts;
  const pins = state.policy.pins.filter((pin) => !components.includes(pinnedComponent(pin)));
  return { ...facts, policy: { kind: 'readable', policy: { ...state.policy, pins } } };
}

function distinct(blockers: readonly Blocker[]): readonly Blocker[] {
  return [...new Map(blockers.map((one) => [`${one.code} ${one.message} ${one.clearWith}`, one])).values()];
}
