// Quotas: a burst, then as much as time gives back; one agent's haste is nobody else's wait.
import { beforeEach, describe, expect, it } from 'vitest';
import { createQuota, QUOTAS, type Quotas } from '../../../server/core/quota.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';

let now: number;
let take: (who: string, bytes: number) => void;

beforeEach(() => {
  now = 0;
  const quotas = { requests: { burst: 3, perSecond: 1 }, bytes: { burst: 1_000, perSecond: 100 } };
  take = takeOf(quotas);
});

/** One request with so many bytes. */
function takeOf(quotas: Quotas): typeof take {
  const quota = createQuota(quotas, () => now);
  return (who, bytes) => quota(who, { requests: 1, bytes });
}

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

  it.each([
    [0.25, 4],
    [4, 1],
    [0.3, 4],
  ])('that come back %f a second are told so: %i s', (perSecond, seconds) => {
    const slow = { requests: { burst: 1, perSecond }, bytes: { burst: 1, perSecond: 1 } };
    take = takeOf(slow);
    take('one', 0);

    expect(
      dataOf(
        refusalOf(() => take('one', 0)),
        'request/rate-limited',
      ),
    ).toEqual({ seconds });
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

describe('the quota of reports', () => {
  const left = (refused: () => void) => dataOf(refusalOf(refused), 'request/rate-limited').seconds;

  beforeEach(() => {
    take = takeOf(QUOTAS.agent);
  });

  it('lets three hundred pass at once, then one a second', () => {
    for (let i = 0; i < 300; i++) take('one', 0);
    expect(left(() => take('one', 0))).toBe(1);
    now = 999;
    expect(left(() => take('one', 0))).toBe(1);
    now = 1_000;
    take('one', 0);
  });

  it('lets eight mebibytes pass at once, then 32 kibibytes a second', () => {
    take('one', 8 * 2 ** 20);
    expect(left(() => take('one', 10 * 32 * 1024))).toBe(10);
    expect(left(() => take('one', 10 * 32 * 1024 + 1))).toBe(11);
    now = 10_000;
    take('one', 10 * 32 * 1024);
  });
});

describe('those who send', () => {
  it('are forgotten past a hundred thousand others, the longest silent first', () => {
    takeAll('silent');
    takeAll('busy');
    const others = Array.from({ length: 99_998 }, (_, i) => `other ${i}`);
    for (const who of others) take(who, 0);
    now = 1_000;
    take('busy', 0);
    take('the last', 0);

    expect(codeOf(() => take('busy', 0))).toBe('request/rate-limited');
    expect(() => takeAll('silent')).not.toThrow();
  });

  it('are remembered up to that many', () => {
    takeAll('first');
    for (let i = 1; i < 100_000; i++) take(`other ${i}`, 0);

    expect(codeOf(() => take('first', 0))).toBe('request/rate-limited');
  });
});
