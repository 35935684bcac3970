// What stands between this instance and one release, beyond what the decision itself names.
import { isEnabled } from '../../shared/compile/config.ts';
import { isAffected, openCritical } from '../../shared/compile/exposure.ts';
import type { Offers } from '../../shared/compile/offers.ts';
import { pinnedComponent } from '../../shared/compile/pins.ts';
import type { Withheld } from '../../shared/compile/target.ts';
import { instantMs } from '../../shared/encoding/instant.ts';
import { block, type Reason } from '../../shared/policy/blockers.ts';
import { withheldReason } from '../../shared/policy/idle-reasons.ts';
import { effectiveConfig, effectivePolicy } from '../../shared/policy/local-state.ts';
import { componentNameOf, type ReleaseRef } from '../../shared/schema/release-ref.ts';
import { compareVersions } from '../../shared/version/version.ts';
import type { Facts } from './conclude.ts';

/** Why this instance may not have the release now: no rollout brings it, a halt or the quarantine keeps it away. */
export function offerBlockers(
  facts: Facts,
  ref: ReleaseRef,
  offers: Offers,
  release: string,
): readonly Reason[] {
  const component = componentNameOf(ref);
  if (offers.isOffered(component, ref.version, release)) return [];
  const of = (why: Withheld['why']) =>
    withheldReason({ component, version: ref.version, release, why }, facts.quarantine);
  const withheld = offers.withheld.get(release);
  const blockers =
    withheld === undefined
      ? [unoffered(facts, ref, offers.withdrawn.has(release))]
      : [withheldReason(withheld, facts.quarantine)];
  const halt = offers.halts.get(release);
  if (halt !== undefined && withheld?.why.kind !== 'halted') {
    blockers.push(of({ kind: 'halted', reason: halt.reason, until: instantMs(halt.expires) }));
  }
  if (facts.quarantine.some((one) => one.release === release) && withheld?.why.kind !== 'quarantined') {
    blockers.push(of({ kind: 'quarantined' }));
  }
  return blockers;
}

function unoffered(facts: Facts, ref: ReleaseRef, withdrawn: boolean): Reason {
  const what = `${componentNameOf(ref)} ${ref.version}`;
  const { track } = effectiveConfig(facts, facts.current);
  const source = `the rollouts of track ${track}`;
  return withdrawn
    ? block('withdrawn', { message: `the vendor has withdrawn ${what}`, source })
    : block('not-offered', { message: `no rollout offers ${what} on track ${track}`, source });
}

/** What is on offer leads elsewhere, or a pin of its own keeps the component: only a pin leads to this version. */
export function pinBlocker(facts: Facts, ref: ReleaseRef): Reason {
  const component = componentNameOf(ref);
  const own = effectivePolicy(facts).pins.find((pin) => pinnedComponent(pin) === component);
  return block('pin-needed', {
    message:
      own === undefined
        ? `what is on offer leads elsewhere: ${component} comes to ${ref.version} by a pin`
        : `${component} is pinned at ${own.version} by ${own.owner}: ${own.reason}`,
    source: 'policy pins',
    clear: { component, version: ref.version },
  });
}

export function unpinBlocker(component: string): Reason {
  return block('pins-conflict', {
    message: `the pin on ${component} allows no version that goes with it`,
    source: 'policy pins',
    clear: { component },
  });
}

/** What no pin and no rollout changes. */
export function standingBlockers(facts: Facts, ref: ReleaseRef): readonly Reason[] {
  return [...disabled(facts, ref), ...affected(facts, ref), ...oneWay(facts, ref)];
}

function disabled(facts: Facts, ref: ReleaseRef): readonly Reason[] {
  if (ref.kind === 'platform') return [];
  const config = effectiveConfig(facts, facts.current);
  const on = ref.kind === 'suite' ? isEnabled(config, ref.name) : isEnabled(config, ref.suite, ref.name);
  const message = `${componentNameOf(ref)} is switched off here`;
  return on ? [] : [block('not-enabled', { message, source: 'the instance configuration' })];
}

function affected({ catalog }: Facts, ref: ReleaseRef): readonly Reason[] {
  const component = componentNameOf(ref);
  return openCritical(catalog.advisories)
    .filter((advisory) => isAffected(advisory, component, ref.version))
    .map(({ id }) =>
      block('target-exposed', {
        message: `${id} affects ${component} ${ref.version}: the instance is forced off it`,
        source: id,
      }),
    );
}

function oneWay({ current }: Facts, ref: ReleaseRef): readonly Reason[] {
  const component = componentNameOf(ref);
  const runs = [...(current?.releases ?? [])].find(([name]) => name === component)?.[1].document;
  if (runs?.reversible !== 'no' || compareVersions(ref.version, runs.version) >= 0) return [];
  const message = `${component} ${runs.version} may not be left for an older version`;
  return [block('not-reversible', { message, source: 'the release manifest' })];
}
