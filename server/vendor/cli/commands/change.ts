// `change open`, `list`, `show`, `abandon`: stage 1, and what became of every change.

import {
  type ChangeFields,
  type ChangeRecord,
  changeRecord,
  intakeOf,
} from '../../../../shared/change/change.ts';
import { openChange, stageDue, transition, verifyAbandonable } from '../../../../shared/change/pipeline.ts';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { parseDocument } from '../../../../shared/schema/parse-document.ts';
import { formatRef, refFor } from '../../../../shared/schema/release-ref.ts';
import { parseVersion } from '../../../../shared/version/version.ts';
import { DEFAULT_TOLERANCE, parseShare } from '../../core/post-deploy.ts';
import { auditAct } from '../../workspace/audit.ts';
import {
  findChange,
  latestOf,
  listChanges,
  nextChangeId,
  refOfChange,
  writeChange,
} from '../../workspace/changes.ts';
import { verifyUnsigned } from '../../workspace/documents.ts';
import type { Session } from '../../workspace/session.ts';
import { openWorkspace } from '../../workspace/workspace.ts';
import type { CommandSpec, Input } from '../command.ts';
import { describeChange, nextStep } from '../describe.ts';

export const CHANGE_COMMANDS: readonly CommandSpec[] = [
  {
    usage: 'open',
    summary: 'stage 1, Change Intake: a change to one component, traceable to a source revision',
    example:
      'change open --component core/auth --version 1.0.1 --revision git:9f1c2ab --scope "fix token reuse"',
    kind: 'writes',
    options: [
      { flags: '--component <name>', about: 'platform, SUITE or SUITE/CAPABILITY', required: true },
      {
        flags: '--version <version>',
        about: 'the version to release: new, never used again',
        required: true,
      },
      { flags: '--revision <text>', about: 'the source revision, such as git:9f1c2ab', required: true },
      { flags: '--scope <text>', about: 'what changes, in one line', required: true },
      {
        flags: '--tolerance <share>',
        about: 'share of the deployments that may go wrong through the release; fixed from here on',
        fallback: DEFAULT_TOLERANCE,
      },
    ],
    run: open,
  },
  {
    usage: 'list',
    summary: 'every change with the stage it is due for',
    example: 'change list',
    kind: 'reads',
    run: list,
  },
  {
    usage: 'show <change>',
    summary: 'one change with the time of each stage',
    example: 'change show CHG-7',
    kind: 'reads',
    run: show,
  },
  {
    usage: 'abandon <change>',
    summary: 'give up a change of which nothing is released; its version is free again',
    example: 'change abandon CHG-7 --reason "built from the wrong directory"',
    kind: 'writes',
    options: [{ flags: '--reason <text>', about: 'kept in the record and the audit', required: true }],
    run: abandon,
  },
];

async function open(session: Session, input: Input): Promise<void> {
  await openWorkspace(session.directory);
  const component = input.text('component');
  const ref = refFor(component, parseVersion(input.text('version')));
  const records = await listChanges(session.directory);
  const wanted = {
    component,
    version: ref.version,
    revision: input.text('revision'),
    scope: input.text('scope'),
    tolerance: input.text('tolerance'),
  };
  parseShare(wanted.tolerance, '--tolerance');
  const latest = latestOf(records, formatRef(ref));
  const existing = latest?.result === 'abandoned' ? undefined : latest;
  const record = existing ?? openNew(session, records, wanted);
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

function openNew(session: Session, records: readonly ChangeRecord[], intake: Intake): ChangeRecord {
  const fields = { id: nextChangeId(records), ...intake };
  const record = openChange(fields, formatInstant(session.now()), session.actor);
  return parseDocument(changeRecord, record, 'the change');
}

/** A killed `change open` is run again with the same words: that is the same change, not a second one. */
function isSameIntake(record: ChangeRecord, intake: Intake): boolean {
  const same = digestOfValue(intakeOf(record)) === digestOfValue(intakeOf({ id: record.id, ...intake }));
  return stageDue(record) === 'build' && same;
}

async function list(session: Session): Promise<void> {
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

async function show(session: Session, input: Input): Promise<void> {
  const record = await findChange(session.directory, input.argument(0));
  session.out.result('change-show', describeChange(record), { change: record });
}

/** Nothing of it may be signed, not even in part: who has the metadata could complete it. */
async function abandon(session: Session, input: Input): Promise<void> {
  const change = await findChange(session.directory, input.argument(0));
  const record = change.result === 'abandoned' ? change : await giveUp(session, change, input.text('reason'));
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
