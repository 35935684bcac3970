// The programs' own documents on disk: what is written can be read again, whatever text came into it.
import type { z } from 'zod';
import { utf8 } from '../encoding/bytes.ts';
import { DOCUMENT_LIMITS, type JsonLimits } from '../encoding/json.ts';
import { isFairleadError } from '../errors/error.ts';
import { parseNewerBytes } from './newer-document.ts';
import { parseDocumentBytes } from './parse-document.ts';

/** What a program wrote itself may be larger than what it takes from others. */
export const STORED_LIMITS: JsonLimits = { ...DOCUMENT_LIMITS, maxBytes: 64 << 20, maxNodes: 4_000_000 };

/**
 * The one door to a state file. Text is made well-formed: half of a surrogate pair, which a cut leaves behind, is refused
 * by every strict reader. Then the bytes are read as they will be read. Errors: document/invalid, json/*; nothing may be
 * written then, for it would stand in the place of what can still be read.
 */
export function encodeStored<Schema extends z.ZodType>(
  schema: Schema,
  document: z.input<Schema>,
  name: string,
  indent: number | undefined = 2,
): Uint8Array {
  const bytes = utf8(JSON.stringify(document, wellFormed, indent));
  parseDocumentBytes(schema, bytes, name, STORED_LIMITS);
  return bytes;
}

/**
 * Reads also what was written before that door was there, and what a newer agent wrote that has gone back since: what it
 * added is left out. Errors: document/invalid, json/*.
 */
export function parseStored<Schema extends z.ZodType>(
  schema: Schema,
  bytes: Uint8Array,
  name: string,
): z.output<Schema> {
  return mending(bytes, (whole) => parseNewerBytes(schema, whole, name, STORED_LIMITS));
}

/** Where a key that is not understood may forbid something, as in a policy: it is an error. Errors as above. */
export function parseStoredWhole<Schema extends z.ZodType>(
  schema: Schema,
  bytes: Uint8Array,
  name: string,
): z.output<Schema> {
  return mending(bytes, (whole) => parseDocumentBytes(schema, whole, name, STORED_LIMITS));
}

function mending<Document>(bytes: Uint8Array, parse: (bytes: Uint8Array) => Document): Document {
  try {
    return parse(bytes);
  } catch (error) {
    const mended = isFairleadError(error, 'json/invalid') ? mend(bytes) : null;
    if (mended === null) throw error;
    return parse(mended);
  }
}

// A key that stands twice, or `__proto__`, is no fault of a cut: then bytes and text still differ, and the first error stands.
function mend(bytes: Uint8Array): Uint8Array | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const mended = text.replace(ESCAPE, (written) => (written.length === LONE_LENGTH ? '\\ufffd' : written));
    return mended === text ? null : utf8(mended);
  } catch {
    return null;
  }
}

/**
 * JSON.stringify writes whole pairs as they are: what it escapes is half of one. Escapes are taken one after the other, for
 * looking back over a run of backslashes costs its square.
 */
const ESCAPE = /\\(?:ud[89a-f][0-9a-f]{2}|.)/gs;
const LONE_LENGTH = '\\ud800'.length;

function wellFormed(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value;
}
