// Where the bytes of an old file went: what a script copies, seen from the old file.

/** Where steps stand in the new file, where in the old one, how many bytes they copy. */
export interface CopiedRuns {
  readonly at: Uint32Array;
  readonly source: Uint32Array;
  readonly copied: Uint32Array;
}

/** By place in the old file: the place in the new one. What was copied twice went where the longer run did; what was not, as what is before it. */
export function createMovedPlaces({ at, source, copied }: CopiedRuns): (place: number) => number {
  const edges = edgesOf(source, copied);
  const owner = new Int32Array(edges.length).fill(-1);
  // Where the next edge is whose interval belongs to no run yet.
  const free = Uint32Array.from({ length: edges.length + 1 }, (_, i) => i);
  const nextFree = (i: number): number => {
    let root = i;
    while (free[root] !== root) root = free[root] as number;
    for (let at = i; at !== root; ) {
      const then = free[at] as number;
      free[at] = root;
      at = then;
    }
    return root;
  };
  for (const run of longestFirst(copied)) {
    const end = (source[run] as number) + (copied[run] as number);
    let i = nextFree(lastUpTo(edges, source[run] as number));
    for (; i < edges.length && (edges[i] as number) < end; i = nextFree(i)) {
      owner[i] = run;
      free[i] = i + 1;
    }
  }
  for (let i = 1; i < owner.length; i++) if (owner[i] === -1) owner[i] = owner[i - 1] as number;
  const lastEdgeUpTo = createSearch(edges);
  return (place) => {
    const run = owner[lastEdgeUpTo(place)] ?? -1;
    return run < 0 ? place : place - (source[run] as number) + (at[run] as number);
  };
}

function edgesOf(source: Uint32Array, copied: Uint32Array): Uint32Array {
  const edges = new Uint32Array(source.length * 2);
  source.forEach((start, run) => {
    edges[run * 2] = start;
    edges[run * 2 + 1] = start + (copied[run] as number);
  });
  edges.sort();
  return edges.filter((edge, i) => i === 0 || edge !== edges[i - 1]);
}

function longestFirst(copied: Uint32Array): readonly number[] {
  return Array.from(copied.keys()).sort((a, b) => (copied[b] as number) - (copied[a] as number) || a - b);
}

/** `lastUpTo` for millions of questions: a table of one entry more than there are numbers says between which two to look. */
export function createSearch(numbers: Uint32Array): (limit: number) => number {
  const width = 2 ** Math.ceil(Math.log2(((numbers.at(-1) ?? 0) + 1) / Math.max(1, numbers.length)));
  const starts = Uint32Array.from({ length: numbers.length + 1 }, (_, i) => lastUpTo(numbers, i * width));
  return (limit) => {
    const i = Math.min(Math.floor(limit / width), numbers.length - 1);
    return lastUpTo(numbers, limit, starts[i], starts[i + 1]);
  };
}

/** The position of the last of ascending numbers that is not above the limit; the first where all are. It stands between `first` and `last`. */
export function lastUpTo(numbers: Uint32Array, limit: number, first = 0, last = numbers.length - 1): number {
  let [low, high] = [first, last];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((numbers[middle] as number) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}
