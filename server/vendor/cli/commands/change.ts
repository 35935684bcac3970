// `change open`, `list`, `show`, `abandon`: stage 1, and what became of every change.

import {
  type ChangeFields,
  type ChangeRecord,
  changeRecord,
  intakeOf,
} from '../../../../shared/change/change.ts';
import { DEFAULT_TOLERANCE } from '../../../../shared/change/judge.ts';
import { openChange, stageDue, transition, verifyAbandonable } from '../../../../shared/change/pipeline.ts';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { parseDocument } from '../../../../shared/schema/parse-document.ts';
import { formatRef, refFor } from '../../../../shared/schema/release-ref.ts';
import type { Version } from '../../../../shared/version/version.ts';
import { auditAct } from '../../workspace/audit.ts';
import { listChanges, readChange, refOfChange, writeChange } from '../../workspace/changes.ts';
import { verifyUnsigned } from '../../workspace/documents.ts';
import {
  findChange,
  type KnownChange,
  latestOf,
  listKnownChanges,
  nextChangeId,
} from '../../workspace/known-changes.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { openWorkspace } from '../../workspace/workspace.ts';
import { describeChange, nextStep } from '../describe.ts';

interface OpenOptions {
  readonly component: string;
  readonly version: Version;
  readonly revision: string;
  readonly scope: string;
  /** As it was typed: `2%`. */
  readonly tolerance: string;
}

export async function open(session: Session, options: OpenOptions): Promise<void> {
  await openWorkspace(session.directory);
  const { component, version, revision, scope, tolerance } = options;
  const ref = refFor(component, version);
  const known = await listKnownChanges(session.directory);
  const intake = { component, version, revision, scope };
  const wanted = tolerance === DEFAULT_TOLERANCE ? intake : { ...intake, tolerance };
  const latest = latestOf(known, formatRef(ref));
  const existing =
    latest === undefined || latest.result === 'abandoned'
      ? undefined
      : await readChange(session.directory, latest.id);
  const record = existing ?? openNew(session, known, wanted);
  if (existing !== undefined && !isSameIntake(existing, wanted)) {
    throw new FairleadError('vendor/version-taken', { release: formatRef(ref), change: existing.id });
  }
  if (existing === undefined) {
    await auditAct(session, 'change open', record.id, { release: formatRef(ref), revision: record.revision });
    await writeChange(session.directory, record);
  }
  session.out.result('change-open', [record.id, nextStep(record)], { change: record });
}

type Intake = Omit<ChangeFields, 'id'>;

function openNew(session: Session, known: readonly KnownChange[], intake: Intake): ChangeRecord {
  const fields = { id: nextChangeId(known), ...intake };
  const record = openChange(fields, formatInstant(session.now()), session.actor);
  return parseDocument(changeRecord, record, 'the change');
}

/** A killed `change open` is run again with the same words: that is the same change, not a second one. */
function isSameIntake(record: ChangeRecord, intake: Intake): boolean {
  const same = digestOfValue(intakeOf(record)) === digestOfValue(intakeOf({ id: record.id, ...intake }));
  return stageDue(record) === 'build' && same;
}

export async function list(session: Session): Promise<void> {
  await openWorkspace(session.directory);
  const changes = await listChanges(session.directory);
  const rows = changes.map((record) => [
    record.id,
    formatRef(refOfChange(record)),
    stageDue(record) ?? record.result,
    record.stages.at(-1)?.at ?? '',
    record.scope,
  ]);
  const lines =
    rows.length === 0
      ? ['no changes yet']
      : formatTable([['ID', 'Release', 'Due', 'Since', 'Scope'], ...rows]);
  session.out.result('change-list', lines, { changes });
}

export async function show(session: Session, text: string): Promise<void> {
  const record = await findChange(session.directory, text);
  session.out.result('change-show', describeChange(record), { change: record });
}

/** Nothing of it may be signed, not even in part: who has the metadata could complete it. */
export async function abandon(
  session: Session,
  text: string,
  { reason }: { readonly reason: string },
): Promise<void> {
  const change = await findChange(session.directory, text);
  const record = change.result === 'abandoned' ? change : await giveUp(session, change, reason);
  const lines = [
    `${record.id}  ${formatRef(refOfChange(record))}  abandoned; the version is free`,
    `next: fairlead-vendor change open --component ${record.component} --version ${record.version} --revision R --scope TEXT`,
  ];
  session.out.result('change-abandon', lines, { change: record });
}

async function giveUp(session: Session, change: ChangeRecord, reason: string): Promise<ChangeRecord> {
  verifyAbandonable(change);
  await verifyUnsigned(session.directory, change);
  const at = formatInstant(session.now());
  const event = { stage: 'abandonment', outcome: 'failed', details: { reason }, at } as const;
  const next = transition(change, { ...event, actor: session.actor });
  const record = parseDocument(changeRecord, next, 'the change');
  await auditAct(session, 'change abandon', change.id, { reason });
  await writeChange(session.directory, record);
  return record;
}
