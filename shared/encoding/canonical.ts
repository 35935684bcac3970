// Canonical JSON as TUF signs it (OLPC): one byte sequence for one value.
import { utf8 } from './bytes.ts';
import type { JsonObject, JsonValue } from './json.ts';

/** Keys sorted by code point, no white space, only `"` and `\` escaped. The value must hold safe integers only. */
export function canonicalize(value: JsonValue): Uint8Array {
  return utf8(write(value));
}

function write(value: JsonValue): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number') return writeNumber(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  return writeObject(value as JsonObject);
}

function writeObject(object: JsonObject): string {
  const parts: string[] = [];
  for (const key of sortedKeys(object)) {
    const value = object[key];
    if (value !== undefined) parts.push(`${quote(key)}:${write(value)}`);
  }
  return `{${parts.join(',')}}`;
}

const SURROGATE = /[\ud800-\udfff]/;

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
