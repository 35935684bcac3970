// The fleet API: what people and the vendor's program ask the release server, and what it answers.
import { z } from 'zod';
import { digest, instant, line } from '../schema/common.ts';
import { DEPLOYMENT_STATES, deploymentRecord } from '../schema/deployment.ts';
import { changeStatusReply } from './publication.ts';
import { CHANNELS } from './report.ts';

/** What a token may do; every role may read, `admin` may do everything. */
export const TOKEN_ROLES = ['viewer', 'publisher', 'operator', 'security', 'admin'] as const;
export type TokenRole = (typeof TOKEN_ROLES)[number];

/** Every refusal of the server, with the status its code has in the catalogue. */
export const errorReply = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }),
});

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
};

/** GET /api/v1/instances?named=&limit=&offset=, by name */
export const instancesReply = z.strictObject({ instances: z.array(z.strictObject(instanceSummary)) });

/** GET /api/v1/instances/:id, with its newest report as received */
export const instanceReply = z.strictObject({ ...instanceSummary, report: z.unknown().nullable() });

export const fleetDeployment = z.strictObject({
  instance: z.string(),
  instanceName: line,
  state: z.enum(DEPLOYMENT_STATES),
  started: instant,
  updated: instant,
  record: deploymentRecord,
});

/** GET /api/v1/deployments?instance=&change=&limit=&offset=, newest first; also GET /api/v1/rollback/history */
export const deploymentsReply = z.strictObject({ deployments: z.array(fleetDeployment) });

/** GET /api/v1/changes?limit=&offset=, newest first; each change is the record as published */
export const changesReply = z.strictObject({ changes: z.array(z.unknown()) });

/** GET /api/v1/changes/:id */
export const changeReply = z.strictObject({
  change: z.unknown(),
  counts: changeStatusReply.shape.counts,
  deployments: z.array(fleetDeployment),
});

/** GET /api/v1/security/patches: every advisory and who runs an affected version by its last report */
export const patchesReply = z.strictObject({
  patches: z.array(
    z.strictObject({
      advisory: z.unknown(),
      exposed: z.array(
        z.strictObject({ instance: z.string(), name: line, component: z.string(), version: z.string() }),
      ),
    }),
  ),
});

export const auditEntry = z.strictObject({
  sequence: z.int().min(1),
  at: instant,
  actor: line,
  action: line,
  subject: z.string(),
  details: z.unknown(),
  /** Digest of the entry before; null on the first. */
  previous: digest.nullable(),
  /** Digest of this entry without this field. */
  digest,
});

/** GET /api/v1/audit?after=&limit=, oldest first */
export const auditReply = z.strictObject({ entries: z.array(auditEntry) });

export type InstancesReply = z.output<typeof instancesReply>;
export type InstanceReply = z.output<typeof instanceReply>;
export type FleetDeployment = z.output<typeof fleetDeployment>;
export type ChangeReply = z.output<typeof changeReply>;
export type PatchesReply = z.output<typeof patchesReply>;
export type AuditEntry = z.output<typeof auditEntry>;
