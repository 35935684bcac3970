// The row of a deployment: its columns, what a record sets of them, and what a list tells of them.
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import type { FleetDeployment } from '../../shared/protocol/fleet.ts';
import type { DeploymentRecord, DeploymentState } from '../../shared/schema/deployment.ts';

export interface DeploymentRow {
  readonly instance: string;
  /** The record's id on its instance. */
  readonly record: number;
  readonly state: DeploymentState;
  readonly reason: string;
  readonly started_at: string;
  readonly updated_at: string;
  readonly body: string;
  /** The error code of a deployment that failed: causes are counted without a look into any body. */
  readonly failure_code: string | null;
  /** When a report first told of it, by our clock; null where an older server took it. */
  readonly heard_at: string | null;
  /** What was unhealthy before it began, as one text of JSON; null where nothing was. */
  readonly ill_before: string | null;
  /** Of a rollback the versions that it left, such as `["core/auth@1.0.1"]`; null for others, and where an older server took it. */
  readonly gone_from: string | null;
}

/** A record's row but for its instance, and what else of it is looked at as it comes. */
export interface RecordRow extends Omit<DeploymentRow, 'instance'> {
  readonly changes: readonly string[];
  readonly plan: string;
  /** Each component with the version that it has from then on. */
  readonly brings: readonly (readonly [string, string | null])[];
}

export function recordRow(record: DeploymentRecord, received: EpochMs): RecordRow {
  const at = formatInstantMs(received);
  const changes = record.steps.flatMap(({ change }) => (isChange(change) ? [change] : []));
  return {
    record: record.id,
    state: record.state,
    reason: record.reason.kind,
    started_at: record.stages[0]?.at ?? at,
    updated_at: record.stages.at(-1)?.at ?? at,
    body: JSON.stringify(record),
    failure_code: failureCode(record),
    heard_at: at,
    ill_before: record.unhealthyBefore === undefined ? null : JSON.stringify(record.unhealthyBefore),
    gone_from: record.reason.kind === 'rollback' ? JSON.stringify(versionsLeft(record)) : null,
    changes: [...new Set(changes)],
    plan: record.plan,
    brings: record.steps.map(({ component, to }) => [component, to]),
  };
}

function versionsLeft({ steps }: DeploymentRecord): readonly string[] {
  return steps.flatMap(({ component, from }) => (from === null ? [] : [`${component}@${from}`]));
}

/** Codes are short and the catalogue's; whatever else an agent says is kept harmless. */
export function failureCode({ failure }: Pick<DeploymentRecord, 'failure'>): string | null {
  return failure === null ? null : sanitizeLine(failure.code, 100);
}

/** What a step names may be any text; an index of one database takes no long one, and a text of the other no NUL. */
function isChange(change: string | null): change is string {
  return change !== null && /^CHG-\d{1,9}$/.test(change);
}

export function deploymentOf(row: DeploymentRow & { readonly instance_name: string }): FleetDeployment {
  return {
    instance: row.instance,
    instanceName: row.instance_name,
    state: row.state,
    started: row.started_at,
    updated: row.updated_at,
    record: JSON.parse(row.body) as DeploymentRecord,
  };
}
