// Errors of bytes and documents: JSON that is not strict, documents that do not match their schema, versions.
import { EXIT, entry } from './entry.ts';

/** One thing wrong with a document; its remedy is told beside it, and by no hint again. `path` is dotted, empty for the document itself. */
export interface DocumentIssue {
  readonly path: string;
  readonly expected: string;
  readonly found: string;
  readonly remedy: string;
}

export const DOCUMENT_ERRORS = {
  'json/invalid': entry<{ readonly source: string; readonly problem: string }>({
    message: (d) => `${d.source} is not acceptable JSON: ${d.problem}`,
    hint: () => 'correct the file; every key once, whole numbers only, UTF-8 without a byte order mark',
    http: 400,
    exit: EXIT.usage,
  }),
  'json/too-large': entry<{ readonly source: string; readonly limit: string; readonly value: number }>({
    message: (d) => `${d.source} is larger than allowed: ${d.limit} is at most ${d.value}`,
    hint: () => 'split the document; the limits protect every reader of it',
    http: 413,
    exit: EXIT.usage,
  }),
  'document/invalid': entry<{
    readonly document: string;
    readonly issues: readonly DocumentIssue[];
    /** Problems beyond those that are named. */
    readonly more?: number;
  }>({
    message: (d) =>
      [
        `${d.document} does not match its schema:`,
        ...d.issues.map((issue) => `  ${formatIssue(issue)}`),
        ...(d.more === undefined ? [] : [`  and ${d.more} more`]),
      ].join('\n'),
    hint: () => 'what a document may hold stands in docs/reference, and its schema in docs/reference/schema',
    http: 400,
    exit: EXIT.usage,
  }),
  'version/invalid': entry<{ readonly value: string }>({
    message: (d) => `"${d.value}" is not a semantic version`,
    hint: () => 'write it as MAJOR.MINOR.PATCH, for example 1.2.3 or 2.0.0-beta.1',
    http: 400,
    exit: EXIT.usage,
  }),
  'version/invalid-range': entry<{ readonly value: string }>({
    message: (d) => `"${d.value}" is not a version range`,
    hint: () => 'write an exact version, ~1.2, ^1.2.0, 1.x, ">=1.2.0 <2" or similar',
    http: 400,
    exit: EXIT.usage,
  }),
  'reference/invalid': entry<{ readonly value: string }>({
    message: (d) => `"${d.value}" does not name a component`,
    hint: () => 'write platform@1.2.3, suite@1.2.3 or suite/capability@1.2.3',
    http: 400,
    exit: EXIT.usage,
  }),
} as const;

export function formatIssue(issue: DocumentIssue): string {
  const where = issue.path === '' ? '(document)' : issue.path;
  return `${where}: expected ${issue.expected}, found ${issue.found}; ${issue.remedy}`;
}
