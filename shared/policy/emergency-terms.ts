// Reasons against a forced patch: its notice, and the break-glass hold. Channel, pins and approvals are none.
import { durationMs } from '../encoding/duration.ts';
import { type EpochMs, instantMs } from '../encoding/instant.ts';
import { block, type Reason } from './blockers.ts';
import type { DecideInput } from './decide-input.ts';
import { settingsReasons } from './ordinary-reasons.ts';
import { isOpen, nextOpen } from './windows.ts';

export function emergencyReasons(input: DecideInput): readonly Reason[] {
  const { policy: state, emergency } = input;
  const settings = settingsReasons(emergency.result.misconfigured);
  // An unreadable policy counts as frozen, and forced patches apply on frozen; it has no windows to wait for.
  if (state.kind === 'unreadable') return settings;
  return [...settings, ...holdReasons(input), ...windowReasons(input)];
}

/** Until when the strictest of the orders lets a local window be waited for. */
export function noticeEnds({ advisories, emergency }: DecideInput): EpochMs {
  const answered = advisories.filter((advisory) => emergency.result.advisories.includes(advisory.id));
  const limits = answered.flatMap(({ order, published }) =>
    order === undefined ? [] : [instantMs(published) + durationMs(order.notice), instantMs(order.deadline)],
  );
  return Math.min(...limits);
}

function holdReasons({ policy: state, now }: DecideInput): readonly Reason[] {
  const hold = state.kind === 'readable' ? state.policy.emergencyHold : undefined;
  if (hold === undefined || instantMs(hold.until) <= now) return [];
  return [
    block('emergency-hold', {
      message: `forced patches are held by ${hold.by}: ${hold.reason}`,
      source: 'policy emergencyHold',
      clearsAt: instantMs(hold.until),
      clearWith: 'fairlead release --emergency --reason "why"',
    }),
  ];
}

function windowReasons(input: DecideInput): readonly Reason[] {
  const { policy: state, now, command } = input;
  const ends = noticeEnds(input);
  if (state.kind === 'unreadable' || now >= ends || isOpen(state.policy.windows, now)) return [];
  if (command?.override.includes('window') === true) return [];
  const opens = nextOpen(state.policy.windows, now) ?? ends;
  return [
    block('window-closed', {
      message: 'the order’s notice lets it wait for a maintenance window',
      source: `the order of ${input.emergency.result.advisories.join(', ')}`,
      clearsAt: Math.min(opens, ends),
      clearWith: 'fairlead apply --now --override window --reason "why"',
    }),
  ];
}
