// Quotas: a burst, then as much as time gives back; one agent's haste is nobody else's wait.
import { beforeEach, describe, expect, it } from 'vitest';
import { createQuota, type TakeQuota } from '../../../server/core/quota.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';

let now: number;
let take: TakeQuota;

beforeEach(() => {
  now = 0;
  const quotas = { requests: { burst: 3, perSecond: 1 }, bytes: { burst: 1_000, perSecond: 100 } };
  take = createQuota(quotas, () => now);
});

function takeAll(who: string): void {
  for (let i = 0; i < 3; i++) take(who, 0);
}

describe('requests', () => {
  it('pass in a burst, then one a second', () => {
    takeAll('one');
    expect(codeOf(() => take('one', 0))).toBe('request/rate-limited');
    now = 1_000;
    take('one', 0);
    expect(codeOf(() => take('one', 0))).toBe('request/rate-limited');
  });

  it('of another are not counted', () => {
    takeAll('one');
    expect(() => takeAll('two')).not.toThrow();
  });

  it('are told how long to wait', () => {
    takeAll('one');
    now = 400;
    expect(
      dataOf(
        refusalOf(() => take('one', 0)),
        'request/rate-limited',
      ),
    ).toEqual({ seconds: 1 });
  });

  it('never add up to more than a burst', () => {
    takeAll('one');
    now = 3_600_000;
    takeAll('one');
    expect(codeOf(() => take('one', 0))).toBe('request/rate-limited');
  });

  it('are given nothing by a clock that goes back', () => {
    now = 10_000;
    takeAll('one');
    now = 0;
    expect(codeOf(() => take('one', 0))).toBe('request/rate-limited');
  });
});

describe('bytes', () => {
  it('pass in a burst, then as time gives back', () => {
    take('one', 950);
    expect(
      dataOf(
        refusalOf(() => take('one', 200)),
        'request/rate-limited',
      ),
    ).toEqual({ seconds: 2 });
    now = 1_500;
    take('one', 200);
  });

  it('of one request larger than any burst pass when everything is there', () => {
    take('one', 5_000);
    expect(codeOf(() => take('one', 1))).toBe('request/rate-limited');
    now = 60_000;
    take('one', 1);
  });
});
