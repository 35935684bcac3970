// A plan that keeps failing is tried less and less often.
import { describe, expect, it } from 'vitest';
import { retryNotBefore } from '../../../agent/core/retry-pause.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { recordOf } from '../../support/deployments.ts';

const PLAN = digestOfValue('the plan');
const MINUTE_MS = 60_000;

const failed = (id: number) => recordOf(id, ['planned', 'abandoned'], { plan: PLAN });

function pauseAfter(records: readonly DeploymentRecord[]): number | null {
  const until = retryNotBefore(records, PLAN);
  return until === null ? null : until - instantMs(records.at(-1)!.stages.at(-1)!.at);
}

describe('the pause before the next attempt', () => {
  it('is none for a plan that was never tried', () => {
    expect(retryNotBefore([], PLAN)).toBeNull();
    expect(retryNotBefore([recordOf(1, ['abandoned'])], PLAN)).toBeNull();
  });

  it('doubles with every failure, up to six hours', () => {
    const attempts = (count: number) => Array.from({ length: count }, (_, index) => failed(index + 1));

    expect(pauseAfter(attempts(1))).toBe(MINUTE_MS);
    expect(pauseAfter(attempts(3))).toBe(4 * MINUTE_MS);
    expect(pauseAfter(attempts(50))).toBe(6 * 60 * MINUTE_MS);
  });

  it('starts anew after a success', () => {
    const records = [failed(1), failed(2), recordOf(3, ['committed']), failed(4)];

    expect(pauseAfter(records)).toBe(MINUTE_MS);
  });
});
