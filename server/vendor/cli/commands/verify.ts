// `verify`: stage 3 holds the built artifact against its record, its schema and everything released before.
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangeRecord, CheckResult } from '../../../../shared/change/change.ts';
import { builtRelease, eventOf, transition, verifyStageIsDue } from '../../../../shared/change/pipeline.ts';
import { type Digest, digestOf, hexOf } from '../../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { type DocumentIssue, formatIssue } from '../../../../shared/errors/document.ts';
import { FairleadError, isFairleadError } from '../../../../shared/errors/error.ts';
import { readNamed } from '../../../../shared/node/named-file.ts';
import { readPackIndex, verifyPack } from '../../../../shared/node/pack-reader.ts';
import { count, formatBytes } from '../../../../shared/present/count.ts';
import { packPath } from '../../../../shared/protocol/publication.ts';
import { parseDocumentBytes } from '../../../../shared/schema/parse-document.ts';
import { type CapabilityRelease, type Release, release } from '../../../../shared/schema/release.ts';
import { formatRef, refOf } from '../../../../shared/schema/release-ref.ts';
import { checkRelease, toCheckResult } from '../../core/checks.ts';
import { findProblems, headsNeeded } from '../../core/lint/lint.ts';
import { auditAct } from '../../workspace/audit.ts';
import { readChange, refOfChange, writeChange } from '../../workspace/changes.ts';
import { openRequired } from '../../workspace/files.ts';
import type { Session } from '../../workspace/session.ts';
import { buildFile } from '../../workspace/workspace.ts';
import type { CommandSpec, Input } from '../command.ts';
import { describeStep } from '../describe.ts';
import { readKnownReleases } from '../fleet.ts';

export const VERIFY: CommandSpec = {
  usage: 'verify <change>',
  summary: 'stage 3, Verification: schema, artifact, constraints, health, required stops',
  example: 'verify CHG-7',
  kind: 'writes',
  run: verify,
};

async function verify(session: Session, input: Input): Promise<void> {
  const change = await readChange(session.directory, input.argument(0));
  if (eventOf(change, 'verification')?.outcome === 'passed') {
    session.out.result('verify', describeStep(change, 'was verified before'), { change });
    return;
  }
  verifyStageIsDue(change, 'verification');
  const checks = await runChecks(session, change);
  const record = await recordVerification(session, change, checks);
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  if (failed.length > 0) {
    throw new FairleadError('vendor/verification-failed', {
      change: change.id,
      failed: [...new Set(failed.map(({ check }) => check))].join(', '),
      detail: failed.map(({ detail }) => detail).join('; '),
    });
  }
  session.out.result('verify', describeStep(record, `passed all ${checks.length} checks`), {
    change: record,
  });
}

async function runChecks(session: Session, change: ChangeRecord): Promise<readonly CheckResult[]> {
  const path = buildFile(session.directory, change.id);
  const bytes = await readNamed(path);
  const intact = digestOf(bytes) === change.release;
  const identity = toCheckResult(
    'same artifact',
    intact,
    intact ? 'the document is the one built' : `${path} was changed`,
  );
  const { document, check } = readRelease(bytes, path, change);
  if (document === null) return [identity, check];
  return [
    identity,
    check,
    ...(await checkArtifact(session, document)),
    ...checkRelease(document, await readKnownReleases(session.directory)),
  ];
}

function readRelease(
  bytes: Uint8Array,
  path: string,
  change: ChangeRecord,
): { readonly document: Release | null; readonly check: CheckResult } {
  try {
    const document = parseDocumentBytes(release, bytes, path);
    const about = formatRef(refOf(document));
    const matches = about === formatRef(refOfChange(change)) && document.change.id === change.id;
    return {
      document,
      check: toCheckResult('schema', matches, matches ? document.schema : `it is about ${about}`),
    };
  } catch (error) {
    if (!isFairleadError(error)) throw error;
    return { document: null, check: toCheckResult('schema', false, error.message.replace(/\s+/g, ' ')) };
  }
}

/** Every file of the pack is hashed again. */
async function checkArtifact(session: Session, document: Release): Promise<readonly CheckResult[]> {
  if (document.schema !== 'fairlead/capability@1') return toChecks(findProblems(document, null, new Map()));
  const { tree } = document;
  const pack = await openRequired(join(session.directory, packPath(hexOf(tree.digest))));
  try {
    const onUnit = (done: number, total: number) =>
      session.out.progress(`hashing ${document.suite}/${document.name}`, done, total);
    const issues = await verifyContent(pack, document, onUnit);
    const whole = `${count(tree.files, 'file')}, ${formatBytes(tree.bytes)}, every one with its digest`;
    return [toCheckResult('artifact', true, whole), ...toChecks(issues)];
  } catch (error) {
    if (!isFairleadError(error)) throw error;
    return [toCheckResult('artifact', false, error.message)];
  } finally {
    await pack.close();
  }
}

/** Every byte of the tree is in the pack; answers what is wrong with it as a product. Errors: those of `verifyPack`. */
async function verifyContent(
  pack: FileHandle,
  document: CapabilityRelease,
  onUnit: (done: number, total: number) => void,
): Promise<readonly DocumentIssue[]> {
  const index = await readPackIndex(pack, document.tree.digest);
  const needed = new Map(headsNeeded(document, index).map(({ file, bytes }) => [file.digest, bytes]));
  const heads = new Map<Digest, Uint8Array>();
  await verifyPack(pack, document.tree, onUnit, ({ file, offset, bytes }) => {
    const wanted = needed.get(file.digest);
    if (wanted !== undefined && offset === 0) heads.set(file.digest, bytes.slice(0, wanted));
  });
  return findProblems(document, index, heads);
}

/** One for each problem, so that each has its place and its remedy on the record. */
function toChecks(issues: readonly DocumentIssue[]): readonly CheckResult[] {
  if (issues.length === 0)
    return [toCheckResult('fit to run', true, 'programs, probes, settings, constraints')];
  return issues.slice(0, MAX_ISSUES).map((issue) => toCheckResult('fit to run', false, formatIssue(issue)));
}

const MAX_ISSUES = 20;

async function recordVerification(
  session: Session,
  change: ChangeRecord,
  checks: readonly CheckResult[],
): Promise<ChangeRecord> {
  const outcome = checks.every((each) => each.outcome === 'passed') ? 'passed' : 'failed';
  const details = { release: builtRelease(change, 'verification'), checks: [...checks] };
  const at = formatInstant(session.now());
  const record = transition(change, { stage: 'verification', outcome, details, at, actor: session.actor });
  await auditAct(session, 'verify', change.id, { outcome });
  await writeChange(session.directory, record);
  return record;
}
