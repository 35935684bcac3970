// Pieces: long work in many small steps, so that whoever runs it may look after others between two of them.

/**
 * Work that says now and then how many looks it took since it last did, and returns what it found. What is a look is up to
 * the work: a version compared, a document passed by, a day gone through. What it does between two numbers is soon done,
 * whatever it was given.
 */
export type Pieces<Result> = Generator<number, Result, undefined>;

/** All of it at once: for programs in which nobody else waits. */
export function finish<Result>(work: Pieces<Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** `map`, in pieces: each item counts as one look, and as many more as `looks` says. */
export function* mapped<Item, Result>(
  items: Iterable<Item>,
  map: (item: Item) => Result,
  looks: (item: Item) => number = () => 0,
): Pieces<Result[]> {
  const results: Result[] = [];
  let since = 0;
  for (const item of items) {
    results.push(map(item));
    since += 1 + looks(item);
    if (since >= GRAIN) {
      yield since;
      since = 0;
    }
  }
  if (since > 0) yield since;
  return results;
}

/** `forEach`, in pieces. */
export function* eachOf<Item>(items: Iterable<Item>, look: (item: Item) => unknown): Pieces<void> {
  let looks = 0;
  for (const item of items) {
    look(item);
    if (++looks % GRAIN === 0) yield GRAIN;
  }
}

/** The same of a list, with where each item stands: the items between two rests go by in a loop that is compiled by itself. */
export function* eachIn<Item>(
  items: ArrayLike<Item>,
  look: (item: Item, index: number) => unknown,
): Pieces<void> {
  for (let from = 0; from < items.length; from += GRAIN) {
    const to = Math.min(from + GRAIN, items.length);
    lookAt(items, look, from, to);
    yield to - from;
  }
}

function lookAt<Item>(
  items: ArrayLike<Item>,
  look: (item: Item, index: number) => unknown,
  from: number,
  to: number,
): void {
  for (let at = from; at < to; at++) look(items[at] as Item, at);
}

/** Said one by one, looks would take longer to count than to take. */
export const GRAIN = 100;

/** The looks since work that counts them last said how many. */
export function said(work: { looks: number }): number {
  const { looks } = work;
  work.looks = 0;
  return looks;
}

const RUN = 500;

/** `toSorted`, in pieces: of runs that are short, merged two by two. */
export function* sorted<Item>(items: readonly Item[], compare: (a: Item, b: Item) => number): Pieces<Item[]> {
  if (items.length <= RUN) {
    yield items.length;
    return items.toSorted(compare);
  }
  const half = Math.ceil(items.length / 2);
  const left = yield* sorted(items.slice(0, half), compare);
  const right = yield* sorted(items.slice(half), compare);
  const merged: Item[] = [];
  for (let [i, j] = [0, 0]; merged.length < items.length; ) {
    const [a, b] = [left[i], right[j]];
    const isLeft = b === undefined || (a !== undefined && compare(a, b) <= 0);
    merged.push((isLeft ? a : b) as Item);
    if (isLeft) i++;
    else j++;
    if (merged.length % GRAIN === 0) yield GRAIN;
  }
  return merged;
}
