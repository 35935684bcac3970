// Did you mean: the known word that differs least from what somebody wrote.

/** A longer text is no slip of a known word, and comparing it would cost its square. */
const MAX_LENGTH = 64;

/** The nearest of `known`, or null where none is near: at most a third of the letters, and never more than three, are amiss. */
export function nearest(written: string, known: Iterable<string>): string | null {
  if (written.length > MAX_LENGTH) return null;
  let best: string | null = null;
  let least = Math.min(3, Math.max(1, Math.floor(written.length / 3))) + 1;
  for (const word of known) {
    if (Math.abs(word.length - written.length) >= least) continue;
    const amiss = distance(written.toLowerCase(), word.toLowerCase());
    if (amiss >= least) continue;
    least = amiss;
    best = word;
  }
  return best;
}

/** `; did you mean "health"`, or nothing. */
export function didYouMean(written: string, known: Iterable<string>): string {
  const word = nearest(written, known);
  return word === null ? '' : `did you mean "${word}"?`;
}

/** Letters to add, drop, exchange or swap with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const steps = [at(row, j) + 1, at(next, j - 1) + 1, at(row, j - 1) + (same ? 0 : 1)];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(Math.min(...steps, ...(swapped ? [at(before, j - 2) + 1] : [])));
    }
    before = row;
    row = next;
  }
  return at(row, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
