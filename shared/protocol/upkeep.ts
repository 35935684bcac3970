// What an operator asks about what runs: its logs, a rollback rehearsed, files repaired, people told; where a rollback leads, and when one may start.
import { z } from 'zod';
import { componentKey, digest, instant, line, version } from '../schema/common.ts';
import { planStep } from '../schema/deployment.ts';

const componentVersion = z
  .string()
  .max(260)
  .regex(/^[^@]+@[^@]+$/, { error: 'a generation number, or a version such as "core/auth@1.0.0"' })
  .transform((text) => {
    const [component, ran] = text.split('@');
    return { component, version: ran };
  })
  .pipe(z.strictObject({ component: componentKey, version }));

export const rollbackTo = z.union([z.int().min(0), componentVersion]);

/** A file of a live tree that is not as it was signed. */
export const deviation = z.strictObject({
  path: z.string(),
  problem: z.enum(['missing', 'changed', 'unexpected']),
});

/** POST /v1/rollback/rehearsal: what a rollback would do and cost, tried as far as that goes without stopping anything. */
export const rehearsalRequest = z.strictObject({ to: rollbackTo.optional() });

export const rehearsalReply = z.strictObject({
  schema: z.literal('fairlead/rehearsal@1'),
  at: instant,
  generation: z.int(),
  steps: z.array(planStep),
  /** A check without a problem holds. */
  checks: z.array(z.strictObject({ check: z.string(), problem: z.string().nullable() })),
  /** Components whose data go back to a snapshot: what was written since is lost. */
  restores: z.array(componentKey),
  /** The longest interruption of the last deployments; null when there was none to measure. */
  interruptionMs: z.number().nullable(),
});

export type RehearsalRequest = z.output<typeof rehearsalRequest>;
export type RehearsalReply = z.output<typeof rehearsalReply>;

/** POST /v1/logs: the last lines a service wrote, or those that a failed deployment left. */
export const MOST_LOG_LINES = 20_000;

export const logsRequest = z.strictObject({
  component: componentKey,
  /** Of the service as this deployment saw it fail; of what runs now unless given. */
  change: z.int().min(1).optional(),
  /** As closely as the driver knows, and rather a few lines more. */
  since: instant.optional(),
});

export const logsReply = z.strictObject({
  schema: z.literal('fairlead/logs@1'),
  component: componentKey,
  /** Whole lines, the newest last, without secrets and without characters that would move a terminal. */
  lines: z.array(z.string()).max(MOST_LOG_LINES),
});

export type LogsRequest = z.output<typeof logsRequest>;
export type LogsReply = z.output<typeof logsReply>;

/** POST /v1/verify/repair: the files of what runs made again what was signed. */
export const repairRequest = z.strictObject({
  reason: line,
  /** What was added beside the signed files goes, too. */
  removeAdded: z.boolean().default(false),
});

export const repairReply = z.strictObject({
  schema: z.literal('fairlead/repair@1'),
  at: instant,
  /** Only where something was found. */
  repairs: z.array(
    z.strictObject({
      component: componentKey,
      version,
      deviations: z.array(deviation),
      /** It may have loaded what was never signed. */
      restarted: z.boolean(),
      /** Added beside what was signed, and left. */
      added: z.int().min(0).default(0),
    }),
  ),
});

export type RepairRequest = z.output<typeof repairRequest>;
export type RepairReply = z.output<typeof repairReply>;

/** An opening: a time at which a deployment may start. */
export const opening = z.strictObject({
  opens: instant,
  /** Null: it stays open. */
  closes: instant.nullable(),
});

export type Opening = z.output<typeof opening>;

/** POST /v1/stage: what is on offer, on the disk now; nothing is applied. */
export const stageReply = z.strictObject({
  schema: z.literal('fairlead/staged@1'),
  /** Null when nothing is on offer. */
  plan: digest.nullable(),
  fetched: z.array(componentKey),
  present: z.array(componentKey),
});
export type StageReply = z.output<typeof stageReply>;

/** POST /v1/notices/test: everybody who is told of what stands is told something now, by the agent and as it is confined. */
export const noticesTestedReply = z.strictObject({
  schema: z.literal('fairlead/notices-tested@1'),
  /** By the way it went: null where it was taken, else why not. */
  tested: z.record(z.string(), z.string().nullable()),
});
export type NoticesTestedReply = z.output<typeof noticesTestedReply>;

/** Where an agent that can replace itself is started from; absent where it has no slots. */
export const slotsState = z.strictObject({
  current: z.enum(['a', 'b']),
  /** Null where a slot is empty. */
  versions: z.strictObject({ a: line.nullable(), b: line.nullable() }),
  /** A new agent that has not proved itself, or has and is not committed. */
  trial: z.strictObject({ component: componentKey, since: instant, from: z.enum(['a', 'b']) }).nullable(),
});

export type SlotsState = z.output<typeof slotsState>;
