// What callers are held to: what one may take, and that one identity has one voice.

import type { EpochMs } from '../../shared/encoding/instant.ts';
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

const UNCOUNTED: Allowance = { burst: Number.MAX_SAFE_INTEGER, perSecond: 1 };

/** What each credential may take of each process; uploads that come as a stream count as one request. */
export const QUOTAS = {
  /** A deployment tells of a dozen states within seconds; an agent that was cut off for a month has megabytes to tell. */
  agent: {
    requests: { burst: 300, perSecond: 1 },
    bytes: { burst: 8 * 2 ** 20, perSecond: 32 * 1024 },
  },
  /** Beside that of the agent: what it tells takes nothing away from what it asks. Bytes are counted there alone. */
  report: { requests: { burst: 200, perSecond: 0.5 }, bytes: UNCOUNTED },
  heartbeat: { requests: { burst: 100, perSecond: 0.5 }, bytes: UNCOUNTED },
  /** A program that reads the whole fleet, or publishes a platform, is done within its burst. */
  person: {
    requests: { burst: 3_000, perSecond: 50 },
    bytes: { burst: 32 * 2 ** 20, perSecond: 256 * 1024 },
  },
} as const satisfies Record<string, Quotas>;

/** Takes requests and bytes from somebody's quota. Error: request/rate-limited. */
export type TakeQuota = (who: string, take: { readonly requests?: 1; readonly bytes?: number }) => void;

export type CallerQuotas = { readonly [Kind in keyof typeof QUOTAS]: TakeQuota };

export function createQuotas(now: () => number): CallerQuotas {
  const { agent, report, heartbeat, person } = QUOTAS;
  const of = (quotas: Quotas) => createQuota(quotas, now);
  return { agent: of(agent), report: of(report), heartbeat: of(heartbeat), person: of(person) };
}

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

  return (who, { requests: count = 0, bytes: size = 0 }) => {
    const at = now();
    const left = leftOf(who, at);
    const missing = Math.max(
      (count - left.requests) / requests.perSecond,
      (Math.min(size, bytes.burst) - left.bytes) / bytes.perSecond,
    );
    if (missing > 0) throw new FairleadError('request/rate-limited', { seconds: Math.ceil(missing) });
    // Behind the others: the first entries of the map are those that were used longest ago.
    entries.delete(who);
    entries.set(who, { requests: left.requests - count, bytes: left.bytes - size, at });
    for (const [other] of entries) {
      if (entries.size <= MAX_ENTRIES) break;
      entries.delete(other);
    }
  };
}

/** What the server remembers of the processes that spoke for an instance. */
export interface Voices {
  /** The process that spoke last, and those before it, the newest first. */
  readonly boots: readonly string[];
  /** How often one of them spoke again after another had begun, lately. */
  readonly returns: number;
  readonly lastReturn: EpochMs | null;
}

export const NO_VOICES: Voices = { boots: [], returns: 0, lastReturn: null };

const REMEMBERED = 4;
/** A request of an agent that was just restarted may arrive late, once. Two that live keep returning. */
const RETURNS_OF_TWINS = 2;
const FORGOTTEN_MS = 24 * 60 * 60 * 1000;

/** Each start of an agent has a name of its own, so one that returns after another was not restarted: both live. */
export function hear(voices: Voices, boot: string, now: EpochMs): Voices {
  const { boots, lastReturn } = voices;
  if (boots[0] === boot) return voices;
  const heard = [boot, ...boots.filter((one) => one !== boot)].slice(0, REMEMBERED);
  if (!boots.includes(boot)) return { ...voices, boots: heard };
  const recent = lastReturn !== null && now - lastReturn < FORGOTTEN_MS;
  return { boots: heard, returns: (recent ? voices.returns : 0) + 1, lastReturn: now };
}

/** When two agents were last heard in turns; null when there is one, as far as anybody can tell. */
export function twinsHeard({ returns, lastReturn }: Voices): EpochMs | null {
  return returns >= RETURNS_OF_TWINS ? lastReturn : null;
}
