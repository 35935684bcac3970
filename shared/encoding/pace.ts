// How fast bytes come and how long the rest will take: measured over the last seconds, never guessed.

export interface Pace {
  /** Null until enough was seen to say so. */
  readonly bytesPerSecond: number | null;
  /** Null where nobody knows how much there is, or at which rate it comes. */
  readonly leftMs: number | null;
  /** How long nothing has come; 0 while something does. */
  readonly stalledMs: number;
}

export interface Meter {
  /** So many bytes are there at this moment of a clock that never goes back. */
  note(at: number, bytes: number): void;
  /** As it stands now; `total` is null where nobody knows. */
  read(at: number, total: number | null): Pace;
}

/** What came before says little of what comes next. */
const REMEMBERED_MS = 10_000;
/** Nearer moments count as one: what is remembered stays small. */
const GRAIN_MS = 200;
/** A rate of less is that of one piece. */
const ENOUGH_MS = 500;
/** A line that is silent for so long is no slow one. */
const STALLED_MS = 5_000;

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

export function createMeter(): Meter {
  let samples: readonly Sample[] = [];
  let moved: Sample | null = null;

  return {
    note(at, bytes) {
      // Begun again, from another place or by another way.
      if (moved !== null && (bytes < moved.bytes || at < moved.at)) samples = [];
      if (moved === null || bytes !== moved.bytes || samples.length === 0) moved = { at, bytes };
      const last = samples.at(-1);
      if (last !== undefined && at - last.at < GRAIN_MS) return;
      samples = [...samples.filter((one) => at - one.at <= REMEMBERED_MS), { at, bytes }];
    },
    read(at, total) {
      const first = samples.find((one) => at - one.at <= REMEMBERED_MS);
      const now = moved ?? { at, bytes: 0 };
      const silentMs = Math.max(0, at - now.at);
      const stalledMs = silentMs >= STALLED_MS ? silentMs : 0;
      const spanMs = at - (first?.at ?? at);
      const bytesPerSecond =
        first === undefined || spanMs < ENOUGH_MS
          ? null
          : Math.round(((now.bytes - first.bytes) * 1000) / spanMs);
      const rate = stalledMs > 0 ? 0 : bytesPerSecond;
      const isKnown = total !== null && rate !== null && rate > 0;
      const leftMs = isKnown ? Math.ceil((Math.max(0, total - now.bytes) * 1000) / rate) : null;
      return { bytesPerSecond: rate, leftMs, stalledMs };
    },
  };
}
