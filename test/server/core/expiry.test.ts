// What ends is said well before, except for what the server renews by itself.
import { describe, expect, it } from 'vitest';
import { daysLeft, type Expiry, isUrgent, selectUrgent } from '../../../server/core/expiry.ts';
import { durationMs } from '../../../shared/encoding/instant.ts';
import { TOKEN_LIFETIME } from '../../../shared/protocol/fleet.ts';

const DAY = 24 * 3_600_000;
const of = (name: string, days: number, kind: Expiry['kind'] = 'metadata'): Expiry => ({
  kind,
  name,
  at: days * DAY,
});

describe('an expiry', () => {
  it.each([
    ['a root with a year', of('root', 365), false],
    ['a root with thirty days', of('root', 30), true],
    ['a root with thirty-one', of('root', 31), false],
    ['a root of this moment', of('root', 0), true],
    ['a token with a day', of('publisher', 1, 'token'), true],
    ['a token named like a role', of('timestamp', 1, 'token'), true],
    ['a timestamp with its day', of('timestamp', 1), false],
    ['a timestamp that ended', of('timestamp', -1), true],
    ['a timestamp that ends now', of('timestamp', 0), true],
    ['a snapshot with its week', of('snapshot', 7), false],
    ['a snapshot that ended', of('snapshot', -1), true],
    ['a root a millisecond past thirty days', { ...of('root', 0), at: 30 * DAY + 1 }, false],
  ])('of %s', (_what, expiry, urgent) => {
    expect(isUrgent(expiry, 0)).toBe(urgent);
  });

  it('is told as early as somebody asks', () => {
    expect([isUrgent(of('root', 3), 0, 3 * DAY), isUrgent(of('root', 3), 0, 3 * DAY - 1)]).toEqual([
      true,
      false,
    ]);
  });

  it('of a token comes a month after that of a root made on the same day', () => {
    expect(durationMs(TOKEN_LIFETIME)).toBe((365 + 30) * DAY);
  });

  it('is listed when somebody must act, the first to end first', () => {
    const all = [of('root', 20), of('releases', 200), of('admin', 3, 'token'), of('targets', -2)];

    expect(selectUrgent(all, 0).map(({ name }) => name)).toEqual(['targets', 'admin', 'root']);
  });

  it('counts whole days', () => {
    expect([daysLeft(of('root', 1.5), 0), daysLeft(of('root', -0.5), 0)]).toEqual([1, -1]);
  });
});
