// Strict JSON: what one reader accepts, every reader reads the same way.
import { FairleadError } from '../errors/error.ts';
import { fromUtf8 } from './bytes.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Caps on what is parsed at all. Of nodes each comma is one. */
export interface JsonLimits {
  /** For documents of other programs: any number, as JSON.parse reads it. */
  readonly fractions?: true;
  readonly maxBytes: number;
  readonly maxDepth: number;
  readonly maxNodes: number;
  /**
   * Past the first thousands: text denser than this grows to many times its bytes. With it an object or array is two
   * nodes more, about what it takes in memory.
   */
  readonly minBytesPerNode?: number;
  /**
   * Names that an engine keeps beside the values, and larger than most of them: `shapes` are the different beginnings of
   * lists of keys, each with a hidden class; `large` are the keys of objects too large for classes.
   */
  readonly maxNames?: { readonly shapes: number; readonly large: number };
}

/** So many may be as dense as they like: they are a few megabytes at most. */
const FREE_NODES = 20_000;

export const DOCUMENT_LIMITS: JsonLimits = { maxBytes: 1 << 20, maxDepth: 32, maxNodes: 100_000 };

/**
 * Parses UTF-8 JSON and refuses what parsers disagree about: duplicate keys, `__proto__`, numbers that are not
 * safe integers, lone surrogates, a byte order mark. `source` names the bytes in errors.
 * Errors: json/invalid, json/too-large.
 */
export function parseJson(
  bytes: Uint8Array,
  source: string,
  limits: JsonLimits = DOCUMENT_LIMITS,
): JsonValue {
  if (bytes.length > limits.maxBytes) {
    throw new FairleadError('json/too-large', { source, limit: 'its size in bytes', value: limits.maxBytes });
  }
  const { value, keysWritten } = parseText(bytes, source, limits);
  const keysKept = checkValue(value, source, limits);
  // JSON.parse keeps the last of two equal keys: fewer keys kept than written means that one was dropped.
  if (keysKept !== keysWritten) throw invalid(source, 'a key stands twice in the same object');
  return value;
}

/** Apart, so that the text can be forgotten while the value is looked at. */
function parseText(
  bytes: Uint8Array,
  source: string,
  limits: JsonLimits,
): { readonly value: JsonValue; readonly keysWritten: number } {
  const text = decode(bytes, source);
  const keysWritten = scanStructure(text, source, {
    ...limits,
    maxNodes: nodesAllowed(bytes.length, limits),
  });
  return { value: parse(text, source), keysWritten };
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function decode(bytes: Uint8Array, source: string): string {
  try {
    return fromUtf8(bytes);
  } catch (cause) {
    throw new FairleadError('json/invalid', { source, problem: 'the bytes are not UTF-8' }, { cause });
  }
}

function parse(text: string, source: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new FairleadError('json/invalid', { source, problem: problemIn(cause) });
  }
}

/** Without what stands around it, which the engine would show: a file or a request may hold secrets. */
function problemIn(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : 'it cannot be parsed';
  return /^Unexpected token '.'/su.exec(message)?.[0] ?? message;
}

function nodesAllowed(bytes: number, { maxNodes, minBytesPerNode }: JsonLimits): number {
  return minBytesPerNode === undefined ? maxNodes : Math.min(maxNodes, FREE_NODES + bytes / minBytesPerNode);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Counts the keys written and bounds depth and size before anything is allocated for them. */
function scanStructure(text: string, source: string, limits: JsonLimits): number {
  let depth = 0;
  let keys = 0;
  let nodes = 0;
  let textStart = 0;
  let textEnd = 0;
  const { maxNames } = limits;
  const names = maxNames !== undefined && mayPass(maxNames, text) ? createNames(source, maxNames) : null;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        textStart = i;
        i = endOfString(text, i);
        textEnd = i;
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > limits.maxDepth) throw tooLarge(source, 'its depth', limits.maxDepth);
        if (limits.minBytesPerNode !== undefined) nodes += 2;
        names?.open(depth);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x3a: // :
        keys++;
        names?.add(depth, text.slice(textStart, textEnd));
        break;
      case 0x2c: // ,
        nodes += 1;
        break;
    }
    if (nodes > limits.maxNodes) throw tooLarge(source, 'its number of values', Math.floor(limits.maxNodes));
  }
  return keys;
}

/** From so many keys on an object is a table of its own, without a class. */
const KEYS_WITH_CLASSES = 1020;

/** Each name has a colon behind it: most texts have fewer than may be, and need not be counted. */
function mayPass({ shapes, large }: NonNullable<JsonLimits['maxNames']>, text: string): boolean {
  let colons = 0;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    if (++colons > Math.min(shapes, large)) return true;
  }
  return false;
}

/** Counts the hidden classes that parsing will make, one for each beginning of a list of keys that is new, and other names. */
function createNames(source: string, max: NonNullable<JsonLimits['maxNames']>) {
  const known = new Map<string, number>();
  const shapeAt: number[] = [];
  const keysAt: number[] = [];
  let large = 0;
  return {
    open(depth: number): void {
      shapeAt[depth] = 0;
      keysAt[depth] = 0;
    },
    add(depth: number, key: string): void {
      const count = (keysAt[depth] ?? 0) + 1;
      keysAt[depth] = count;
      if (count > KEYS_WITH_CLASSES) {
        if (++large > max.large) throw tooLarge(source, 'its number of names', max.large);
        return;
      }
      const path = `${shapeAt[depth] ?? 0}${key}`;
      const shape = known.get(path) ?? known.size + 1;
      if (shape > max.shapes) throw tooLarge(source, 'its kinds of objects', max.shapes);
      known.set(path, shape);
      shapeAt[depth] = shape;
    },
  };
}

function endOfString(text: string, start: number): number {
  for (let i = text.indexOf('"', start + 1); i !== -1; i = text.indexOf('"', i + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(i - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return i;
  }
  return text.length;
}

function checkValue(value: JsonValue, source: string, limits: JsonLimits): number {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw invalid(source, 'a string holds half of a surrogate pair');
    return 0;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw invalid(source, 'a number is too large for any number');
    if (limits.fractions !== true && (!Number.isSafeInteger(value) || Object.is(value, -0))) {
      throw invalid(source, 'a number is not a whole number between -(2^53-1) and 2^53-1');
    }
    return 0;
  }
  if (typeof value !== 'object' || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const element of value) keys += checkValue(element, source, limits);
    return keys;
  }
  const object = value as JsonObject;
  for (const key in object) {
    if (key === '__proto__') throw invalid(source, 'the key "__proto__" is not allowed');
    if (!key.isWellFormed()) throw invalid(source, 'a key holds half of a surrogate pair');
    keys += 1 + checkValue(object[key] as JsonValue, source, limits);
  }
  return keys;
}

function invalid(source: string, problem: string): FairleadError {
  return new FairleadError('json/invalid', { source, problem });
}

function tooLarge(source: string, limit: string, value: number): FairleadError {
  return new FairleadError('json/too-large', { source, limit, value });
}
