// The shapes of what packs and patches say of themselves. By hand: with zod, the process that applies a patch would have a seventh of its memory for five of them.
import { type Digest, isDigest } from '../encoding/digest.ts';
import { isJsonObject, type JsonValue } from '../encoding/json.ts';
import { FairleadError } from '../errors/error.ts';

/** Answers the value itself. Error: json/invalid where it has another shape, which names the nearest key, `at`. */
export type Shape<Value> = (value: JsonValue | undefined, at?: string) => Value;

export function count(max = Number.MAX_SAFE_INTEGER, min = 0): Shape<number> {
  return (value, at) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max)
      return value;
    throw misshapen(`a number from ${min} to ${max}`, at);
  };
}

export const digest: Shape<Digest> = (value, at) => {
  if (typeof value === 'string' && isDigest(value)) return value;
  throw misshapen('a digest', at);
};

export function nullable<Value>(shape: Shape<Value>): Shape<Value | null> {
  return (value, at) => (value === null ? null : shape(value, at));
}

export function list<Value>(element: Shape<Value>, max: number, min = 0): Shape<Value[]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length < min || value.length > max) {
      throw misshapen(`a list of ${min} to ${max}`, at);
    }
    for (const one of value) element(one, at);
    return value;
  };
}

/** Each at its place, and no more of them. */
export function tuple<Values extends unknown[]>(
  ...elements: { [I in keyof Values]: Shape<Values[I]> }
): Shape<Values> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length !== elements.length) {
      throw misshapen(`a list of ${elements.length}`, at);
    }
    for (const [i, element] of elements.entries()) element(value[i], at);
    return value as Values;
  };
}

/** With these keys and no others. */
export function object<Values extends object>(
  fields: { readonly [Key in keyof Values]: Shape<Values[Key]> },
): Shape<Values> {
  const shapes = Object.entries<Shape<unknown>>(fields);
  return (value, at) => {
    if (!isJsonObject(value) || Object.keys(value).length !== shapes.length) {
      throw misshapen(`an object of ${shapes.map(([key]) => key).join(', ')}`, at);
    }
    for (const [key, shape] of shapes) shape(Object.hasOwn(value, key) ? value[key] : undefined, key);
    return value as Values;
  };
}

function misshapen(expected: string, at: string | undefined): FairleadError {
  const where = at === undefined ? 'it' : `its "${at}"`;
  return new FairleadError('json/invalid', {
    source: 'a description in the pack',
    problem: `${where} is not ${expected}`,
  });
}
