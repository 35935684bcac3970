// What versions write lies over what older ones wrote: a model of it, to hold histories of updates and rollbacks against.

/** What lies under a version: the data before it came, and the version that had them. */
export interface Under {
  readonly minor: number;
  readonly before: string;
  readonly below: Under | null;
  /** Whether what was before it was kept when it came. */
  readonly isCopied: boolean;
  /** Under which the copy lies; null where there is none. */
  readonly generation: number | null;
}

export interface Landed {
  readonly under: Under;
  readonly data: string;
}

/** Where a way down lands, with the data that it finds there; null where no copy leads so far down. */
export function descend(from: Under, minor: number): Landed | null {
  let [at, data]: [Under | null, string] = [from, ''];
  while (at !== null && at.minor > minor) {
    if (!at.isCopied) return null;
    [at, data] = [at.below, at.before];
  }
  if (at === null) return null;
  const own = { minor, before: data, below: at, isCopied: false, generation: null };
  return { under: at.minor === minor ? at : own, data };
}

export function* chain(from: Under): Iterable<Under> {
  for (let at: Under | null = from; at !== null; at = at.below) yield at;
}
