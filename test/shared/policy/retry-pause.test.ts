// A plan that keeps failing is tried less and less often.
import { describe, expect, it } from 'vitest';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { pauseAfter as pauseOf, retryPause } from '../../../shared/policy/retry-pause.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { recordOf } from '../../support/deployments.ts';

const PLAN = digestOfValue('the plan');
const MINUTE_MS = 60_000;

const failed = (id: number) => recordOf(id, ['planned', 'abandoned'], { plan: PLAN });

function pauseAfter(records: readonly DeploymentRecord[]): number | null {
  const pause = retryPause(records, PLAN);
  return pause === null ? null : pause.notBefore - instantMs(pause.failed.stages.at(-1)!.at);
}

describe('the pause before the next attempt', () => {
  it('is none for a plan that was never tried', () => {
    expect(retryPause([], PLAN)).toBeNull();
    expect(retryPause([recordOf(1, ['abandoned'])], PLAN)).toBeNull();
  });

  it('does not count the attempt that is under way', () => {
    expect(retryPause([recordOf(1, ['planned', 'fetching'], { plan: PLAN })], PLAN)).toBeNull();
    expect(pauseAfter([failed(1), recordOf(2, ['planned', 'soaking'], { plan: PLAN })])).toBe(MINUTE_MS);
  });

  it('doubles with every failure, up to six hours', () => {
    const attempts = (count: number) => Array.from({ length: count }, (_, index) => failed(index + 1));

    expect(pauseAfter(attempts(1))).toBe(MINUTE_MS);
    expect(pauseAfter(attempts(3))).toBe(4 * MINUTE_MS);
    expect(pauseAfter(attempts(50))).toBe(6 * 60 * MINUTE_MS);
  });

  it('is short after a server that was lost while fetching', () => {
    const failure = { code: 'transport/unreachable', message: 'cannot reach it' };
    const lost = recordOf(2, ['planned', 'abandoned'], { plan: PLAN, failure });

    expect(pauseAfter([{ ...lost, id: 1 }])).toBe(5_000);
    expect(pauseAfter([{ ...lost, id: 1 }, lost])).toBe(10_000);
  });

  it('counts from the last attempt at this plan, whatever was tried since', () => {
    const records = [failed(1), recordOf(2, ['planned', 'abandoned'])];

    expect(retryPause(records, PLAN)?.failed.id).toBe(1);
  });

  it('starts anew after a success', () => {
    const records = [failed(1), failed(2), recordOf(3, ['committed']), failed(4)];

    expect(pauseAfter(records)).toBe(MINUTE_MS);
  });

  it.each([
    ['a success of another plan', [failed(1), recordOf(2, ['planned', 'committed']), failed(3)], MINUTE_MS],
    ['no success since', [recordOf(1, ['committed']), failed(2), failed(3)], 2 * MINUTE_MS],
    ['nothing but a success', [failed(1), recordOf(2, ['committed'])], null],
  ])('counts attempts since %s', (_what, records, pause) => {
    expect(pauseAfter(records)).toBe(pause);
  });

  it('is nothing where an attempt says not when it ended', () => {
    expect(pauseAfter([{ ...failed(1), stages: [] }])).toBeNull();
  });

  it('is a minute at first, and never more than six hours', () => {
    expect([1, 2, 9, 10].map((attempts) => pauseOf(attempts))).toEqual(
      [1, 2, 256, 360].map((minutes) => minutes * MINUTE_MS),
    );
  });
});
