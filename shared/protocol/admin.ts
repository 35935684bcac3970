// The local admin API: what the operator's command-line program and the agent say to each other over the unix socket.
import { z } from 'zod';
import { advisoryDetails } from '../schema/advisory-details.ts';
import { componentKey, digest, instant, line, name, sbomRef, supportEnd, version } from '../schema/common.ts';
import { decision } from '../schema/decision.ts';
import { deploymentRecord, origin, overridesInForce, plan } from '../schema/deployment.ts';
import { forecast } from '../schema/forecast.ts';
import { pin } from '../schema/pin.ts';
import { FIXES_FROM } from '../schema/policy.ts';
import { hintsState } from './hint.ts';
import { besidePlan } from './packages.ts';
import { CHANNELS } from './report.ts';
import { underWay } from './transfer.ts';
import { deviation, opening, rollbackTo, slotsState } from './upkeep.ts';

/** Name of the request header that carries the operator's account; see agent/engine/agent/admin-server.ts. */
export const ACTOR_HEADER = 'fairlead-actor';

/** Requests are short sentences; a larger one is a mistake or an attack. */
export const MAX_ADMIN_REQUEST_BYTES = 16 * 1024;
const component = z.strictObject({
  component: componentKey,
  version,
  tree: digest,
  origin,
  health: z.enum(['healthy', 'unhealthy', 'unknown']),
  /** `service`: `running (pid 812)`, `exited: status 1`, `absent`. `sbom`: as it was signed with the release. */
  ...{ service: z.string(), sbom: sbomRef.optional() },
});

const quarantined = z.strictObject({
  component: componentKey,
  /** Or `settings`, where a version that runs failed with others. */
  version: line,
  since: instant,
  reason: z.string(),
  record: z.int(),
  /** `until`: tried again by itself then. */
  ...{ until: instant.optional(), attempts: z.int().min(1).optional() },
});

