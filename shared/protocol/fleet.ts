// The fleet API: what people and the vendor's program ask the release server, and what it answers.
import { z } from 'zod';
import { changeRecord, fleetCounts } from '../change/change.ts';
import { durationMs } from '../encoding/instant.ts';
import type { JsonObject } from '../encoding/json.ts';
import { advisory } from '../schema/advisory.ts';
import { digest, duration, instant, line } from '../schema/common.ts';
import { DEPLOYMENT_STATES, reportedRecord } from '../schema/deployment.ts';
import { CHANNELS, instanceId, report } from './report.ts';

/** What a token may do; every role may read, `admin` may do everything. */
export const TOKEN_ROLES = ['viewer', 'publisher', 'operator', 'security', 'admin'] as const;
export type TokenRole = (typeof TOKEN_ROLES)[number];

const count = z.int().min(0);

function atMost(longest: string) {
  return duration.refine((span) => durationMs(span) <= durationMs(longest), { error: `at most ${longest}` });
}

/** How long a token may live at most: a month longer than the root, which its holder may have to publish. */
export const TOKEN_LIFETIME = 'P395D';

const validFor = atMost(TOKEN_LIFETIME);
/** With `customer` it sees this customer's instances and nothing else. */
export const tokenRequest = z
  .strictObject({ name: line, role: z.enum(TOKEN_ROLES), validFor, customer: z.uuid().optional() })
  .refine(({ role, customer }) => customer === undefined || role === 'viewer', {
    path: ['role'],
    error: 'viewer: a customer’s token sees its own instances, and changes nothing',
  });
/** So long the old text counts beside the new one: a program has it until somebody brings it the other. */
export const tokenRotation = z.strictObject({ validFor, overlap: atMost('P7D') });
const tokenSummary = {
  id: z.string(),
  name: line,
  role: z.enum(TOKEN_ROLES),
  created: instant,
  expires: instant,
  customer: z.string().optional(),
};
export const tokensReply = z.object({ tokens: z.array(z.object(tokenSummary)) });
/** The only answer that ever holds the text. */
export const tokenReply = z.object({ ...tokenSummary, token: z.string() });

/** Whose a credential is. */
export const whoReply = z.object({
  kind: z.enum(['token', 'person']),
  name: z.string(),
  roles: z.array(z.enum(TOKEN_ROLES)),
});

// Replies are objects that may gain fields: their readers pass over what they do not know.
const instanceSummary = {
  id: z.string(),
  name: line,
  hostname: line,
  agentVersion: line,
  enrolled: instant,
  lastSeen: instant.nullable(),
  channel: z.enum(CHANNELS).nullable(),
  manifest: digest.nullable(),
  verdict: z.string().nullable(),
  track: line.optional(),
  /** What it is, for the classes of rollouts and halts; absent where its agent does not say. */
  facts: z.record(z.string(), z.array(z.string())).optional(),
  /** When two agents last spoke in turns with its identity: a state directory was copied. */
  twinsHeard: instant.optional(),
  /** Whose it is; absent for the vendor's own. */
  customer: z.string().optional(),
  /** Why it is not let in; absent while it is. */
  standing: z
    .object({ state: z.enum(['isolated', 'retired']), since: instant, by: line, reason: line })
    .optional(),
  /** The server that its agent says it has gone to. */
  movedTo: z.string().optional(),
  /** What `If-Match` names. */
  revision: count.optional(),
};

/** Where the same list goes on stands in the header `Link` (RFC 8288). */
export const instancesReply = z.object({ instances: z.array(z.object(instanceSummary)) });

/** The newest report as received; its records are deployments of their own. */
export const storedReport = report.omit({ records: true });

export const instanceReply = z.object({ ...instanceSummary, report: storedReport.nullable() });

export const fleetDeployment = z.object({
  instance: z.string(),
  instanceName: line,
  state: z.enum(DEPLOYMENT_STATES),
  started: instant,
  updated: instant,
  record: reportedRecord,
});

/** Newest first; also the history of rollbacks. */
export const deploymentsReply = z.object({ deployments: z.array(fleetDeployment) });

/** Last published first; each is the record as published. */
export const changesReply = z.object({ changes: z.array(changeRecord) });

/** `deployments` holds the newest; the others are listed by `/deployments?change=`. */
export const changeReply = z.object({
  change: changeRecord,
  counts: fleetCounts,
  deployments: z.array(fleetDeployment),
});

const exposedComponent = z.object({
  instance: instanceId,
  name: line,
  component: z.string(),
  version: z.string(),
});

/** By each instance's last report. `exposed` holds some in a list, a page of all by name for one advisory; `exposedCount` counts all. */
const patch = z.object({ advisory, exposedCount: count, exposed: z.array(exposedComponent) });

export const patchReply = patch;
export const patchesReply = z.object({ patches: z.array(patch) });

/** What is enforced, and why: the reason goes with what is proposed. */
export const enforceRequest = z.strictObject({ advisory: z.string().max(100), reason: line });
export const enforceReply = z.object({
  advisory: z.string(),
  /** A signed order forces the fix on every channel: each agent takes it with its next question, and nothing is proposed. */
  ordered: z.boolean(),
  /** Affected components on instances, by their last reports. */
  exposed_count: count,
  /** Proposals that were made to deploy the fix; local policy decides. */
  proposed: count,
  /** Were proposed the same before, and have not answered. */
  waiting: count,
  /** No newer version that the advisory names as fixed is released, or too many proposals wait there already. */
  left_out: count,
  /** Others are exposed, too: ask again. */
  more: z.boolean(),
});

/** What an entry is about differs from action to action. */
const jsonObject = z.looseObject({}).transform((value) => value as JsonObject);

export const auditEntry = z.object({
  sequence: z.int().min(1),
  at: instant,
  actor: line,
  action: line,
  subject: z.string(),
  details: jsonObject,
  /** Digest of the entry before; null on the first. */
  previous: digest.nullable(),
  /** Digest of this entry without this field. */
  digest,
});

/** Oldest first. */
export const auditReply = z.object({ entries: z.array(auditEntry) });

export type InstancesReply = z.output<typeof instancesReply>;
export type StoredReport = z.output<typeof storedReport>;
export type FleetDeployment = z.output<typeof fleetDeployment>;
export type ChangeReply = z.output<typeof changeReply>;
export type ExposedComponent = z.output<typeof exposedComponent>;
export type AuditEntry = z.output<typeof auditEntry>;
