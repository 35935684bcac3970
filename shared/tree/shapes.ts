// The shapes of what packs and patches say of themselves. By hand: with zod, the process that applies a patch would have a seventh of its memory for five of them.
import { type Digest, isDigest } from '../encoding/digest.ts';
import { isJsonObject, type JsonValue } from '../encoding/json.ts';
import { FairleadError } from '../errors/error.ts';

/** Answers the value itself. Error: json/invalid where it has another shape. */
export type Shape<Value> = (value: JsonValue | undefined) => Value;

export function count(max = Number.MAX_SAFE_INTEGER, min = 0): Shape<number> {
  return (value) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max)
      return value;
    throw misshapen(`a number from ${min} to ${max}`);
  };
}

export const digest: Shape<Digest> = (value) => {
  if (typeof value === 'string' && isDigest(value)) return value;
  throw misshapen('a digest');
};

export function orNull<Value>(shape: Shape<Value>): Shape<Value | null> {
  return (value) => (value === null ? null : shape(value));
}

export function list<Value>(element: Shape<Value>, max: number, min = 0): Shape<Value[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length < min || value.length > max) {
      throw misshapen(`a list of ${min} to ${max}`);
    }
    for (const one of value) element(one);
    return value;
  };
}

/** Each at its place, and no more of them. */
export function tuple<Values extends unknown[]>(
  ...elements: { [I in keyof Values]: Shape<Values[I]> }
): Shape<Values> {
  return (value) => {
    if (!Array.isArray(value) || value.length !== elements.length) {
      throw misshapen(`a list of ${elements.length}`);
    }
    for (const [i, element] of elements.entries()) element(value[i]);
    return value as Values;
  };
}

/** With these keys and no others. */
export function object<Values extends object>(
  fields: { readonly [Key in keyof Values]: Shape<Values[Key]> },
): Shape<Values> {
  const shapes = Object.entries<Shape<unknown>>(fields);
  return (value) => {
    if (!isJsonObject(value) || Object.keys(value).length !== shapes.length) {
      throw misshapen(`the keys ${shapes.map(([key]) => key).join(', ')}`);
    }
    for (const [key, shape] of shapes) shape(Object.hasOwn(value, key) ? value[key] : undefined);
    return value as Values;
  };
}

function misshapen(expected: string): FairleadError {
  return new FairleadError('json/invalid', {
    source: 'a description in the pack',
    problem: `something stands in the place of ${expected}`,
  });
}
