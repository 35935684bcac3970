// From an unknown value to a typed document, or one error that names what is wrong with each field and its remedy.
import type { z } from 'zod';
import { type JsonLimits, parseJson } from '../encoding/json.ts';
import { didYouMean } from '../encoding/nearest.ts';
import { sanitizeLine } from '../encoding/text.ts';
import type { DocumentIssue } from '../errors/document.ts';
import { FairleadError } from '../errors/error.ts';

/** `name` is the document's path or title, used in errors. Error: document/invalid. */
export function parseDocument<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  name: string,
): z.output<Schema> {
  // Nearly all are right: only for those that are not is it worth to count how much there is to look at.
  const first = schema.safeParse(value, FIRST_PROBLEM);
  const result = first.success || isLong(value) ? first : schema.safeParse(value, ALL_PROBLEMS);
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap((issue) => toIssues(issue, value));
  const isSecret = schema.meta()?.[SECRET] === true;
  throw new FairleadError('document/invalid', {
    document: name,
    issues: issues.slice(0, NAMED_ISSUES).map((issue) => cut(isSecret ? unfound(issue) : issue)),
    ...(issues.length > NAMED_ISSUES ? { more: issues.length - NAMED_ISSUES } : {}),
  });
}

/** The mark of a schema whose documents hold secrets, in the fields that it knows or in others: `.meta({ [SECRET]: true })`. */
export const SECRET = 'fairlead/secret';

/** What is wrong and where, and nothing of what stands there. */
function unfound(issue: DocumentIssue): DocumentIssue {
  return issue.found === NOTHING ? issue : { ...issue, found: 'something else' };
}

const NOTHING = 'nothing';

/** What one error names; the others are counted. */
const NAMED_ISSUES = 20;
/** What a person wrote has fewer values. In what is longer, looking stops at the first problem. */
const LONG_VALUES = 1_000;

const ALL_PROBLEMS = { reportInput: true, error: noteKnownKeys };
// zod's own flag, under which a list ends at its first bad element: one bad element each byte would cost seconds.
const FIRST_PROBLEM = { reportInput: true, error: noteKnownKeys, abortEarly: true };

function isLong(value: unknown): boolean {
  const pending = [value];
  for (let seen = 0; pending.length > 0; seen++) {
    if (seen + pending.length > LONG_VALUES) return true;
    const next = pending.pop();
    if (typeof next === 'object' && next !== null) {
      for (const key in next) {
        if (pending.push((next as Record<string, unknown>)[key]) > LONG_VALUES) return true;
      }
    }
  }
  return false;
}

/** Keys are the sender's to choose, as long as they like. */
function cut(issue: DocumentIssue): DocumentIssue {
  return { ...issue, path: sanitizeLine(issue.path, 300), found: sanitizeLine(issue.found, 100) };
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

function unknownKey(key: string, path: string, known: readonly string[]): DocumentIssue {
  const meant = didYouMean(key, known);
  return {
    path: path === '' ? key : `${path}.${key}`,
    expected: 'no such key',
    found: `"${key}"`,
    remedy: meant === '' ? `remove it, or write one of: ${known.join(', ')}` : meant,
  };
}

function toIssues(issue: ZodIssue, root: unknown): readonly DocumentIssue[] {
  const path = issue.path.map(String).join('.');
  switch (issue.code) {
    case 'unrecognized_keys':
      // Those that are only counted need no advice.
      return issue.keys
        .slice(0, LONG_VALUES)
        .map((key, at) => unknownKey(key, path, at < NAMED_ISSUES ? (knownKeys.get(issue.keys) ?? []) : []));
    case 'invalid_union':
      return closestBranch(issue, path);
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues
        .flatMap((inner) => toIssues(inner, issue.input))
        .map((inner) => ({ ...inner, path: join(path, inner.path) }));
    default:
      return [{ path, ...explain(issue), found: describe(foundAt(issue, root)) }];
  }
}

/** A rule over several parts is given all of them; the one it complains of is what was found. */
function foundAt(issue: ZodIssue, root: unknown): unknown {
  if (issue.code !== 'custom' || typeof issue.input !== 'object') return issue.input;
  return issue.path.reduce<unknown>(
    (part, key) => (typeof part === 'object' && part !== null ? Reflect.get(part, key) : undefined),
    root,
  );
}

/** Of a union's branches, the one the author most likely meant: the one with the fewest complaints. */
function closestBranch(issue: ZodIssue & { code: 'invalid_union' }, path: string): readonly DocumentIssue[] {
  const branches = issue.errors.map((errors) => errors.flatMap((inner) => toIssues(inner, issue.input)));
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
  if (input === undefined) return NOTHING;
  if (input === null) return 'null';
  if (Array.isArray(input)) return `an array of ${input.length}`;
  if (typeof input === 'object') return 'an object';
  const text = JSON.stringify(input) ?? typeof input;
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function join(a: string, b: string): string {
  return a === '' || b === '' ? a + b : `${a}.${b}`;
}
