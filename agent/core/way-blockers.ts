// What stands between this instance and one release, beyond what the decision itself names.
import { isEnabled } from '../../shared/compile/config.ts';
import { isAffected, openCritical } from '../../shared/compile/exposure.ts';
import { activeHalts } from '../../shared/compile/halts.ts';
import type { Offers } from '../../shared/compile/offers.ts';
import type { Withheld } from '../../shared/compile/target.ts';
import { instantMs } from '../../shared/encoding/instant.ts';
import { withheldReason } from '../../shared/policy/idle-reasons.ts';
import type { Blocker } from '../../shared/schema/decision.ts';
import { componentNameOf, type ReleaseRef } from '../../shared/schema/release-ref.ts';
import { compareVersions } from '../../shared/version/version.ts';
import { effectiveConfig, type Facts } from './conclude.ts';
import { pinnedComponent } from './policy-edit.ts';

/** Why this instance may not have the release now: no rollout brings it, a halt or the quarantine keeps it away. */
export function offerBlockers(
  facts: Facts,
  ref: ReleaseRef,
  offers: Offers,
  release: string,
): readonly Blocker[] {
  if (offers.offered.has(release)) return [];
  const component = componentNameOf(ref);
  const of = (why: Withheld['why']) => withheldReason({ component, version: ref.version, release, why });
  const withheld = offers.withheld.get(release);
  const blockers =
    withheld === undefined
      ? [unoffered(facts, ref, offers.withdrawn.has(release))]
      : [withheldReason(withheld)];
  const halt = activeHalts(facts.catalog.halts, facts.now).get(release);
  if (halt !== undefined && withheld?.why.kind !== 'halted') {
    blockers.push(of({ kind: 'halted', reason: halt.reason, until: instantMs(halt.expires) }));
  }
  if (facts.quarantined.has(release) && withheld?.why.kind !== 'quarantined') {
    blockers.push(of({ kind: 'quarantined' }));
  }
  return blockers;
}

function unoffered(facts: Facts, ref: ReleaseRef, withdrawn: boolean): Blocker {
  const what = `${componentNameOf(ref)} ${ref.version}`;
  const { track } = effectiveConfig(facts);
  const source = `the rollouts of track ${track}`;
  return withdrawn
    ? { code: 'withdrawn', message: `the vendor has withdrawn ${what}`, source, owner: 'vendor' }
    : {
        code: 'not-offered',
        message: `no rollout offers ${what} on track ${track}`,
        source,
        owner: 'vendor',
      };
}

/** What is on offer leads elsewhere, or a pin of its own keeps the component: only a pin leads to this version. */
export function pinBlocker({ policy }: Facts, ref: ReleaseRef): Blocker {
  const component = componentNameOf(ref);
  const pins = policy.kind === 'readable' ? policy.policy.pins : [];
  const own = pins.find((pin) => pinnedComponent(pin) === component);
  return {
    code: 'pin-needed',
    message:
      own === undefined
        ? `what is on offer leads elsewhere: ${component} comes to ${ref.version} by a pin`
        : `${component} is pinned at ${own.version} by ${own.owner}: ${own.reason}`,
    source: 'policy pins',
    owner: 'admin',
    clearWith: `fairlead pin add ${component} ${ref.version} --reason "why"`,
  };
}

export function unpinBlocker(component: string): Blocker {
  return {
    code: 'pins-conflict',
    message: `the pin on ${component} allows no version that goes with it`,
    source: 'policy pins',
    owner: 'admin',
    clearWith: `fairlead pin remove ${component} --reason "why"`,
  };
}

/** What no pin and no rollout changes. */
export function standingBlockers(facts: Facts, ref: ReleaseRef): readonly Blocker[] {
  return [...disabled(facts, ref), ...affected(facts, ref), ...oneWay(facts, ref)];
}

function disabled(facts: Facts, ref: ReleaseRef): readonly Blocker[] {
  if (ref.kind === 'platform') return [];
  const config = effectiveConfig(facts);
  const on = ref.kind === 'suite' ? isEnabled(config, ref.name) : isEnabled(config, ref.suite, ref.name);
  const message = `${componentNameOf(ref)} is switched off here`;
  return on ? [] : [{ code: 'not-enabled', message, source: 'the instance configuration', owner: 'admin' }];
}

function affected({ catalog }: Facts, ref: ReleaseRef): readonly Blocker[] {
  const component = componentNameOf(ref);
  return openCritical(catalog.advisories)
    .filter((advisory) => isAffected(advisory, component, ref.version))
    .map(({ id }) => ({
      code: 'target-exposed',
      message: `${id} affects ${component} ${ref.version}: the instance is forced off it`,
      source: id,
      owner: 'vendor',
    }));
}

function oneWay({ current }: Facts, ref: ReleaseRef): readonly Blocker[] {
  const component = componentNameOf(ref);
  const runs = [...(current?.releases ?? [])].find(([name]) => name === component)?.[1].document;
  if (runs?.reversible !== 'no' || compareVersions(ref.version, runs.version) >= 0) return [];
  const message = `${component} ${runs.version} may not be left for an older version`;
  return [{ code: 'not-reversible', message, source: 'the release manifest', owner: 'vendor' }];
}
