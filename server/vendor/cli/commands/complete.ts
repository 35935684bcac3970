// `change complete`: stage 6 judges the fleet's reports, stage 7 ends the change by that verdict.

import type { ChangeRecord } from '../../../../shared/change/change.ts';
import { toleranceOf } from '../../../../shared/change/judge.ts';
import {
  builtRelease,
  eventOf,
  stageDue,
  transition,
  verifyStageIsDue,
} from '../../../../shared/change/pipeline.ts';
import { lastWaveAt } from '../../../../shared/compile/waves.ts';
import type { Digest } from '../../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { ReleaseRef } from '../../../../shared/schema/release-ref.ts';
import { judgeFleet } from '../../core/post-deploy.ts';
import { auditAct } from '../../workspace/audit.ts';
import { refOfChange, writeChange } from '../../workspace/changes.ts';
import { listBelow, readRolloutsOf } from '../../workspace/documents.ts';
import { findChange } from '../../workspace/known-changes.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { editRollouts } from '../../workspace/rollouts.ts';
import type { SigningResult } from '../../workspace/signing.ts';
import { conclude } from '../conclude.ts';
import { describeCounts, describeStep } from '../describe.ts';
import { readFleetCounts } from '../fleet.ts';

interface CompleteOptions {
  readonly atLeast: number;
  readonly acknowledge?: boolean;
  readonly reason?: string;
}

export async function complete(session: Session, text: string, options: CompleteOptions): Promise<void> {
  let record = await findChange(session.directory, text);
  const signed: SigningResult[] = [];
  if (stageDue(record) !== null) {
    if (stageDue(record) !== 'completion') record = await verifyOnFleet(session, record, options);
    const passed = eventOf(record, 'post-deploy')?.outcome === 'passed';
    // First nobody else is offered it, then the record says so: a kill in between repeats the harmless half.
    if (!passed) signed.push(...(await withdraw(session, refOfChange(record))));
    record = await end(session, record, passed);
  }
  const { lines, document } = await conclude(session, signed);
  const verified = eventOf(record, 'post-deploy');
  const fleet = verified === undefined ? 'ended' : describeCounts(verified.details.counts);
  session.out.result('change-complete', [...describeStep(record, fleet), ...lines], {
    change: record,
    ...document,
  });
}

/** Stage 6. Errors: vendor/not-settled, vendor/stage-not-due. */
async function verifyOnFleet(
  session: Session,
  record: ChangeRecord,
  options: CompleteOptions,
): Promise<ChangeRecord> {
  verifyStageIsDue(record, 'post-deploy');
  const now = session.now();
  const counts = await readFleetCounts(session, record);
  const offers = await readRolloutsOf(session.directory, refOfChange(record));
  const openings = offers.map(({ document }) => lastWaveAt(document));
  const lastWave = openings.length === 0 ? null : Math.max(...openings);
  const acknowledged = readAcknowledgement(options);
  const verdict = judgeFleet({
    counts,
    tolerance: toleranceOf(record),
    isAcknowledged: acknowledged !== null,
    atLeast: options.atLeast,
    ...{ lastWave, now },
  });
  if (verdict.kind === 'awaited') {
    throw new FairleadError('vendor/not-settled', { change: record.id, awaited: verdict.awaited });
  }
  const outcome = verdict.kind;
  const accepted = acknowledged === null ? {} : { acknowledged };
  const details = { release: builtRelease(record, 'post-deploy'), counts, ...accepted };
  const at = formatInstant(now);
  const next = transition(record, { stage: 'post-deploy', outcome, details, at, actor: session.actor });
  await auditAct(session, 'change complete', record.id, { verification: outcome, ...accepted });
  await writeChange(session.directory, next);
  return next;
}

/** Who lets something be says why. */
function readAcknowledgement({ acknowledge = false, reason }: CompleteOptions): string | null {
  if (!acknowledge) return null;
  if (reason !== undefined) return reason;
  const form = '--reason "why": it stands in the record';
  throw new FairleadError('vendor/option-invalid', { option: '--acknowledge', value: '', form });
}

/** Stage 7. */
async function end(session: Session, record: ChangeRecord, passed: boolean): Promise<ChangeRecord> {
  const outcome = passed ? 'passed' : 'failed';
  const returnsTo = passed ? null : await previousRelease(session, refOfChange(record));
  const details = { release: builtRelease(record, 'completion'), returnsTo };
  const at = formatInstant(session.now());
  const next = transition(record, { stage: 'completion', outcome, details, at, actor: session.actor });
  await auditAct(session, 'change complete', record.id, { result: next.result });
  await writeChange(session.directory, next);
  return next;
}

/** The digest of the newest release below this one: what instances return to. */
async function previousRelease(session: Session, ref: ReleaseRef): Promise<Digest | null> {
  const [newest] = await listBelow(session.directory, ref);
  return newest?.digest ?? null;
}

/** A fix that an advisory deployed has no rollout to withdraw. */
async function withdraw(session: Session, ref: ReleaseRef): Promise<readonly SigningResult[]> {
  const offered = await readRolloutsOf(session.directory, ref);
  if (offered.length === 0) return [];
  return [await editRollouts(session, ref, null, 'change complete', { withdrawn: true })];
}
