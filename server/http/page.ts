// Which part of a list is asked for, and the cursor that says where the next one begins.
import { z } from 'zod';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from '../../shared/encoding/bytes.ts';
import { FairleadError } from '../../shared/errors/error.ts';

export const MOST_ENTRIES = 1_000;
export const LONGEST_CURSOR = 2_000;

/** Fields of a list's query. What arrives meanwhile neither repeats entries nor hides any. */
export function pageOf<Key extends z.ZodType>(key: Key) {
  return {
    limit: z.coerce.number().int().min(1).max(MOST_ENTRIES).default(100),
    cursor: cursorOf(key).optional(),
  };
}

/** Null where the list begins. */
export function pageIn<Key>(query: { readonly limit: number; readonly cursor?: Key | undefined }): {
  readonly limit: number;
  readonly after: Key | null;
} {
  return { limit: query.limit, after: query.cursor ?? null };
}

/** Callers hand it back as it is; what it is made of is nobody's business and may change. */
export function formatCursor(key: readonly (string | number)[] | null): string | null {
  return key === null ? null : toBase64url(utf8(JSON.stringify(key)));
}

/** The same for a cursor that stands elsewhere than in a list's query. Error: request/invalid. */
export function parseCursor<Key extends z.ZodType>(key: Key, text: string): z.output<Key> {
  const parsed = key.safeParse(decode(text));
  if (parsed.success) return parsed.data;
  throw new FairleadError('request/invalid', { problem: 'the cursor is none that this list gave' });
}

function cursorOf<Key extends z.ZodType>(key: Key) {
  return z
    .string()
    .max(LONGEST_CURSOR)
    .transform((text, context): z.output<Key> => {
      const parsed = key.safeParse(decode(text));
      if (parsed.success) return parsed.data;
      context.addIssue({ code: 'custom', message: 'a cursor as the header Link gave it' });
      return z.NEVER;
    });
}

function decode(text: string): unknown {
  try {
    return JSON.parse(fromUtf8(fromBase64url(text) ?? new Uint8Array()));
  } catch {
    return undefined;
  }
}
