// `trace`: what was deployed, when and why: of a change from its intake to the fleet, or of one instance; and whether both sides say so.

import { isFairleadError } from '../../../../shared/errors/error.ts';
import { describeHeld, entriesOf } from '../../../../shared/present/ledger.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import type { ChangeReply, FleetDeployment } from '../../../../shared/protocol/fleet.ts';
import type { DeploymentRecord } from '../../../../shared/schema/deployment.ts';
import { formatRef } from '../../../../shared/schema/release-ref.ts';
import { type AuditEntry, readAudit } from '../../workspace/audit.ts';
import { refOfChange } from '../../workspace/changes.ts';
import { findChange } from '../../workspace/known-changes.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { describeChange } from '../describe.ts';
import { readFleetChange, readFleetInstance } from '../fleet.ts';
import {
  type Agreement,
  agreementOf,
  type InstallLedger,
  readHeadsOf,
  readInstallLedgers,
  sealOf,
} from '../install-ledgers.ts';

interface TraceOptions {
  /** Exported logs of installs. */
  readonly ledger?: readonly string[];
}

export async function trace(session: Session, text: string, { ledger = [] }: TraceOptions): Promise<void> {
  const ledgers = await readInstallLedgers(session, ledger);
  await (/^CHG-\d+$|@/.test(text)
    ? traceChange(session, text, ledgers)
    : traceInstance(session, text, ledgers));
}

type Ledgers = ReadonlyMap<string, InstallLedger>;

async function traceInstance(session: Session, text: string, ledgers: Ledgers): Promise<void> {
  const { instance, deployments } = await readFleetInstance(session, text);
  const heads = await readHeadsOf(session, instance.id);
  const ledger = ledgers.get(instance.id);
  const rows = deployments.map((one) => {
    const { state, started, updated, record } = one;
    const seal = sealOf(updated, heads);
    return [
      ...[started, updated, state],
      record.steps.map(({ component, to }) => `${component} ${to ?? 'removed'}`).join(', '),
      whyOf(record),
      [...new Set(record.steps.flatMap(({ change }) => change ?? []))].join(' '),
      seal === null ? 'not yet' : `${seal.at.slice(0, 10)} (${seal.count})`,
      ...sideOf(one, ledgers),
    ];
  });
  const alone = unreportedIn(ledger, deployments);
  session.out.result(
    'trace-instance',
    [
      `${instance.name}  ${instance.id}  last seen ${instance.lastSeen ?? 'never'}`,
      ...describeLedgers(ledgers),
      ...(rows.length === 0
        ? ['deployments: none reported']
        : formatTable([
            ['Started', 'Updated', 'State', 'What', 'Why', 'Change', 'Sealed', ...sideTitle(ledgers)],
            ...rows,
          ])),
      ...alone.map(({ record, at }) => `in the install’s log alone: change ${record}, begun ${at}`),
    ],
    {
      ...{ instance, deployments, heads },
      ...agreed(
        deployments,
        ledgers,
        alone.map(({ record }) => ({ instance: instance.id, record })),
      ),
    },
  );
}

/** What its administrator had not reported, or what was reported too long ago to be kept. */
function unreportedIn(ledger: InstallLedger | undefined, deployments: readonly FleetDeployment[]) {
  const known = new Set(deployments.map(({ record }) => record.id));
  return [...(ledger?.deployments ?? [])].flatMap(([record, { at }]) =>
    known.has(record) ? [] : [{ record, at }],
  );
}

const SIDES: Readonly<Record<Agreement, string>> = {
  both: 'both sides',
  differs: 'THE LOG SAYS OTHERWISE',
  server: 'not in its log',
  install: 'in its log alone',
};

function sideTitle(ledgers: Ledgers): readonly string[] {
  return ledgers.size === 0 ? [] : ['Said by'];
}

function sideOf(one: FleetDeployment, ledgers: Ledgers): readonly string[] {
  if (ledgers.size === 0) return [];
  const ledger = ledgers.get(one.instance);
  return [ledger === undefined ? '-' : SIDES[agreementOf(one, ledger)]];
}

function describeLedgers(ledgers: Ledgers): readonly string[] {
  return [...ledgers.values()].flatMap(({ file, found }) => [
    `${file}: whole, ${entriesOf(found)}`,
    ...describeHeld(found).map((line) => `  ${line}`),
  ]);
}

function agreed(
  deployments: readonly FleetDeployment[],
  ledgers: Ledgers,
  alone: readonly { readonly instance: string; readonly record: number }[] = [],
) {
  if (ledgers.size === 0) return {};
  const agreement = deployments.flatMap((one) => {
    const ledger = ledgers.get(one.instance);
    if (ledger === undefined) return [];
    return { instance: one.instance, record: one.record.id, said: agreementOf(one, ledger) };
  });
  return { agreement: [...agreement, ...alone.map((one) => ({ ...one, said: 'install' }))] };
}

async function traceChange(session: Session, text: string, ledgers: Ledgers): Promise<void> {
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
      ...describeLedgers(ledgers),
      ...describeFleet(fleet, ledgers),
    ],
    {
      ...{ change, acts, counts: fleet?.counts ?? null, deployments: fleet?.deployments ?? null },
      ...agreed(fleet?.deployments ?? [], ledgers),
    },
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

function describeFleet(fleet: ChangeReply | null, ledgers: Ledgers): readonly string[] {
  if (fleet === null)
    return ['deployments: unknown, the server cannot be reached or has not seen this change'];
  if (fleet.deployments.length === 0) return ['deployments: none reported'];
  const rows = fleet.deployments.map((one) => [
    ...[one.instanceName, one.state, one.started, one.updated, whyOf(one.record)],
    ...sideOf(one, ledgers),
  ]);
  return formatTable([['Instance', 'State', 'Started', 'Updated', 'Why', ...sideTitle(ledgers)], ...rows]);
}

function whyOf({ failure, reason }: DeploymentRecord): string {
  return failure?.message ?? reason.kind;
}

function rowOfAct({ at, action, actor, details }: AuditEntry): readonly string[] {
  return [at, action, actor, details.reason ?? ''];
}
