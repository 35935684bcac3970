// The difference between two versions of a metadata file, for whoever has the older: stretches of it, and what is new between them.
//
// It is signed by nobody and believed by nobody: what comes of it must be the file that verified metadata lists, to the byte.
import { z } from 'zod';
import { fromUtf8, utf8 } from '../encoding/bytes.ts';
import { type JsonLimits, parseJson } from '../encoding/json.ts';
import { FairleadError } from '../errors/error.ts';
import { parseDocument } from '../schema/parse-document.ts';
import { MAX_METADATA_BYTES } from './metadata.ts';

const count = z.int().min(0);

/** In the order of the newer file: where in the older a stretch begins and how long it is, or text. */
const difference = z.strictObject({
  schema: z.literal('fairlead/metadata-difference@1'),
  parts: z.array(z.union([z.tuple([count, count]), z.string()])),
});
type Part = z.output<typeof difference>['parts'][number];

/** Of a smaller file nobody asks for a difference: it would hardly be smaller. */
const MIN_DIFFERENCE_FROM_BYTES = 16 * 1024;
/** Whoever holds the online keys may sign any length: one that no metadata has is refused before anything is made of it. */
export function mayHaveDifference(length: number): boolean {
  return length >= MIN_DIFFERENCE_FROM_BYTES && length <= MAX_METADATA_BYTES.targets;
}

/** From so many versions that were published before there is a way to the newest. */
export const DIFFERENCES_KEPT = 8;

/** It is parsed in the agent's loop: these take some twenty milliseconds. */
const MAX_DIFFERENCE_BYTES = 256 * 1024;
const MAX_DIFFERENCE_NODES = 32_000;

/** A larger one is not offered, and not read: the whole file is not much more, and one who lies costs no more than this. */
export function maxDifferenceBytes(length: number): number {
  return Math.min(Math.floor(length / 4), MAX_DIFFERENCE_BYTES);
}

/** How a difference is called, beside the files: `8..9.releases.diff`. `role` as it stands in the names of files. */
export function differenceName(from: number, to: number, role: string): string {
  return `${from}..${to}.${role}.diff`;
}

/** Null where it would not be much smaller than the file itself. */
export function makeDifference(from: Uint8Array, to: Uint8Array): Uint8Array | null {
  if (!mayHaveDifference(to.length)) return null;
  const parts = partsOf(Buffer.from(from), Buffer.from(to));
  const bytes = utf8(`${JSON.stringify({ schema: 'fairlead/metadata-difference@1', parts })}\n`);
  return bytes.length <= maxDifferenceBytes(to.length) ? bytes : null;
}

/** Bytes of the older file, and where they stand in the newer. */
export interface Stretch {
  readonly from: number;
  readonly length: number;
  readonly at: number;
}

export interface Made {
  readonly bytes: Uint8Array;
  /** In their order in `bytes`. */
  readonly stretches: readonly Stretch[];
}

/** A file of exactly this length, whatever it holds. Errors: json/*, document/invalid, trust/length-mismatch, and above what metadata may measure. */
export function applyDifference(from: Uint8Array, bytes: Uint8Array, length: number): Made {
  const name = 'a difference';
  const most = MAX_METADATA_BYTES.targets;
  if (length > most)
    throw new FairleadError('json/too-large', {
      source: 'what a difference makes',
      limit: 'bytes',
      value: most,
    });
  const limits: JsonLimits = {
    maxBytes: maxDifferenceBytes(length),
    maxDepth: 3,
    maxNodes: MAX_DIFFERENCE_NODES,
  };
  const { parts } = parseDocument(difference, parseJson(bytes, name, limits), name);
  // Before anything is copied: a few bytes can ask for all of the old file a thousand times.
  const texts = parts.map((part) => (typeof part === 'string' ? utf8(part) : part));
  const actual = texts.reduce((sum, part) => sum + (part instanceof Uint8Array ? part.length : part[1]), 0);
  if (actual !== length)
    throw new FairleadError('trust/length-mismatch', { file: name, expected: length, actual });
  const pieces = texts.map((part) =>
    part instanceof Uint8Array ? part : from.subarray(part[0], part[0] + part[1]),
  );
  const made = Buffer.concat(pieces);
  if (made.length === length) return { bytes: made, stretches: stretchesOf(texts) };
  throw new FairleadError('trust/length-mismatch', { file: name, expected: length, actual: made.length });
}

