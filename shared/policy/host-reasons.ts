// Reasons that hold for every target: trust that is stale, a clock that is wrong, a host that is not ready.
import type { Target } from '../compile/target.ts';
import { assertNever } from '../errors/error.ts';
import { isDriverEnabled } from '../schema/drivers/drivers.ts';
import { block, type Reason } from './blockers.ts';
import type { DecideInput, HostFacts } from './decide-input.ts';

/**
 * Expired metadata stops forced patches as well: whoever withholds newer metadata could be hiding that the fix was
 * halted or withdrawn. What runs keeps running.
 */
export function hostReasons({ freshness, host, command }: DecideInput): readonly Reason[] {
  const reasons: Reason[] = [...freshnessReasons(freshness)];
  if (typeof host.currentDamage === 'string') {
    reasons.push(
      block('generation-damaged', {
        message: `${host.currentDamage}: put the state directory's copy of it back from a backup; until then nothing replaces what runs`,
        source: 'the generations on disk',
      }),
    );
  }
  // Blocked for the agent; a person who says so may go on to a release that mends it.
  if (host.inconsistent && command?.override.includes('health') !== true) {
    reasons.push(
      block('deployment-inconsistent', {
        message: 'the last deployment ended neither old nor new: a person is needed',
        source: 'the deployment records',
      }),
    );
  }
  if (host.deploymentInProgress) {
    reasons.push(
      block('deployment-in-progress', {
        message: 'a deployment is under way',
        source: 'the deployment records',
      }),
    );
  }
  return reasons;
}

/** Before anything stops, and for forced patches too: what the agent's sandbox forbids, the new version could not do. */
export function driverReasons({ drivers }: HostFacts, target: Target | null): readonly Reason[] {
  if (drivers === undefined || target === null) return [];
  const refused = [...target.releases]
    .map(([component, { document }]) => ({ component, driver: document.service.driver }))
    .filter(({ driver }) => !isDriverEnabled(driver, drivers));
  if (refused.length === 0) return [];
  const needed = [...new Set([...drivers, ...refused.map(({ driver }) => driver)])];
  const names = refused.map(({ component, driver }) => `${component} (${driver})`);
  return [
    block('driver-not-enabled', {
      message: `the agent was installed for services of ${drivers.join(', ')} alone; on offer: ${names.join(', ')}`,
      source: 'the drivers given to agent install',
      clear: { drivers: needed.join(',') },
    }),
  ];
}

function freshnessReasons(freshness: DecideInput['freshness']): readonly Reason[] {
  const source = 'the signed timestamp and snapshot';
  switch (freshness.state) {
    case 'fresh':
      return [];
    case 'never':
      return [block('metadata-missing', { message: 'no signed data has been received yet', source })];
    case 'expired':
      return [
        block('metadata-expired', {
          message: 'the vendor’s signed data has expired: nothing new is installed until newer data arrives',
          source,
        }),
      ];
    case 'clock-behind':
      return [
        block('clock-behind', {
          message: 'this machine’s clock is earlier than data the vendor has already signed',
          source,
        }),
      ];
    default:
      return assertNever(freshness.state);
  }
}
