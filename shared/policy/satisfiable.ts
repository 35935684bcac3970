// Whether a policy can ever be satisfied: one that nobody can meet looks like a policy and is a freeze.

import { durationMs, type EpochMs, formatDuration, instantMs } from '../encoding/instant.ts';
import type { Pieces } from '../encoding/pieces.ts';
import { count } from '../errors/entry.ts';
import type { Policy } from '../schema/policy.ts';
import { isOfTheFuture } from './local-state.ts';
import { HORIZON_MS, spansOf } from './spans.ts';
import { findRoom, nextOpen } from './windows.ts';

/** What can never come true, in words; empty when every rule can be met. `soakMs` is how long is watched, where that is not the policy's word. */
export function* findUnsatisfiable(
  { windows, approvals, soak }: Policy,
  now: EpochMs,
  soakMs = durationMs(soak),
): Pieces<readonly string[]> {
  const problems: string[] = [];
  if ((yield* nextOpen(windows, now)) === null) {
    problems.push(
      windows.allow.length === 0
        ? 'deny windows leave no time at which a deployment may start, as far as was looked'
        : 'no window opens, as far as was looked: deny windows cover all of them, or their dates never come',
    );
  }
  const { first, fits, isAll } = yield* findRoom(windows, now, () => soakMs);
  if (first !== null && fits === null && isAll) {
    problems.push(
      `no window of the year to come is as long as the soak of ${soakMs === durationMs(soak) ? soak : formatDuration(soakMs)}: what would not be over in time is not begun, so nothing would be`,
    );
  }
  // A deny window that never begins protects nobody.
  for (const window of [...windows.allow, ...windows.deny]) {
    const work = { left: Number.MAX_SAFE_INTEGER };
    const begins = spansOf(window, now, now + HORIZON_MS, work).next().done !== true;
    yield Number.MAX_SAFE_INTEGER - work.left;
    if (!begins) {
      problems.push(`the window ${window.name} never begins: "${window.cron}" names no date that comes`);
    }
  }
  // The schema counts keys; one person with two keys still is one person.
  const people = new Set(approvals.approvers.map((approver) => approver.name)).size;
  if (approvals.approvers.length > 0 && approvals.required > people) {
    problems.push(
      `${count(approvals.required, 'approval is', 'approvals are')} required of ${count(people, 'person', 'people')}`,
    );
  }
  return problems;
}

/** What holds nothing any more, for an operator to tidy. */
export function findStale({ pins, hold, emergencyHold }: Policy, now: EpochMs): readonly string[] {
  const past = (until: string | undefined) => until !== undefined && instantMs(until) <= now;
  return [
    ...pins
      .filter((pin) => past(pin.expires))
      .map(
        (pin) => `the pin of ${pin.level === 'platform' ? 'platform' : pin.name} expired at ${pin.expires}`,
      ),
    ...(past(hold?.until) ? [`the hold ended at ${hold?.until}`] : []),
    ...(past(emergencyHold?.until) ? [`the emergency hold ended at ${emergencyHold?.until}`] : []),
    ...(emergencyHold !== undefined && isOfTheFuture(emergencyHold, now)
      ? [
          `the emergency hold was set under a clock that was ahead, at ${emergencyHold.since}: forced patches do not wait for it`,
        ]
      : []),
  ];
}
