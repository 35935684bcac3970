// Strict JSON: what one reader accepts, every reader reads the same way.
import { FairleadError } from '../errors/error.ts';
import { fromUtf8 } from './bytes.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** Caps on what is parsed at all; counts are of keys and array elements. */
export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  readonly maxNodes: number;
}

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
  const text = decode(bytes, source);
  const keysWritten = scanStructure(text, source, limits);
  const value = parse(text, source);
  const keysKept = checkValue(value, source);
  // JSON.parse keeps the last of two equal keys: fewer keys kept than written means that one was dropped.
  if (keysKept !== keysWritten) throw invalid(source, 'a key stands twice in the same object');
  return value;
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
    const problem = cause instanceof Error ? cause.message : 'it cannot be parsed';
    throw new FairleadError('json/invalid', { source, problem }, { cause });
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Counts the keys written and bounds depth and size before anything is allocated for them. */
function scanStructure(text: string, source: string, limits: JsonLimits): number {
  let depth = 0;
  let keys = 0;
  let separators = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i);
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > limits.maxDepth) throw tooLarge(source, 'its depth', limits.maxDepth);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x3a: // :
        keys++;
        break;
      case 0x2c: // ,
        if (++separators > limits.maxNodes) throw tooLarge(source, 'its number of values', limits.maxNodes);
        break;
    }
  }
  return keys;
}

function endOfString(text: string, start: number): number {
  for (let i = text.indexOf('"', start + 1); i !== -1; i = text.indexOf('"', i + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(i - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return i;
  }
  return text.length;
}

function checkValue(value: JsonValue, source: string): number {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw invalid(source, 'a string holds half of a surrogate pair');
    return 0;
  }
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      throw invalid(source, 'a number is not a whole number between -(2^53-1) and 2^53-1');
    }
    return 0;
  }
  if (typeof value !== 'object' || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const element of value) keys += checkValue(element, source);
    return keys;
  }
  const object = value as JsonObject;
  for (const key in object) {
    if (key === '__proto__') throw invalid(source, 'the key "__proto__" is not allowed');
    if (!key.isWellFormed()) throw invalid(source, 'a key holds half of a surrogate pair');
    keys += 1 + checkValue(object[key] as JsonValue, source);
  }
  return keys;
}

function invalid(source: string, problem: string): FairleadError {
  return new FairleadError('json/invalid', { source, problem });
}

function tooLarge(source: string, limit: string, value: number): FairleadError {
  return new FairleadError('json/too-large', { source, limit, value });
}
