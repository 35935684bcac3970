// Reasons against a forced patch: its wave, its notice, and the break-glass hold. Channel, pins and approvals are none.

import { planDigest } from '../compile/plan.ts';
import { durationMs, type EpochMs, instantMs } from '../encoding/instant.ts';
import type { Pieces } from '../encoding/pieces.ts';
import type { Plan } from '../schema/deployment.ts';
import { block, type Reason } from './blockers.ts';
import type { DecideInput } from './decide-input.ts';
import { driverReasons } from './host-reasons.ts';
import { effectivePolicy, heldForced } from './local-state.ts';
import { retryReasons } from './retry-pause.ts';
import { settingsReasons } from './settings-reasons.ts';
import { isOpen, nextOpen } from './windows.ts';

/** A policy that cannot be read counts as frozen, and forced patches apply on frozen: it has no windows to wait for. */
export function* emergencyReasons(input: DecideInput, plan: Plan): Pieces<readonly Reason[]> {
  return [
    ...settingsReasons(input.emergency.result.misconfigured),
    ...driverReasons(input.host, input.emergency.result.target),
    ...holdReasons(input),
    ...waveReasons(input),
    ...(yield* windowReasons(input)),
    ...retryReasons(input, planDigest(plan)),
  ];
}

/** Until when the strictest of the orders lets a local window be waited for. */
export function noticeEnds({ advisories, emergency }: DecideInput): EpochMs {
  const ids = new Set(emergency.result.advisories);
  const answered = advisories.filter(({ id }) => ids.has(id));
  const limits = answered.flatMap(({ order, published }) =>
    order === undefined ? [] : [instantMs(published) + durationMs(order.notice), instantMs(order.deadline)],
  );
  return Math.min(...limits);
}

function holdReasons(input: DecideInput): readonly Reason[] {
  const hold = heldForced(effectivePolicy(input), input.now);
  if (hold === null) return [];
  return [
    block('emergency-hold', {
      message: `forced patches are held by ${hold.by}: ${hold.reason}`,
      source: 'policy emergencyHold',
      clearsAt: instantMs(hold.until),
    }),
  ];
}

/** Waves protect those who were not asked: whoever types `apply` was. */
function waveReasons({ emergency: { result }, command }: DecideInput): readonly Reason[] {
  if (result.waits === undefined || command !== null) return [];
  return [
    block('order-wave', {
      message: 'the order reaches this instance in a later wave',
      source: `the order of ${result.advisories.join(', ')}`,
      clearsAt: result.waits,
    }),
  ];
}

function* windowReasons(input: DecideInput): Pieces<readonly Reason[]> {
  const { now, command } = input;
  const { windows } = effectivePolicy(input);
  const ends = noticeEnds(input);
  if (now >= ends || isOpen(windows, now)) return [];
  if (command?.override.includes('window') === true) return [];
  const opens = (yield* nextOpen(windows, now)) ?? ends;
  return [
    block('window-closed', {
      message: 'the order’s notice lets it wait for a maintenance window',
      source: `the order of ${input.emergency.result.advisories.join(', ')}`,
      clearsAt: Math.min(opens, ends),
    }),
  ];
}
