// Writes the script of shared/tree/patch-script.ts: how old bytes become new ones where most stay and many move.
import { createSeeds, type Seeds } from './script-seeds.ts';

/** A run of new bytes, and of old ones that it continues from. */
interface Alignment {
  readonly at: number;
  readonly from: number;
}

/** Each part from where the old bytes lie that it has most in common with, as `bsdiff` chooses them. */
export function writeScript(old: Uint8Array, next: Uint8Array): Uint8Array {
  const script = createScript(old, next);
  let last: Alignment = { at: 0, from: 0 };
  for (const found of alignments(old, next)) {
    const ahead = extendAhead(old, next, last, found.at);
    const back = extendBack(old, next, last, found);
    const [kept, taken] = shareOverlap(old, next, { last, found, ahead, back });
    const then = { at: found.at - taken, from: found.from - taken };
    script.add(last, kept, then.at);
    last = then;
  }
  const ahead = extendAhead(old, next, last, next.length);
  script.add(last, ahead, next.length);
  return script.end();
}

/** What another place has to have more in common with the next bytes than the present one. */
const ADVANTAGE_BYTES = 8;
/** So many equal bytes in a row need no other place. */
const SETTLED_BYTES = 32;

/** Where new bytes go on from another place of the old ones than those before. */
function* alignments(old: Uint8Array, next: Uint8Array): Generator<Alignment> {
  const seeds = createSeeds(old, next);
  let shift = 0;
  let scan = 0;
  while (scan < next.length) {
    const found = leaveAlignment(old, next, seeds, scan, shift);
    if (found === null) return;
    scan = found.at + found.length;
    if (found.from === found.at + shift) continue;
    shift = found.from - found.at;
    yield found;
  }
}

/** The first place from `start` on that is better, or that goes on as before for a while; null where none comes. */
function leaveAlignment(
  old: Uint8Array,
  next: Uint8Array,
  seeds: Seeds,
  start: number,
  shift: number,
): (Alignment & { readonly length: number }) | null {
  /** Bytes from `at` up to `counted` that the present place has too. */
  let agreed = 0;
  let counted = start;
  for (let at = start; at < next.length; at++) {
    const present = at + shift;
    const settled = seeds.common(present, at);
    if (settled >= SETTLED_BYTES) return { at, from: present, length: settled };
    const from = seeds.find(at);
    const length = from < 0 ? 0 : seeds.common(from, at);
    for (; counted < at + length; counted++) if (old[counted + shift] === next[counted]) agreed++;
    if (length > agreed + ADVANTAGE_BYTES) return { at, from, length };
    if (counted > at && old[present] === next[at]) agreed--;
    if (counted <= at) counted = at + 1;
  }
  return null;
}

/** How far the run before goes on while at least half of its bytes are equal. */
function extendAhead(old: Uint8Array, next: Uint8Array, { at, from }: Alignment, end: number): number {
  let [equal, best, length] = [0, 0, 0];
  const limit = Math.min(end - at, old.length - from);
  for (let i = 0; i < limit; ) {
    if (old[from + i] === next[at + i]) equal++;
    i++;
    if (equal * 2 - i > best) [best, length] = [equal * 2 - i, i];
  }
  return length;
}

/** The same, backwards from the run that comes. */
function extendBack(old: Uint8Array, next: Uint8Array, last: Alignment, { at, from }: Alignment): number {
  let [equal, best, length] = [0, 0, 0];
  const limit = Math.min(at - last.at, from);
  for (let i = 1; i <= limit; i++) {
    if (old[from - i] === next[at - i]) equal++;
    if (equal * 2 - i > best) [best, length] = [equal * 2 - i, i];
  }
  return length;
}

/** Where both runs reach over the same bytes, each gets those that it has more of. */
function shareOverlap(
  old: Uint8Array,
  next: Uint8Array,
  runs: {
    readonly last: Alignment;
    readonly found: Alignment;
    readonly ahead: number;
    readonly back: number;
  },
): readonly [number, number] {
  const { last, found, ahead, back } = runs;
  const overlap = last.at + ahead - (found.at - back);
  if (overlap <= 0) return [ahead, back];
  let [lead, best, kept] = [0, 0, 0];
  for (let i = 0; i < overlap; i++) {
    const byte = next[last.at + ahead - overlap + i];
    if (byte === old[last.from + ahead - overlap + i]) lead++;
    if (byte === old[found.from - back + i]) lead--;
    if (lead > best) [best, kept] = [lead, i + 1];
  }
  return [ahead - overlap + kept, back - kept];
}

function createScript(old: Uint8Array, next: Uint8Array) {
  const steps: number[] = [];
  const literals: Uint8Array[] = [];
  const differences: Uint8Array[] = [];
  let stopped = 0;
  return {
    /** The run copied from `last` on, and the literals behind it up to `end`. */
    add(last: Alignment, copied: number, end: number) {
      if (end === last.at) return;
      const from = copied === 0 ? stopped : last.from;
      putNumber(steps, from < stopped ? (stopped - from) * 2 - 1 : (from - stopped) * 2);
      putNumber(steps, copied);
      putNumber(steps, end - last.at - copied);
      stopped = from + copied;
      literals.push(next.subarray(last.at + copied, end));
      const added = new Uint8Array(copied);
      for (let i = 0; i < copied; i++) {
        added[i] = (next[last.at + i] as number) - (old[last.from + i] as number);
      }
      differences.push(added);
    },
    end: (): Uint8Array => {
      const head: number[] = [];
      putNumber(head, steps.length);
      putNumber(
        head,
        literals.reduce((sum, { length }) => sum + length, 0),
      );
      return Buffer.concat([Buffer.from(head), Buffer.from(steps), ...literals, ...differences]);
    },
  };
}

function putNumber(into: number[], value: number): void {
  let left = value;
  for (; left > 127; left = Math.floor(left / 128)) into.push((left & 127) | 128);
  into.push(left);
}
