// Writes the script of shared/tree/patch-script.ts: how old bytes become new ones where most stay and many move.
import type { Addresses } from '../../../shared/tree/moved-addresses.ts';
import type { CopiedRuns } from '../../../shared/tree/moved-places.ts';
import type { FileScript, FileScripts } from '../../../shared/tree/patch-script.ts';
import { putNumber, putSigned } from '../../../shared/tree/script-numbers.ts';
import type { TreeIndex } from '../../../shared/tree/tree-index.ts';
import { toRuns } from './script-runs.ts';
import { createSeeds, SEED_BYTES, type Seeds } from './script-seeds.ts';

/** A run of new bytes, and of old ones that it continues from. */
interface Alignment {
  readonly at: number;
  readonly from: number;
}

/** Each part from where the old bytes lie that it has most in common with, as `bsdiff` chooses them. */
export function alignBytes(old: Uint8Array, next: Uint8Array): CopiedRuns {
  const runs: { at: number; source: number; copied: number }[] = [];
  const add = ({ at, from }: Alignment, copied: number, end: number) => {
    if (end > at) runs.push({ at, source: copied === 0 ? 0 : from, copied });
  };
  let last: Alignment = { at: 0, from: 0 };
  for (const found of alignments(old, next)) {
    const ahead = extendAhead(old, next, last, found.at);
    const back = extendBack(old, next, last, found);
    const [kept, taken] = shareOverlap(old, next, { last, found, ahead, back });
    const then = { at: found.at - taken, from: found.from - taken };
    add(last, kept, then.at);
    last = then;
  }
  add(last, extendAhead(old, next, last, next.length), next.length);
  return toRuns(runs);
}

/** What another place has to have more in common with the next bytes than the present one. */
const ADVANTAGE_BYTES = 8;
/** Where a run has become so much worse than it was, it does not go on. */
const GIVEN_UP_BYTES = 4096;

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
    if (settled >= SEED_BYTES) return { at, from: present, length: settled };
    const { from, length } = seeds.find(at, shift);
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
    const lead = equal * 2 - i;
    if (lead > best) [best, length] = [lead, i];
    else if (lead < best - GIVEN_UP_BYTES) break;
  }
  return length;
}

/** The same, backwards from the run that comes. */
function extendBack(old: Uint8Array, next: Uint8Array, last: Alignment, { at, from }: Alignment): number {
  let [equal, best, length] = [0, 0, 0];
  const limit = Math.min(at - last.at, from);
  for (let i = 1; i <= limit; i++) {
    if (old[from - i] === next[at - i]) equal++;
    const lead = equal * 2 - i;
    if (lead > best) [best, length] = [lead, i];
    else if (lead < best - GIVEN_UP_BYTES) break;
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

/** As they stand in a patch. */
export function writeScripts(scripts: FileScripts, { entries }: TreeIndex): Uint8Array {
  const numbers: number[] = [];
  putNumber(numbers, scripts.size);
  for (const [position, script] of [...scripts].toSorted(([a], [b]) => a - b)) {
    const file = entries[position];
    putNumber(numbers, position);
    putScript(numbers, script, file?.kind === 'file' ? file.size : 0);
  }
  return Buffer.from(numbers);
}

/** How many of them, without its position. */
export function scriptLength(script: FileScript, size: number): number {
  const numbers: number[] = [];
  putScript(numbers, script, size);
  return numbers.length;
}

function putScript(numbers: number[], script: FileScript, size: number): void {
  const { from, at, source, copied, addresses } = script;
  putNumber(numbers, from);
  let stopped = 0;
  at.forEach((begin, i) => {
    const [start, length] = [source[i] as number, copied[i] as number];
    const end = at[i + 1] ?? size;
    putSigned(numbers, start - stopped);
    putNumber(numbers, length);
    putNumber(numbers, end - begin - length);
    stopped = start + length;
  });
  putAddresses(numbers, addresses);
}

function putAddresses(numbers: number[], { old, next, regions }: Addresses): void {
  const put = (...values: readonly number[]) => {
    for (const value of values) putNumber(numbers, value);
  };
  put(old.length);
  old.forEach((one, i) => {
    for (const { address, place, length } of [one, next[i] ?? one]) put(address, place, length);
  });
  put(regions.length);
  let end = 0;
  for (const { start, length, cycle, rules } of regions) {
    put(start - end, length, cycle, rules.length);
    for (const [context, kind] of rules) put(context, kind);
    end = start + length;
  }
}
