// What one agent may send: so many reports and so many bytes, refilled with time, whatever it says and however fast.
import { FairleadError } from '../../shared/errors/error.ts';

interface Allowance {
  /** At once. */
  readonly burst: number;
  readonly perSecond: number;
}

export interface Quotas {
  readonly requests: Allowance;
  readonly bytes: Allowance;
}

/** A deployment tells of a dozen states within seconds; an agent that was cut off for a month has megabytes to tell. */
export const REPORT_QUOTAS: Quotas = {
  requests: { burst: 300, perSecond: 1 },
  bytes: { burst: 8 * 2 ** 20, perSecond: 32 * 1024 },
};

/** Takes one request of so many bytes from somebody's quota. Error: request/rate-limited. */
export type TakeQuota = (who: string, bytes: number) => void;

interface Left {
  readonly requests: number;
  readonly bytes: number;
  readonly at: number;
}

/** Those who have sent nothing for long have everything again, and need no entry. */
const MAX_ENTRIES = 100_000;

/** `now` in milliseconds. */
export function createQuota({ requests, bytes }: Quotas, now: () => number): TakeQuota {
  const entries = new Map<string, Left>();

  function leftOf(who: string, at: number): Left {
    const entry = entries.get(who);
    if (entry === undefined) return { requests: requests.burst, bytes: bytes.burst, at };
    const seconds = Math.max(0, at - entry.at) / 1000;
    return {
      requests: Math.min(requests.burst, entry.requests + seconds * requests.perSecond),
      bytes: Math.min(bytes.burst, entry.bytes + seconds * bytes.perSecond),
      at,
    };
  }

  return (who, size) => {
    const at = now();
    const left = leftOf(who, at);
    const missing = Math.max(
      (1 - left.requests) / requests.perSecond,
      (Math.min(size, bytes.burst) - left.bytes) / bytes.perSecond,
    );
    if (missing > 0) throw new FairleadError('request/rate-limited', { seconds: Math.ceil(missing) });
    // Behind the others: the first entries of the map are those that were used longest ago.
    entries.delete(who);
    entries.set(who, { requests: left.requests - 1, bytes: left.bytes - size, at });
    for (const [other] of entries) {
      if (entries.size <= MAX_ENTRIES) break;
      entries.delete(other);
    }
  };
}
