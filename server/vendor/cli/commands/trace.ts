// `trace`: what was deployed, when and why: of a change from its intake to the fleet, or of one instance.

import { isFairleadError } from '../../../../shared/errors/error.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import type { ChangeReply } from '../../../../shared/protocol/fleet.ts';
import type { DeploymentRecord } from '../../../../shared/schema/deployment.ts';
import { formatRef } from '../../../../shared/schema/release-ref.ts';
import { type AuditEntry, readAudit } from '../../workspace/audit.ts';
import { findChange, refOfChange } from '../../workspace/changes.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { describeChange } from '../describe.ts';
import { readFleetChange, readFleetInstance } from '../fleet.ts';

export function trace(session: Session, text: string): Promise<void> {
  return /^CHG-\d+$|@/.test(text) ? traceChange(session, text) : traceInstance(session, text);
}

async function traceInstance(session: Session, text: string): Promise<void> {
  const { instance, deployments } = await readFleetInstance(session, text);
  const rows = deployments.map(({ state, started, updated, record }) => [
    started,
    updated,
    state,
    record.steps.map(({ component, to }) => `${component} ${to ?? 'removed'}`).join(', '),
    whyOf(record),
    [...new Set(record.steps.flatMap(({ change }) => change ?? []))].join(' '),
  ]);
  session.out.result(
    'trace-instance',
    [
      `${instance.name}  ${instance.id}  last seen ${instance.lastSeen ?? 'never'}`,
      ...(rows.length === 0
        ? ['deployments: none reported']
        : formatTable([['Started', 'Updated', 'State', 'What', 'Why', 'Change'], ...rows])),
    ],
    { instance, deployments },
  );
}

async function traceChange(session: Session, text: string): Promise<void> {
  const change = await findChange(session.directory, text);
  const subjects = new Set([change.id, formatRef(refOfChange(change))]);
  const acts = (await readAudit(session.directory)).filter(({ subject }) =>
    // Changes that were released together stand in one act.
    subject.split(' ').some((one) => subjects.has(one)),
  );
  const fleet = await readFleet(session, change.id);
  session.out.result(
    'trace',
    [
      ...describeChange(change),
      '',
      ...formatTable([['At', 'Act', 'By', 'Why'], ...acts.map(rowOfAct)]),
      '',
      ...describeFleet(fleet),
    ],
    { change, acts, counts: fleet?.counts ?? null, deployments: fleet?.deployments ?? null },
  );
}

/** The vendor's own half stays readable while the server is away. */
async function readFleet(session: Session, id: string): Promise<ChangeReply | null> {
  try {
    return await readFleetChange(session, id);
  } catch (error) {
    if (isFairleadError(error, 'vendor/server-unreachable')) return null;
    throw error;
  }
}

function describeFleet(fleet: ChangeReply | null): readonly string[] {
  if (fleet === null)
    return ['deployments: unknown, the server cannot be reached or has not seen this change'];
  if (fleet.deployments.length === 0) return ['deployments: none reported'];
  const rows = fleet.deployments.map(({ instanceName, state, started, updated, record }) => [
    instanceName,
    state,
    started,
    updated,
    whyOf(record),
  ]);
  return formatTable([['Instance', 'State', 'Started', 'Updated', 'Why'], ...rows]);
}

function whyOf({ failure, reason }: DeploymentRecord): string {
  return failure?.message ?? reason.kind;
}

function rowOfAct({ at, action, actor, details }: AuditEntry): readonly string[] {
  return [at, action, actor, details.reason ?? ''];
}
