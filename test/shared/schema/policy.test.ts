// The local policy at its bounds: windows, holds and approvals that anybody can live with, and none beyond.
import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICY, policy } from '../../../shared/schema/policy.ts';

const WINDOW = { name: 'night', cron: '0 2 * * sat', duration: 'PT4H', zone: 'Europe/Berlin' };
const HOLD = { since: '2026-03-01T00:00:00Z', reason: 'surgery', by: 'ops' };
const key = (digit: string) => digit.repeat(64);
const approvers = (...digits: readonly string[]) =>
  digits.map((digit, i) => ({ name: `approver-${i}`, key: key(digit) }));

/** Where a policy with these parts is wrong; nowhere where it is not. */
function wrongIn(parts: object): readonly string[] {
  const { error } = policy.safeParse({ schema: 'fairlead/policy@1', ...parts });
  return [...new Set(error?.issues.map(({ path }) => path.join('.')))];
}

describe('a policy', () => {
  it('that says nothing is the careful one', () => {
    expect(DEFAULT_POLICY).toEqual({
      ...{ schema: 'fairlead/policy@1', channel: 'auto', pins: [], windows: { allow: [], deny: [] } },
      ...{ approvals: { required: 1, approvers: [] }, fetchAhead: true, remote: 'ignore' },
      ...{ retention: { generations: 5 }, soak: 'PT5M', probation: 'PT1H' },
    });
  });

  it.each([
    ['PT0S', false],
    ['PT1S', true],
    ['P7D', true],
    ['P7DT1S', false],
    ['4h', false],
  ])('has a window of %s: %s', (duration, taken) => {
    const path = 'windows.deny.0.duration';

    expect(wrongIn({ windows: { deny: [{ ...WINDOW, duration }] } })).toEqual(taken ? [] : [path]);
  });

  it.each([
    ['UTC', true],
    ['Europe/Berlin', true],
    ['Europe/Atlantis', false],
    ['', false],
  ])('has a zone: %j, %s', (zone, taken) => {
    expect(wrongIn({ windows: { allow: [{ ...WINDOW, zone }] } })).toEqual(
      taken ? [] : ['windows.allow.0.zone'],
    );
  });

  it('says what is wrong with the times of a window', () => {
    const { error } = policy.safeParse({
      schema: 'fairlead/policy@1',
      windows: { allow: [{ ...WINDOW, cron: '0 24 * * *' }] },
    });

    expect(error?.issues[0]?.message).toBe(
      'a cron expression such as "0 2 * * sat": "24" is no hour: write 0 to 23, a list, a range, or a step such as */2',
    );
  });

  it.each([
    ['hold', '2026-03-01T00:00:00Z', false],
    ['hold', '2026-02-28T23:59:59Z', false],
    ['hold', '2026-03-01T00:00:01Z', true],
    ['hold', '2036-03-01T00:00:00Z', true],
    ['emergencyHold', '2026-03-01T00:00:00Z', false],
    ['emergencyHold', '2026-03-01T00:00:01Z', true],
    ['emergencyHold', '2026-03-04T00:00:00Z', true],
    ['emergencyHold', '2026-03-04T00:00:01Z', false],
  ])('has a %s until %s: %s', (hold, until, taken) => {
    expect(wrongIn({ [hold]: { ...HOLD, until } })).toEqual(taken ? [] : [`${hold}.until`]);
  });

  it.each<[number, readonly string[], boolean]>([
    [1, [], true],
    [2, [], false],
    [1, ['a'], true],
    [2, ['a'], false],
    [2, ['a', 'b'], true],
    [2, ['a', 'a'], false],
    [3, ['a', 'b', 'a'], false],
    [10, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'], true],
  ])('asks %i approvals of %j: %s', (required, digits, taken) => {
    expect(wrongIn({ approvals: { required, approvers: approvers(...digits) } })).toEqual(
      taken ? [] : ['approvals.required'],
    );
  });

  it.each<[string, object, readonly string[]]>([
    ['approvals of nobody', { approvals: { required: 0 } }, ['approvals.required']],
    ['two generations', { retention: { generations: 2, bytes: 0 } }, []],
    ['one generation', { retention: { generations: 1 } }, ['retention.generations']],
    ['a thousand generations', { retention: { generations: 1000 } }, []],
    ['more generations', { retention: { generations: 1001 } }, ['retention.generations']],
    ['less than no bytes', { retention: { bytes: -1 } }, ['retention.bytes']],
    ['a key in capitals', { approvals: { approvers: approvers('A') } }, ['approvals.approvers.0.key']],
    ['a channel of its own', { channel: 'slow' }, ['channel']],
    ['another word for the server', { remote: 'obey' }, ['remote']],
  ])('is judged where it says %s', (_what, parts, paths) => {
    expect(wrongIn(parts)).toEqual(paths);
  });
});
