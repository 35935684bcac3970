// `verify`: stage 3 holds built artifacts against their records, their schema, everything released before, and one another.
import type { ChangeRecord, CheckResult } from '../../../../shared/change/change.ts';
import { builtRelease, eventOf, transition, verifyStageIsDue } from '../../../../shared/change/pipeline.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { Release } from '../../../../shared/schema/release.ts';
import { formatRef, refOf } from '../../../../shared/schema/release-ref.ts';
import { checkedBeside, checkRelease, knownFrom, toCheckResult } from '../../core/checks.ts';
import { chooseValues } from '../../core/trial.ts';
import { checkArtifact, openPack, readBuilt } from '../../workspace/artifact.ts';
import { auditAct } from '../../workspace/audit.ts';
import { readChange, writeChange } from '../../workspace/changes.ts';
import { listKnownReleases } from '../../workspace/known-documents.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { tryRelease } from '../../workspace/trial/trial.ts';
import { describeStep } from '../describe.ts';
import { createFleetCheck, type FleetCheck } from '../known-fleet.ts';
import { describeNews, lookAtSbom, type SbomNews, type SbomVerdict } from '../sbom-news.ts';

interface VerifyOptions {
  readonly run?: boolean;
  /** `NAME=VALUE`. */
  readonly set?: readonly string[];
  /** Milliseconds. */
  readonly within: number;
}

export async function verify(
  session: Session,
  named: readonly string[],
  options: VerifyOptions,
): Promise<void> {
  const ids = [...new Set(named)];
  const changes = await Promise.all(ids.map((id) => readChange(session.directory, id)));
  const isDone = (change: ChangeRecord) => eventOf(change, 'verification')?.outcome === 'passed';
  for (const change of changes) if (!isDone(change)) verifyStageIsDue(change, 'verification');
  const together = await readDocuments(session, changes);
  const checkFleet = createFleetCheck(session);
  const records: ChangeRecord[] = [];
  const lines: string[] = [];
  const sboms: SbomNews[] = [];
  for (const change of changes) {
    const others = together.filter(({ id }) => id !== change.id);
    const before = isDone(change);
    const { checks, news } = before
      ? await tryAgain(session, options, change)
      : await runChecks(session, options, change, others, checkFleet);
    const record = before ? change : await recordVerification(session, change, checks);
    refuseFailed(record, checks);
    const done = before
      ? `was verified before${describeChecks(checks)}`
      : `passed all ${checks.length} checks`;
    records.push(record);
    if (news !== null) sboms.push(news);
    lines.push(...describeStep(record, done), ...(news === null ? [] : describeNews(news)));
  }
  session.out.result('verify', lines, { change: records[0], changes: records, sboms });
}

interface Together {
  readonly id: string;
  readonly document: Release;
}

/** Changes that need one another: each is held against the others as if they were released. */
async function readDocuments(
  session: Session,
  changes: readonly ChangeRecord[],
): Promise<readonly Together[]> {
  if (changes.length < 2) return [];
  const built = await Promise.all(changes.map((change) => readBuilt(session, change)));
  return built.flatMap(({ document }, at) => {
    const id = changes[at]?.id;
    return document === null || id === undefined ? [] : [{ id, document }];
  });
}

async function runChecks(
  session: Session,
  options: VerifyOptions,
  change: ChangeRecord,
  others: readonly Together[],
  checkFleet: FleetCheck,
): Promise<SbomVerdict> {
  const { document, checks } = await readBuilt(session, change);
  if (document === null) return { checks, news: null };
  const made = await lookAtSbom(session.directory, change, document);
  const known = [
    ...(await listKnownReleases(session.directory, checkedBeside(document))),
    ...others.map((other) => knownFrom(other.document)),
  ];
  const names = others.map((other) => formatRef(refOf(other.document))).join(', ');
  const all = [
    ...checks,
    ...(await checkArtifact(session, document)),
    ...made.checks,
    ...checkRelease(document, known),
    ...(others.length === 0 ? [] : [toCheckResult('together', true, `with ${names}`)]),
  ];
  const isWell = (checks: readonly CheckResult[]) => checks.every(({ outcome }) => outcome === 'passed');
  if (!isWell(all)) return { ...made, checks: all };
  const withIt = others.map((other) => other.document);
  const tried = [...all, await checkFleet(document, withIt)];
  const last = isWell(tried) ? await tryIfAsked(session, options, document) : [];
  return { ...made, checks: [...tried, ...last] };
}

/** What is verified already is not recorded a second time: the trial's answer stands in the audit. */
async function tryAgain(
  session: Session,
  options: VerifyOptions,
  change: ChangeRecord,
): Promise<SbomVerdict> {
  const { document } = await readBuilt(session, change);
  const checks = document === null ? [] : await tryIfAsked(session, options, document);
  for (const { outcome, detail } of checks)
    await auditAct(session, 'verify run', change.id, { outcome, detail });
  return { checks, news: null };
}

/** Errors: vendor/trial-impossible, vendor/option-invalid. */
async function tryIfAsked(
  session: Session,
  options: VerifyOptions,
  document: Release,
): Promise<readonly CheckResult[]> {
  const { run = false, set = [], within } = options;
  if (!run || document.schema !== 'fairlead/capability@1') return [];
  const values = chooseValues(document.settings, set);
  const pack = await openPack(session, document);
  try {
    const onStep = (step: string) => session.out.note(`${formatRef(refOf(document))}: ${step}`);
    const { passed, detail } = await tryRelease({ release: document, pack, values, limitMs: within, onStep });
    return [toCheckResult('run', passed, detail)];
  } finally {
    await pack.close();
  }
}

function refuseFailed(change: ChangeRecord, checks: readonly CheckResult[]): void {
  const failed = checks.filter(({ outcome }) => outcome === 'failed');
  if (failed.length === 0) return;
  throw new FairleadError('vendor/verification-failed', {
    change: change.id,
    failed: [...new Set(failed.map(({ check }) => check))].join(', '),
    detail: failed.map(({ detail }) => detail).join('; '),
  });
}

function describeChecks(checks: readonly CheckResult[]): string {
  return checks.map(({ detail }) => `; ${detail}`).join('');
}

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