/** The last round with the server. */
const contact = z.strictObject({
  ...{ at: instant, mirror: line.optional() },
  outcome: z.enum(['changed', 'unchanged', 'failed']),
  /** Why it failed: an error code of the catalogue and its sentence. */
  failure: z.strictObject({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
  next: instant,
});

/** GET /v1/status */
export const statusReply = z.strictObject({
  schema: z.literal('fairlead/status@1'),
  at: instant,
  ...{ agentVersion: line, slots: slotsState.optional() },
  instance: z.strictObject({
    id: z.string(),
    name: line,
    server: z.string(),
    /** The proxy the agent reaches its server through, as its own environment names it. */
    proxy: line.optional(),
  }),
  /** `fixesFrom`: from which severity on fixes come by themselves; absent where only orders force them. */
  ...{ channel: z.enum(CHANNELS), fixesFrom: z.enum(FIXES_FROM).optional(), track: name },
  /** Null on an empty instance. `support`: until when the vendor mends the platform that runs; absent where that is not said. */
  ...{ generation: z.int().nullable(), manifest: digest.nullable() },
  ...{ components: z.array(component), support: supportEnd.optional(), ...overridesInForce },
  decision,
  /** A decision about what is known now is being made: that above is the one before. */
  deciding: z.literal(true).optional(),
  freshness: z.strictObject({
    state: z.enum(['fresh', 'expired', 'clock-behind', 'never']),
    expires: instant.nullable(),
  }),
  contact: contact.nullable(),
  /** Null before the first attempt. */
  hints: hintsState.nullable().optional(),
  /** What holds everything but forced patches at the moment, also while nothing is on offer. */
  hold: z.strictObject({ until: instant, by: line, reason: line }).nullable(),
  /** The deployment under way, and what is being fetched. */
  ...{ inProgress: deploymentRecord.nullable(), ...underWay, quarantine: z.array(quarantined) },
  /** Reports kept on disk until the server takes them. */
  unsentReports: z.int(),
  /** What the vendor proposes and a person has yet to answer. */
  proposals: z.int().min(0).optional(),
  /** Why the server takes no report from here, and when it last heard another agent speak in this one’s name. */
  reporting: z
    .strictObject({
      refusal: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
      twinsHeard: instant.nullable(),
      off: z.literal(true).optional(),
    })
    .optional(),
  /** What needs a person, most urgent first. */
  alarms: z.array(z.string()),
});

/** One component that would change, why it gets its version, and what of its files still has to come, which `atMost` nobody has said yet. */
export const move = z.strictObject({
  action: z.enum(['install', 'update', 'remove', 'reconfigure']),
  component: componentKey,
  from: version.nullable(),
  to: version.nullable(),
  /** Null when it is removed. */
  origin: origin.nullable(),
  ...{ bytes: z.int(), atMost: z.literal(true).optional() },
  reversible: z.enum(['yes', 'snapshot', 'undeclared', 'no']),
});

/** What may be supposed: every approval given, windows open, holds released, no pins, channel `auto`. */
export const ASSUMPTIONS = ['approved', 'window', 'released', 'unpinned', 'auto'] as const;
export type Assumption = (typeof ASSUMPTIONS)[number];

/** POST /v1/what-if: the explanation of another moment, or under other conditions. */
export const whatIfRequest = z.strictObject({
  at: instant.optional(),
  assume: z.array(z.enum(ASSUMPTIONS)).max(ASSUMPTIONS.length).default([]),
});

/** GET /v1/explanation: the decision with what it would change. POST /v1/check asks the server first. */
export const explanationReply = z.strictObject({
  schema: z.literal('fairlead/explanation@1'),
  /** The moment it is about: another than now when something else was supposed. */
  at: instant,
  assumed: z.array(z.enum(ASSUMPTIONS)),
  decision,
  /** The decision on the record and whether it is this one; null where there is none, or for another moment. */
  recorded: z.strictObject({ since: instant, isSame: z.boolean() }).nullable().optional(),
  /** Null when nothing is on offer. */
  plan: plan.nullable(),
  moves: z.array(move),
  /** Every pin of the policy, and whether it holds; `by` are the advisories that override it. */
  pins: z.array(
    z.strictObject({
      pin,
      state: z.enum(['active', 'expired', 'overridden', 'unmatched']),
      by: z.array(z.string()),
      /** Why it protects nothing, where it does not. */
      problem: z.string().optional(),
    }),
  ),
  /** The longest interruption of the last deployments; null when none has been measured. */
  interruptionMs: z.number().nullable(),
  /** The longest that going back from what is on offer can take, and what that itself would; absent when nothing is. */
  ...{ rollbackMs: z.number().optional(), forecast: forecast.optional() },
  /** The deployment under way; null for another moment. The next three openings, from that moment on. */
  ...{ inProgress: deploymentRecord.nullable(), openings: z.array(opening) },
  contact: contact.nullable(),
  ...besidePlan,
});

/** `window` starts outside the policy's windows, `drift` though the files of what runs are damaged and cannot be mended. */
export const OVERRIDES = ['window', 'health', 'drift'] as const;
export type Override = (typeof OVERRIDES)[number];

/** POST /v1/apply: run the plan on offer now, whatever the channel waits for. */
export const applyRequest = z.strictObject({
  /** The plan the operator saw; another one by now is refused. */
  plan: digest.optional(),
  /** The operator's reason: demanded where the channel would not have applied the plan by itself. */
  reason: line.optional(),
  /** What is passed over, each by its name. Signatures, pins and quarantine never are. */
  override: z.array(z.enum(OVERRIDES)).max(OVERRIDES.length).default([]),
});

/** POST /v1/rollback */
export const rollbackRequest = z.strictObject({
  to: rollbackTo.optional(),
  reason: line,
  /** Critical advisories the target is open to, each accepted by its id. */
  acceptRisk: z.array(line).max(20).default([]),
});

/** POST /v1/apply and POST /v1/rollback answer once the deployment has its record; follow it by its number. */
export const startedReply = z.strictObject({ change: z.int().min(1) });

/** GET /v1/changes, oldest first. */
export const changesReply = z.strictObject({
  schema: z.literal('fairlead/changes@1'),
  changes: z.array(deploymentRecord),
});

/** GET /v1/changes/{number} */
export const changeReply = z.strictObject({
  schema: z.literal('fairlead/change@1'),
  ...{ change: deploymentRecord, ...underWay, ...overridesInForce },
});

/** POST /v1/verify: every live tree hashed again. */
export const verifyReply = z.strictObject({
  schema: z.literal('fairlead/verification@1'),
  at: instant,
  components: z.array(
    z.strictObject({
      component: componentKey,
      version,
      tree: digest,
      deviations: z.array(deviation),
    }),
  ),
});

/** GET /v1/advisories: every advisory the vendor published, and whether it affects what runs here. */
export const advisoriesReply = z.strictObject({
  schema: z.literal('fairlead/advisories@1'),
  advisories: z.array(
    z.strictObject({
      ...{ id: z.string(), title: z.string(), cves: z.array(z.string()) },
      severity: z.enum(['low', 'medium', 'high', 'critical']),
      ...{ published: instant, deadline: instant.nullable() },
      /** As the terms of the order say: whether the hole is in use already, and when its fix is forced here. */
      ...{ exploited: z.literal(true).optional(), forced: instant.optional() },
      ...{ withdrawn: z.boolean(), details: advisoryDetails.optional() },
      /** The running components it affects. */
      affects: z.array(componentKey),
    }),
  ),
});

/** DELETE /v1/quarantine/{suite}/{capability} */
export const liftRequest = z.strictObject({ reason: line });
export const liftReply = z.strictObject({ lifted: z.array(line) });

/** GET /v1/audit: every line of the audit log, verified, and where its chain stands. */
export const auditReply = z.strictObject({
  schema: z.literal('fairlead/audit-log@1'),
  lines: z.array(z.string()),
  ...{ count: z.int(), digest: digest.nullable() },
});

/** The answer to every request that is refused or fails. */
export const adminError = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string(), exit: z.int() }),
});

export type StatusReply = z.output<typeof statusReply>;
export type ExplanationReply = z.output<typeof explanationReply>;
export type Move = z.output<typeof move>;
export type WhatIfRequest = z.output<typeof whatIfRequest>;
export type ApplyRequest = z.output<typeof applyRequest>;
export type ApiRollbackRequest = z.output<typeof rollbackRequest>;
export type StartedReply = z.output<typeof startedReply>;
export type ChangeReply = z.output<typeof changeReply>;
export type ChangesReply = z.output<typeof changesReply>;
export type VerifyReply = z.output<typeof verifyReply>;
export type AuditReply = z.output<typeof auditReply>;
export type AdvisoriesReply = z.output<typeof advisoriesReply>;
export type LiftReply = z.output<typeof liftReply>;
export type Contact = z.output<typeof contact>;