function stretchesOf(
  parts: readonly (Uint8Array | readonly [from: number, length: number])[],
): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let at = 0;
  for (const part of parts) {
    const length = part instanceof Uint8Array ? part.length : part[1];
    if (!(part instanceof Uint8Array)) stretches.push({ from: part[0], length, at });
    at += length;
  }
  return stretches;
}

/** Which version metadata says that it is, for a guess at what to ask for. Null where it is not found where signers write it. */
export function statedVersion(bytes: Uint8Array): number | null {
  const text = (part: Uint8Array) => Buffer.from(part).toString('latin1');
  // Canonical JSON has it last, others have it before the long list.
  const version =
    /"version":(\d{1,15})\}\}\n?$/.exec(text(bytes.subarray(-TAIL_BYTES)))?.[1] ??
    /"version":\s?(\d{1,15})[,}]/.exec(text(bytes.subarray(0, HEAD_BYTES)))?.[1];
  return version === undefined ? null : Number(version);
}

/** Signatures stand before it. */
const HEAD_BYTES = 64 * 1024;
const TAIL_BYTES = 64;

const BETWEEN = utf8('},"');

/** Cut where entries end: most of them are in both files, in the same order. */
function partsOf(from: Buffer, to: Buffer): readonly Part[] {
  const parts: Part[] = [];
  let places: ReadonlyMap<string, number> | null = null;
  let next = 0;
  for (let at = 0; at < to.length; ) {
    let end = endOfSame(from, next, to, at);
    let piece = to.subarray(at, end);
    if (end === at) {
      end = endOfPiece(to, at);
      piece = to.subarray(at, end);
      places ??= placesIn(from);
      next = places.get(piece.toString('latin1')) ?? -1;
    }
    const last = parts.at(-1);
    if (next < 0) {
      if (typeof last === 'string') parts[parts.length - 1] = last + fromUtf8(piece);
      else parts.push(fromUtf8(piece));
    } else {
      if (Array.isArray(last) && last[0] + last[1] === next) last[1] += piece.length;
      else parts.push([next, piece.length]);
      next += piece.length;
    }
    at = end;
  }
  return parts;
}

/** Behind the pieces that are the same in both from here on; `at` itself where the first is another. */
function endOfSame(from: Buffer, next: number, to: Buffer, at: number): number {
  if (next < 0) return at;
  const most = Math.min(from.length - next, to.length - at);
  // Twice as far each time, then halves: what is the same is compared by the machine, and most of a long list is.
  let [same, step] = [0, FIRST_STEP_BYTES];
  const isSame = (length: number) =>
    from.compare(to, at + same, at + length, next + same, next + length) === 0;
  while (same < most && isSame(Math.min(most, same + step))) {
    same = Math.min(most, same + step);
    step *= 2;
  }
  for (; step >= 1; step = Math.floor(step / 2)) {
    const length = Math.min(most, same + step);
    if (length > same && isSame(length)) same = length;
  }
  if (at + same === to.length) return to.length;
  // The quote behind the comma may be the first byte that is another.
  const cut = to.subarray(at, at + same + 1).lastIndexOf(BETWEEN);
  return cut === -1 ? at : at + cut + 2;
}

const FIRST_STEP_BYTES = 1024;

function placesIn(bytes: Buffer): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  for (let at = 0; at < bytes.length; at = endOfPiece(bytes, at)) {
    places.set(bytes.toString('latin1', at, endOfPiece(bytes, at)), at);
  }
  return places;
}

/** Behind the next comma between two entries: both bytes before it are ASCII, so that no letter is cut. */
function endOfPiece(bytes: Buffer, at: number): number {
  const found = bytes.indexOf(BETWEEN, at);
  return found === -1 ? bytes.length : found + 2;
}
