// The release document made from what a release manager wrote and what the pipeline knows.

import type { ChangeFields } from '../../../shared/change/change.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/encoding/json.ts';
import type { DocumentIssue } from '../../../shared/errors/document.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { type Release, release, type TreeRef } from '../../../shared/schema/release.ts';
import type { ReleaseRef } from '../../../shared/schema/release-ref.ts';

/** What the pipeline writes itself: in a manifest, these could only contradict it. */
const RESERVED = ['schema', 'suite', 'name', 'version', 'change', 'tree'] as const;

export interface ReleaseParts {
  readonly ref: ReleaseRef;
  readonly change: Pick<ChangeFields, 'id' | 'revision' | 'scope'>;
  /** When the first build of this change began. */
  readonly builtAt: string;
  /** Null for suites and platforms. */
  readonly tree: TreeRef | null;
  readonly manifest: JsonValue;
  /** The manifest's file, named in errors. */
  readonly source: string;
}

/** Error: document/invalid, naming every field that is wrong. */
export function createRelease(parts: ReleaseParts): Release {
  const { ref, change, manifest, source, builtAt, tree } = parts;
  const written = isJsonObject(manifest) ? manifest : {};
  const reserved = RESERVED.filter((key) => key in written);
  if (reserved.length > 0 || !isJsonObject(manifest)) throw refuse(source, reserved);
  const { id, revision, scope } = change;
  const document: JsonObject = {
    ...headOf(ref),
    change: { id, revision, scope, builtAt },
    ...(tree === null ? {} : { tree }),
    ...written,
  };
  return parseDocument(release, document, source);
}

function headOf(ref: ReleaseRef): JsonObject {
  const { version } = ref;
  switch (ref.kind) {
    case 'platform':
      return { schema: 'fairlead/platform@1', version };
    case 'suite':
      return { schema: 'fairlead/suite@1', name: ref.name, version };
    case 'capability':
      return { schema: 'fairlead/capability@1', suite: ref.suite, name: ref.name, version };
  }
}

function refuse(source: string, reserved: readonly string[]): FairleadError {
  const issues: DocumentIssue[] = reserved.map((path) => ({
    path,
    expected: 'no such key',
    found: `"${path}"`,
    remedy: 'remove it: the pipeline writes it',
  }));
  const notAnObject = { path: '', expected: 'object', found: 'something else', remedy: 'write an object' };
  return new FairleadError('document/invalid', {
    document: source,
    issues: issues.length === 0 ? [notAnObject] : issues,
  });
}
