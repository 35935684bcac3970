// What the fleet API says of proposals, templates, groups and versions: the founding models, with their fields as they were named.
import { z } from 'zod';
import { digest, instant, line, name, prose, version } from '../schema/common.ts';
import { reportedRecord } from '../schema/deployment.ts';
import { PROPOSAL_KINDS, windows } from '../schema/policy.ts';
import {
  deployWish,
  pinWish,
  policyTemplate,
  proposalId,
  rollbackWish,
  unpinWish,
  wish,
} from '../schema/proposal.ts';
import { fleetDeployment } from './fleet.ts';
import { proposalAnswer } from './proposal.ts';
import { CHANNELS, instanceId } from './report.ts';

export const PROPOSAL_STATUSES = [
  'proposed',
  'queued',
  'accepted',
  'ignored',
  'refused',
  'withdrawn',
  'expired',
] as const;
export type ProposalStatus = (typeof PROPOSAL_STATUSES)[number];

const count = z.int().min(0);

export const proposalModel = z
  .object({
    id: proposalId,
    kind: z.enum(PROPOSAL_KINDS),
    instance_id: instanceId,
    instance_name: line,
    /** Of the group that it was made for. */
    group: name.nullable(),
    policy_id: proposalId.nullable(),
    /** `queued`: the agent has it, and it waits for a person or for its moment. */
    status: z.enum(PROPOSAL_STATUSES),
    /** What If-Match takes, in quotes. */
    revision: z.int().min(1),
    /** In words. */
    asks: z.string(),
    wish,
    reason: line,
    proposed_by: line,
    created_at: instant,
    updated_at: instant,
    expires_at: instant,
    answered_at: instant.nullable(),
    answer: proposalAnswer.omit({ id: true }).nullable(),
  })
  .meta({ id: 'Proposal' });
export type ProposalModel = z.output<typeof proposalModel>;

export const proposalsList = z.object({ proposals: z.array(proposalModel) });

/** `count` proposals were made; a group’s first hundred stand here, the others under GET /proposals. */
export const proposalsMade = z.object({ count, proposals: z.array(proposalModel) });
export type ProposalsMade = z.output<typeof proposalsMade>;

/** To one instance, or to every member that a group has now. */
const addressed = {
  instance_id: instanceId.optional(),
  group: name.optional(),
  reason: line,
  /** In thirty days unless given; in ninety at the latest. */
  expires_at: instant.optional(),
};

function isAddressed({ instance_id, group }: { readonly instance_id?: unknown; readonly group?: unknown }) {
  return (instance_id === undefined) !== (group === undefined);
}
const ONE = { path: ['instance_id'], error: 'an instance or a group, and not both' };

export const requestedWish = z.discriminatedUnion('kind', [
  deployWish,
  pinWish,
  unpinWish,
  rollbackWish,
  z.strictObject({ kind: z.literal('policy'), policy_id: proposalId }),
]);
export type RequestedWish = z.output<typeof requestedWish>;

export const proposalRequest = z.strictObject({ ...addressed, wish: requestedWish }).refine(isAddressed, ONE);
export const proposalChange = z.strictObject({
  wish: requestedWish,
  reason: line,
  expires_at: addressed.expires_at,
});

export const deploymentRequest = z
  .strictObject({ ...addressed, release: deployWish.shape.release })
  .refine(isAddressed, ONE);
export const deploymentChange = z.strictObject({
  release: deployWish.shape.release,
  reason: line,
  expires_at: addressed.expires_at,
});

/** Deployment: one that an agent reported, or one that is proposed to it. */
export const deploymentModel = z
  .object({
    id: z.string(),
    instance_id: instanceId,
    /** Of a reported one its state, of a proposed one that of the proposal. */
    status: z.string(),
    /** Digest of the deployment manifest; null while it is a proposal. */
    manifest: digest.nullable(),
    created_at: instant,
    updated_at: instant,
    started_at: instant.nullable(),
    completed_at: instant.nullable(),
    error: z.string().nullable(),
    ...fleetDeployment.partial().shape,
    record: reportedRecord.optional(),
    proposal: proposalModel.optional(),
  })
  .meta({ id: 'Deployment' });
