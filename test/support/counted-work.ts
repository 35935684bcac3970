// How much is done between two rests, counted: every version and range that is looked at, every time that a zone's clock is read.
//
// No clock is asked, so the count is the same on every machine; and the work itself is not asked either, so what it forgets to say shows.
import semver from 'semver';
import type { Pieces } from '../../shared/encoding/pieces.ts';
import { inPieces } from '../../shared/node/turns.ts';
import { Stretches } from '../../shared/version/numbers.ts';

export interface Counted<Result> {
  readonly result: Result;
  /** Looks in the longest turn of the loop. */
  readonly longest: number;
  readonly total: number;
}

/** As an engine does it on a machine so slow that every rest is due. */
export async function countWork<Result>(work: Pieces<Result>): Promise<Counted<Result>> {
  const looks = { since: 0, longest: 0, total: 0 };
  const rest = () => {
    looks.longest = Math.max(looks.longest, looks.since);
    looks.total += looks.since;
    looks.since = 0;
    return undefined;
  };
  const unwatch = [
    watch(semver.Range.prototype, 'test', looks),
    watch(semver.SemVer.prototype, 'compare', looks),
    // Where both have a number they are compared by these.
    watch(Stretches.prototype, 'holds', looks),
    watch(Math, 'sign', looks),
    // A version or a time that is read by hand has several characters.
    watch(String.prototype, 'charCodeAt', looks, 1 / 8),
    watch(Intl.DateTimeFormat.prototype, 'formatToParts', looks),
    watch(Date.prototype, 'getUTCMonth', looks),
  ];
  try {
    const result = await inPieces(work, rest);
    rest();
    return { result, longest: looks.longest, total: looks.total };
  } finally {
    for (const end of unwatch) end();
  }
}

/** No spy: it would keep what every one of millions of calls was given. */
function watch(owner: object, name: string, looks: { since: number }, weight = 1): () => void {
  const methods = owner as Record<string, (...given: unknown[]) => unknown>;
  const before = methods[name] as (...given: unknown[]) => unknown;
  methods[name] = function (...given) {
    looks.since += weight;
    return before.apply(this, given);
  };
  return () => {
    methods[name] = before;
  };
}
