// Canonical JSON as TUF signs it (OLPC): one byte sequence for one value.
import { utf8 } from './bytes.ts';
import type { JsonObject, JsonValue } from './json.ts';

/**
 * Keys sorted by code point, no white space, only `"` and `\` escaped. The value must hold safe integers only. `sizeHint`
 * says about how many bytes will come: then nothing is copied where the engine’s own JSON will not do.
 */
export function canonicalize(value: JsonValue, sizeHint = 0): Uint8Array {
  const text = isInOrder(value) ? JSON.stringify(value) : null;
  if (text !== null && !OTHERWISE.test(text)) return utf8(text);
  const output = createOutput(sizeHint);
  write(value, output.put);
  return output.end();
}

const SURROGATE = /[\ud800-\udfff]/;
/** The engine's own JSON is many times as fast, and the same but for what it escapes and how surrogates sort. */
const OTHERWISE = /[\\\ud800-\udfff]/;

/** True where every object has its keys sorted already, as signed metadata does, and every number can be written. */
function isInOrder(value: JsonValue): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isInOrder);
  const object = value as JsonObject;
  let last = '';
  for (const key in object) {
    if (key < last || !isInOrder(object[key] as JsonValue)) return false;
    last = key;
  }
  return true;
}

type Put = (text: string) => void;

function write(value: JsonValue, put: Put): void {
  if (typeof value === 'string') put(quote(value));
  else if (typeof value === 'number') put(writeNumber(value));
  else if (typeof value !== 'object' || value === null) put(String(value));
  else if (Array.isArray(value)) writeArray(value, put);
  else writeObject(value as JsonObject, put);
}

function writeArray(values: readonly JsonValue[], put: Put): void {
  put('[');
  for (const [i, value] of values.entries()) {
    if (i > 0) put(',');
    write(value, put);
  }
  put(']');
}

function writeObject(object: JsonObject, put: Put): void {
  let before = '{';
  for (const key of sortedKeys(object)) {
    const value = object[key];
    if (value === undefined) continue;
    put(`${before}${quote(key)}:`);
    write(value, put);
    before = ',';
  }
  put(before === '{' ? '{}' : '}');
}

const PIECE_CHARACTERS = 16 * 1024;

/** Bytes as they come: the whole as text first, in a million pieces, takes ten times its size for a moment. */
function createOutput(sizeHint: number) {
  let bytes = new Uint8Array(sizeHint);
  let length = 0;
  let piece = '';
  const flush = () => {
    const next = utf8(piece);
    piece = '';
    if (length + next.length > bytes.length) {
      const larger = new Uint8Array(Math.max(length + next.length, Math.ceil(bytes.length * 1.5)));
      larger.set(bytes.subarray(0, length));
      bytes = larger;
    }
    bytes.set(next, length);
    length += next.length;
  };
  return {
    put(text: string): void {
      piece += text;
      if (piece.length >= PIECE_CHARACTERS) flush();
    },
    end(): Uint8Array {
      // Most values are small: their text is all that there is.
      if (length === 0 && sizeHint === 0) return utf8(piece);
      flush();
      return sizeHint > 0 ? bytes.subarray(0, length) : bytes.slice(0, length);
    },
  };
}

/** Without surrogates both orders are one, and the engine's own is many times faster over ten thousand paths. */
function sortedKeys(object: JsonObject): string[] {
  const keys = Object.keys(object);
  return keys.some((key) => SURROGATE.test(key)) ? keys.sort(byCodePoint) : keys.sort();
}

function writeNumber(value: number): string {
  if (!Number.isSafeInteger(value)) throw new TypeError('canonical JSON holds safe integers only');
  return value.toString();
}

function quote(text: string): string {
  return text.includes('"') || text.includes('\\') ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`;
}

// JavaScript compares UTF-16 units, the format's other readers code points: they differ above U+FFFF.
export function byCodePoint(a: string, b: string): number {
  if (a === b) return 0;
  for (let i = 0; ; i++) {
    const x = a.codePointAt(i);
    const y = b.codePointAt(i);
    if (x !== y) return (x ?? -1) - (y ?? -1);
  }
}