export type DeploymentModel = z.output<typeof deploymentModel>;
export const deploymentsList = z.object({ deployments: z.array(deploymentModel) });
export const deploymentsMade = z.object({ count, deployments: z.array(deploymentModel) });

/** VersionPin, as it is proposed. */
export const pinModel = z.object({
  id: proposalId,
  instance_id: instanceId,
  level: z.enum(['platform', 'suite', 'capability']),
  name: z.string(),
  /** Null where a pin is to be taken away. */
  version: z.string().nullable(),
  created_at: instant,
  updated_at: instant,
  reason: line,
  status: z.enum(PROPOSAL_STATUSES),
});
export type PinModel = z.output<typeof pinModel>;
export const pinsMade = z.object({ count, pins: z.array(pinModel) });

export const pinRequest = z
  .strictObject({
    ...addressed,
    ...pinWish.omit({ kind: true, expires: true }).shape,
    pin_expires_at: instant.optional(),
  })
  .refine(isAddressed, ONE);
export const unpinRequest = z
  .strictObject({ ...addressed, component: unpinWish.shape.component })
  .refine(isAddressed, ONE);

/** RollbackOperation: one that an agent reported, or one that is proposed to it. */
const rollbackFields = {
  id: z.string(),
  instance_id: instanceId,
  from_version: z.string().nullable(),
  to_version: z.string().nullable(),
  status: z.string(),
  created_at: instant,
  completed_at: instant.nullable(),
  reason: z.string(),
};
export const rollbackModel = z.object(rollbackFields);
export type RollbackModel = z.output<typeof rollbackModel>;
export const rollbacksMade = z.object({ count, rollbacks: z.array(rollbackModel) });
/** Each is also the deployment that it was. */
export const rollbackHistory = z.object({
  deployments: z.array(deploymentModel.extend(rollbackFields)),
});

export const rollbackRequest = z
  .strictObject({ ...addressed, to: rollbackWish.shape.to })
  .refine(isAddressed, ONE);

/** UpdatePolicy: a template that an install may be proposed. */
export const policyModel = z.object({
  id: proposalId,
  name,
  channel: z.enum(CHANNELS),
  /** Disabled, it can be neither adopted nor proposed. */
  enabled: z.boolean(),
  description: z.string().nullable(),
  windows: windows.nullable(),
  revision: z.int().min(1),
  created_at: instant,
  updated_at: instant,
});
export type PolicyModel = z.output<typeof policyModel>;
export const policiesList = z.object({ policies: z.array(policyModel) });
export const policyBody = z.strictObject({
  name,
  channel: z.enum(CHANNELS),
  enabled: z.boolean().default(true),
  description: prose.max(2_000).optional(),
  windows: policyTemplate.shape.windows,
});
export type PolicyBody = z.output<typeof policyBody>;

/** As many as one request can carry. */
export const MOST_MEMBERS = 10_000;
export const groupModel = z.object({
  name,
  description: z.string().nullable(),
  members: count,
  revision: z.int().min(1),
  created_at: instant,
  updated_at: instant,
});
export type GroupModel = z.output<typeof groupModel>;
export const groupsList = z.object({ groups: z.array(groupModel) });
export const groupWithMembers = groupModel.extend({ instances: z.array(instanceId) });
const members = z.array(instanceId).max(MOST_MEMBERS);
export const groupChange = z.strictObject({ description: prose.max(2_000).optional(), instances: members });
export const groupRequest = groupChange.extend({ name });

export const versionModel = z.object({
  /** `platform`, a suite, or `suite/capability`. */
  component: z.string(),
  level: z.enum(['platform', 'suite', 'capability']),
  version,
  /** How many instances run it, by their last reports. */
  instances: count,
});
export const versionsList = z.object({ versions: z.array(versionModel) });
