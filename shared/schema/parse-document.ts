// From an unknown value to a typed document, or one error that names every wrong field and its remedy.
import type { z } from 'zod';
import { type JsonLimits, parseJson } from '../encoding/json.ts';
import { didYouMean } from '../encoding/nearest.ts';
import type { DocumentIssue } from '../errors/document.ts';
import { FairleadError } from '../errors/error.ts';

/** `name` is the document's path or title, used in errors. Error: document/invalid. */
export function parseDocument<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  name: string,
): z.output<Schema> {
  const result = schema.safeParse(value, { reportInput: true, error: noteKnownKeys });
  if (result.success) return result.data;
  throw new FairleadError('document/invalid', {
    document: name,
    issues: result.error.issues.flatMap(toIssues),
  });
}

/** Strict JSON, then the schema. Errors: json/invalid, json/too-large, document/invalid. */
export function parseDocumentBytes<Schema extends z.ZodType>(
  schema: Schema,
  bytes: Uint8Array,
  name: string,
  limits?: JsonLimits,
): z.output<Schema> {
  return parseDocument(schema, parseJson(bytes, name, limits), name);
}

type ZodIssue = z.core.$ZodIssue;

/** The keys that an object knows, by the list of those it does not: an issue no longer names its schema. */
const knownKeys = new WeakMap<readonly string[], readonly string[]>();

function noteKnownKeys(issue: z.core.$ZodRawIssue): undefined {
  const def: object = issue.inst?._zod.def ?? {};
  if (issue.code !== 'unrecognized_keys' || !('shape' in def) || typeof def.shape !== 'object') return;
  knownKeys.set(issue.keys, Object.keys(def.shape ?? {}));
}

function unknownKey(
  issue: ZodIssue & { code: 'unrecognized_keys' },
  key: string,
  path: string,
): DocumentIssue {
  const known = knownKeys.get(issue.keys) ?? [];
  const meant = didYouMean(key, known);
  return {
    path: path === '' ? key : `${path}.${key}`,
    expected: 'no such key',
    found: `"${key}"`,
    remedy: meant === '' ? `remove it, or write one of: ${known.join(', ')}` : meant,
  };
}

function toIssues(issue: ZodIssue): readonly DocumentIssue[] {
  const path = issue.path.map(String).join('.');
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(issue, key, path));
    case 'invalid_union':
      return closestBranch(issue, path);
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.flatMap(toIssues).map((inner) => ({ ...inner, path: join(path, inner.path) }));
    default:
      return [{ path, ...explain(issue), found: describe(issue.input) }];
  }
}

/** Of a union's branches, the one the author most likely meant: the one with the fewest complaints. */
function closestBranch(issue: ZodIssue & { code: 'invalid_union' }, path: string): readonly DocumentIssue[] {
  const branches = issue.errors.map((errors) => errors.flatMap(toIssues));
  const best = branches.reduce((a, b) => (b.length < a.length ? b : a), branches[0] ?? []);
  if (best.length > 0) return best.map((inner) => ({ ...inner, path: join(path, inner.path) }));
  return [{ path, ...explain(issue), found: describe(issue.input) }];
}

function explain(issue: ZodIssue): Pick<DocumentIssue, 'expected' | 'remedy'> {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? { expected: issue.expected, remedy: 'add it' }
        : { expected: issue.expected, remedy: `write ${article(issue.expected)}` };
    case 'invalid_value': {
      const allowed = issue.values.map((value) => JSON.stringify(value)).join(' or ');
      return { expected: allowed, remedy: `use ${allowed}` };
    }
    case 'too_small':
      return {
        expected: `at least ${issue.minimum}${unitOf(issue.origin)}`,
        remedy: issue.origin === 'string' ? 'make it longer' : 'make it larger',
      };
    case 'too_big':
      return {
        expected: `at most ${issue.maximum}${unitOf(issue.origin)}`,
        remedy: issue.origin === 'string' ? 'make it shorter' : 'make it smaller',
      };
    case 'custom': {
      const remedy: unknown = issue.params?.remedy;
      return {
        expected: issue.message,
        remedy: typeof remedy === 'string' ? remedy : `write ${issue.message}`,
      };
    }
    default:
      return { expected: issue.message, remedy: `write ${issue.message}` };
  }
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  if (origin === 'array' || origin === 'record' || origin === 'set') return ' entries';
  return '';
}

function describe(input: unknown): string {
  if (input === undefined) return 'nothing';
  if (input === null) return 'null';
  if (Array.isArray(input)) return `an array of ${input.length}`;
  if (typeof input === 'object') return 'an object';
  const text = JSON.stringify(input) ?? typeof input;
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function join(a: string, b: string): string {
  return a === '' || b === '' ? a + b : `${a}.${b}`;
}
