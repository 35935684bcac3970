// Documents of a newer version of our own programs: what they add is left out, what they change is an error.
import type { z } from 'zod';
import type { JsonLimits } from '../encoding/json.ts';
import { parseJson } from '../encoding/json.ts';
import { parseDocument } from './parse-document.ts';

/** A document may be deep; each round finds the unknown keys of every depth that is known by then. */
const MOST_ROUNDS = 16;

/**
 * As parseDocumentBytes, but keys that the schema does not know are left out. Only for what our own programs wrote, and never
 * where a key may forbid something: a policy, a signed document, what a person wrote. Errors: json/*, document/invalid.
 */
export function parseNewerBytes<Schema extends z.ZodType>(
  schema: Schema,
  bytes: Uint8Array,
  name: string,
  limits?: JsonLimits,
): z.output<Schema> {
  const value = parseJson(bytes, name, limits);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    const unknown = result.error.issues.flatMap((issue) => unknownKeysOf(issue, []));
    // Anything else that is wrong is no addition.
    if (unknown.length === 0) break;
    for (const { path, keys } of unknown) leaveOut(value, path, keys);
  }
  return parseDocument(schema, value, name);
}

interface UnknownKeys {
  readonly path: readonly PropertyKey[];
  readonly keys: readonly string[];
}

/** Of a union, the first branch that complains of nothing but unknown keys. */
function unknownKeysOf(issue: z.core.$ZodIssue, at: readonly PropertyKey[]): readonly UnknownKeys[] {
  const path = [...at, ...issue.path];
  if (issue.code === 'unrecognized_keys') return [{ path, keys: issue.keys }];
  if (issue.code !== 'invalid_union') return [];
  const branches = issue.errors.map((inner) => inner.map((one) => unknownKeysOf(one, path)));
  return (
    branches.find((branch) => branch.length > 0 && branch.every((found) => found.length > 0))?.flat() ?? []
  );
}

function leaveOut(value: unknown, path: readonly PropertyKey[], keys: readonly string[]): void {
  const part = path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    value,
  );
  if (typeof part === 'object' && part !== null) for (const key of keys) Reflect.deleteProperty(part, key);
}
