// In-toto statements (v1): what each stage of a change did to the files that it built, for tools that know nothing of Fairlead.
import type { ChangeRecord, StageEvent } from '../../../shared/change/change.ts';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { type Digest, digestOfValue, hexOf } from '../../../shared/encoding/digest.ts';
import type { JsonObject, JsonValue } from '../../../shared/encoding/json.ts';
import { parseJson } from '../../../shared/encoding/json.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { type DsseEnvelope, openEnvelope } from '../../../shared/trust/dsse.ts';
import type { VerificationKey } from '../../../shared/trust/key.ts';

/** https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md */
export const STATEMENT_TYPE = 'application/vnd.in-toto+json';

const STATEMENT = 'https://in-toto.io/Statement/v1';
const PROVENANCE = 'https://slsa.dev/provenance/v1';
const TEST_RESULT = 'https://in-toto.io/attestation/test-result/v0.1';

/** What a statement says of its place in the record: the field's own predicates have no room for that. */
export interface StageNote {
  readonly change: string;
  readonly stage: string;
  readonly at: string;
  readonly event: string;
  readonly previous: string;
}

/** One for each stage that was passed, in order; none before there is something built to speak of. */
export function createStatements(record: ChangeRecord, sbom: Digest | null): readonly Uint8Array[] {
  if (record.release === null || record.result === 'abandoned') return [];
  return record.stages.map((event) => utf8(JSON.stringify(toStatement(record, event, sbom))));
}

function toStatement(record: ChangeRecord, event: StageEvent, sbom: Digest | null): JsonObject {
  const { id, component, version, release, tree } = record;
  const name = `${component}@${version}`;
  const note: StageNote = {
    ...{ change: id, stage: event.stage, at: event.at },
    ...{ event: digestOfValue(event), previous: event.previous },
  };
  const subjects = [
    ...(tree === null ? [] : [{ name: `${name} files`, digest: sha256(tree.digest) }]),
    ...(release === null ? [] : [{ name: `${name} manifest`, digest: sha256(release) }]),
  ];
  return {
    _type: STATEMENT,
    subject: subjects.map((subject) => ({ ...subject, annotations: { ...note } })),
    ...predicateOf(record, event, sbom),
  };
}

function predicateOf(record: ChangeRecord, event: StageEvent, sbom: Digest | null): JsonObject {
  if (event.stage === 'build')
    return { predicateType: PROVENANCE, predicate: provenance(record, event, sbom) };
  if (event.stage === 'verification') return { predicateType: TEST_RESULT, predicate: testResult(event) };
  const { at, actor, outcome, details } = event;
  const { revision, scope } = record;
  return {
    predicateType: `urn:fairlead:stage:${event.stage}:v1`,
    predicate: { revision, scope, at, actor, outcome, details: details as unknown as JsonValue },
  };
}

type EventOf<Stage> = Extract<StageEvent, { stage: Stage }>;

function provenance(
  { id, component, version, revision }: ChangeRecord,
  { at, actor, details }: EventOf<'build'>,
  sbom: Digest | null,
): JsonObject {
  const [, commit] = /^git:([0-9a-f]{40}|[0-9a-f]{64})$/.exec(revision) ?? [];
  return {
    buildDefinition: {
      buildType: 'urn:fairlead:build:v1',
      externalParameters: { component, version, revision },
      internalParameters: { reproduced: details.reproduced },
      resolvedDependencies: [
        { name: revision, ...(commit === undefined ? {} : { digest: { gitCommit: commit } }) },
      ],
    },
    runDetails: {
      // Whoever typed the command, on their machine: nothing isolated, and no claim of more.
      builder: { id: `urn:fairlead:builder:${encodeURIComponent(actor)}` },
      metadata: { invocationId: id, startedOn: at },
      ...(sbom === null ? {} : { byproducts: [{ name: 'bill of materials', digest: sha256(sbom) }] }),
    },
  };
}

function testResult({ outcome, details }: EventOf<'verification'>): JsonObject {
  const named = (wanted: 'passed' | 'failed') => [
    ...new Set(details.checks.filter((one) => one.outcome === wanted).map(({ check }) => check)),
  ];
  return {
    result: outcome === 'passed' ? 'PASSED' : 'FAILED',
    configuration: [{ name: 'fairlead-vendor verify', digest: sha256(details.release) }],
    passedTests: named('passed'),
    failedTests: named('failed'),
  };
}

function sha256(digest: Digest): JsonObject {
  return { sha256: hexOf(digest) };
}

export interface OpenedStatement extends StageNote {
  readonly predicateType: string;
  readonly keyid: string;
  readonly subjects: readonly { readonly name: string; readonly sha256: string }[];
}

/** Null where none of these keys signed it as a statement, or it says nothing of a stage. */
export function openStatement(
  envelope: DsseEnvelope,
  keys: ReadonlyMap<string, VerificationKey>,
): OpenedStatement | null {
  const payload = openEnvelope(envelope, STATEMENT_TYPE, keys);
  if (payload === null) return null;
  try {
    return readStatement(
      parseJson(payload, 'a statement') as JsonObject,
      envelope.signatures[0]?.keyid ?? '',
    );
  } catch (error) {
    if (isFairleadError(error) || error instanceof TypeError) return null;
    throw error;
  }
}

function readStatement(value: JsonObject, keyid: string): OpenedStatement | null {
  const subjects = value.subject as readonly JsonObject[];
  const note = subjects[0]?.annotations as StageNote | undefined;
  if (value._type !== STATEMENT || note === undefined) return null;
  const { change, stage, at, event, previous } = note;
  return {
    ...{ change: String(change), stage: String(stage), at: String(at), event: String(event) },
    ...{ previous: String(previous), predicateType: String(value.predicateType), keyid },
    subjects: subjects.map((one) => ({
      name: String(one.name),
      sha256: String((one.digest as JsonObject).sha256),
    })),
  };
}

/** What keeps statements from being the whole story of one change, a sentence each. */
export function problemsBetween(opened: readonly OpenedStatement[]): readonly string[] {
  const [first] = opened;
  if (first === undefined) return ['it holds no statement'];
  const about = (one: OpenedStatement) => JSON.stringify([one.change, one.subjects]);
  return [
    ...(first.stage === 'intake' ? [] : [`it begins with ${first.stage}`]),
    ...opened.flatMap((one, at) => {
      const before = opened[at - 1];
      if (about(one) !== about(first)) return [`${one.stage} is about something else`];
      return before === undefined || one.previous === before.event
        ? []
        : [`${one.stage} does not follow ${before.stage}`];
    }),
  ];
}
