// The founding models, made from what the server knows: deployments and rollbacks that happened, and those that are proposed.
import type { FleetDeployment } from '../../shared/protocol/fleet.ts';
import type {
  DeploymentModel,
  PinModel,
  ProposalModel,
  RollbackModel,
} from '../../shared/protocol/fleet-proposals.ts';
import { type DeploymentRecord, isFinal } from '../../shared/schema/deployment.ts';

/** Of a reported deployment: its instance and the number that it has there. */
export function deploymentId({ instance, record }: Pick<FleetDeployment, 'instance' | 'record'>): string {
  return `${instance}-${record.id}`;
}

/** Null for the id of a proposal. */
export function parseDeploymentId(id: string): { readonly instance: string; readonly record: number } | null {
  const [, instance, record] = /^(.{36})-(\d{1,9})$/.exec(id) ?? [];
  return instance === undefined || record === undefined ? null : { instance, record: Number(record) };
}

/** With the fields that earlier programs read beside them. */
export function reportedDeployment(one: FleetDeployment): DeploymentModel {
  const { instance, state, started, updated, record } = one;
  return {
    ...one,
    id: deploymentId(one),
    instance_id: instance,
    status: state,
    manifest: record.to,
    ...{ created_at: started, updated_at: updated, started_at: started },
    completed_at: isFinal(state) ? updated : null,
    error: record.failure?.message ?? null,
  };
}

export function proposedDeployment(proposal: ProposalModel): DeploymentModel {
  const { id, instance_id, instance_name, status, created_at, updated_at, answer } = proposal;
  return {
    ...{
      id,
      instance_id,
      status,
      manifest: null,
      created_at,
      updated_at,
      started_at: null,
      completed_at: null,
    },
    error: status === 'refused' ? (answer?.text ?? null) : null,
    ...{ instance: instance_id, instanceName: instance_name, proposal },
  };
}

export function pinOf(proposal: ProposalModel): PinModel {
  const { id, instance_id, wish, created_at, updated_at, reason, status } = proposal;
  const component = wish.kind === 'pin' || wish.kind === 'unpin' ? wish.component : '';
  return {
    ...{ id, instance_id, level: levelOf(component), name: component },
    version: wish.kind === 'pin' ? wish.version : null,
    ...{ created_at, updated_at, reason, status },
  };
}

export function levelOf(component: string): PinModel['level'] {
  if (component === 'platform') return 'platform';
  return component.includes('/') ? 'capability' : 'suite';
}

export function proposedRollback(proposal: ProposalModel): RollbackModel {
  const { id, instance_id, wish, status, created_at, answered_at, reason } = proposal;
  const to = wish.kind === 'rollback' ? wish.to : undefined;
  return {
    ...{ id, instance_id, from_version: null },
    to_version: to === undefined ? null : typeof to === 'number' ? `generation ${to}` : to,
    ...{ status, created_at, completed_at: answered_at, reason },
  };
}

/** A deployment that went back: by an operator's word from what ran, by itself from what it had just brought. */
export function reportedRollback(one: FleetDeployment): DeploymentModel & RollbackModel {
  const { record } = one;
  const isOwn = record.reason.kind !== 'rollback';
  const [before, after] = [versionsOf(record, 'from'), versionsOf(record, 'to')];
  return {
    ...reportedDeployment(one),
    from_version: isOwn ? after : before,
    to_version: isOwn ? before : after,
    completed_at: isFinal(one.state) ? one.updated : null,
    reason: (isOwn ? record.failure?.message : record.note) ?? record.reason.kind,
  } as DeploymentModel & RollbackModel;
}

function versionsOf({ steps }: DeploymentRecord, side: 'from' | 'to'): string | null {
  const named = steps.flatMap((step) => (step[side] === null ? [] : `${step.component}@${step[side]}`));
  return named.length === 0 ? null : named.join(', ');
}
