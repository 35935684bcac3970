// The change record: one vendor change with every pipeline stage it passed, each event chained to the one before.
import { z } from 'zod';
import { type Digest, digestOfValue } from '../encoding/digest.ts';
import { type ErrorCode, isErrorCode } from '../errors/catalogue.ts';
import { changeRef, digest, instant, line, version } from '../schema/common.ts';
import { treeRef } from '../schema/release.ts';

/** In this order; none may be skipped, reordered or merged. */
export const STAGES = [
  'intake',
  'build',
  'verification',
  'release',
  'deploy',
  'post-deploy',
  'completion',
] as const;
export type Stage = (typeof STAGES)[number];

const event = {
  at: instant,
  /** Who ran the command: the operating-system account and host. */
  actor: line,
  /** Digest of the event before; of the change's own fields for the first. */
  previous: digest,
};
const passed = z.literal('passed');
const verdict = z.enum(['passed', 'failed']);
const count = z.int().min(0);

export const checkResult = z.strictObject({ check: line, outcome: verdict, detail: line });

/**
 * How the release fares on the fleet, by the agents' own reports: each instance counts once, by its newest record with this
 * change in its steps. `failed` is abandoned or inconsistent.
 */
export const fleetCounts = z.strictObject({
  committed: count,
  rolledBack: count,
  inProgress: count,
  failed: count,
  /** Of `rolledBack` and `failed`: what the machine, the network or a person did, not the release. */
  environment: count.exactOptional(),
  /** Of `inProgress`: not heard of for a day. */
  silent: count.exactOptional(),
  /** Of `inProgress`: heard of, and far beyond the time that such deployments take. */
  overdue: count.exactOptional(),
  /** Of `committed`: what was deployed became unhealthy since, or was gone back from. */
  degraded: count.exactOptional(),
});

export const stageEvent = z.discriminatedUnion('stage', [
  z.strictObject({ stage: z.literal('intake'), outcome: passed, details: z.strictObject({}), ...event }),
  z.strictObject({
    stage: z.literal('build'),
    outcome: passed,
    /** `release` is the digest of the manifest's exact bytes; `tree` is null for suites and platforms. */
    details: z.strictObject({ release: digest, tree: treeRef.nullable(), reproduced: z.boolean() }),
    ...event,
  }),
  z.strictObject({
    stage: z.literal('verification'),
    outcome: verdict,
    details: z.strictObject({ release: digest, checks: z.array(checkResult).min(1).max(100) }),
    ...event,
  }),
  z.strictObject({
    stage: z.literal('release'),
    outcome: passed,
    details: z.strictObject({ release: digest, path: line }),
    ...event,
  }),
  z.strictObject({
    stage: z.literal('deploy'),
    outcome: passed,
    /** The signed document that deploys it: a rollout, or a critical advisory that names it as the fix. */
    details: z.strictObject({ release: digest, order: line, document: digest }),
    ...event,
  }),
  z.strictObject({
    stage: z.literal('post-deploy'),
    outcome: verdict,
    details: z.strictObject({
      release: digest,
      counts: fleetCounts,
      /** Why a person lets machines that failed by themselves, or fell silent, be. */
      acknowledged: line.exactOptional(),
    }),
    ...event,
  }),
  z.strictObject({
    stage: z.literal('completion'),
    /** `failed` ends the change as rolled back. */
    outcome: verdict,
    /** The release that instances return to; null when there is none before, and on success. */
    details: z.strictObject({ release: digest, returnsTo: digest.nullable() }),
    ...event,
  }),
  z.strictObject({
    /** No stage: the end of a change of which nothing was released. Its version is free again. */
    stage: z.literal('abandonment'),
    outcome: z.literal('failed'),
    details: z.strictObject({ reason: line }),
    ...event,
  }),
]);

export const changeRecord = z.strictObject({
  schema: z.literal('fairlead/change@1'),
  id: changeRef.shape.id,
  /** `platform`, a suite's name, or `suite/capability`. */
  component: z
    .string()
    .max(129)
    .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?:\/[a-z][a-z0-9]*(?:-[a-z0-9]+)*)?$/, {
      error: '"platform", a suite such as "core", or a capability such as "core/auth"',
    }),
  version,
  revision: line,
  scope: line,
  /** Its Definition of Done: the share of deployments that may go wrong through the release itself. Absent: the default, for good. */
  tolerance: z
    .string()
    .regex(/^(?:100|\d{1,2}(?:\.\d{1,2})?)%$/, { error: 'a share such as "2%" or "0.5%"' })
    .exactOptional(),
  stages: z.array(stageEvent).min(1).max(1000),
  /** What was built; null before. Always what the build event says. */
  release: digest.nullable(),
  tree: treeRef.nullable(),
  result: z.enum(['open', 'completed', 'rolled-back', 'abandoned']),
});

export type ChangeRecord = z.output<typeof changeRecord>;
export type StageEvent = z.output<typeof stageEvent>;
export type CheckResult = z.output<typeof checkResult>;
export type FleetCounts = z.output<typeof fleetCounts>;
export type ChangeFields = Pick<
  ChangeRecord,
  'id' | 'component' | 'version' | 'revision' | 'scope' | 'tolerance'
>;

/** Digest that the next event of this record must carry as `previous`. */
export function chainHead(record: Pick<ChangeRecord, 'stages'> & ChangeFields): Digest {
  const last = record.stages.at(-1);
  if (last !== undefined) return digestOfValue(last);
  return digestOfValue(intakeOf(record));
}

/** What a change was opened with, and nothing of what came of it. */
export function intakeOf({ id, component, version, revision, scope, tolerance }: ChangeFields): ChangeFields {
  const intake = { id, component, version, revision, scope };
  return tolerance === undefined ? intake : { ...intake, tolerance };
}

/** Only what the release itself does is its fault; a full disk, a power cut or a lost network never is. */
export const RELEASE_FAULTS = [
  'service/start-failed',
  'deploy/hook-failed',
  'deploy/unhealthy',
  'deploy/exited',
  'deploy/smoke-failed',
  'deploy/unknown-variable',
  'deploy/went-down',
] as const satisfies readonly ErrorCode[];

/** A code that nobody here knows counts against the release: an excuse has to be understood. */
export function isSurroundings(code: string): boolean {
  return isErrorCode(code) && !(RELEASE_FAULTS as readonly string[]).includes(code);
}
