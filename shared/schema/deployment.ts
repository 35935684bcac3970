// What an instance deploys: the deployment manifest, the plan that leads to it, and the record it leaves.
import { z } from 'zod';
import { byteCount, componentKey, digest, instant, line, name, version } from './common.ts';

/** Why a component has its version. `forced:FL-…` names the advisory. */
export const origin = z
  .string()
  .regex(/^(?:pin:capability|pin:suite|pin:platform|latest|unchanged|forced:[A-Za-z0-9-]+)$/, {
    error: 'pin:capability, pin:suite, pin:platform, latest, unchanged or forced:ADVISORY',
  });

const levelChoice = { version, release: digest };

export const manifestComponent = z.strictObject({
  component: componentKey,
  version,
  /** Digest of the capability's release manifest. */
  release: digest,
  tree: digest,
  origin,
});

export const deploymentManifest = z.strictObject({
  schema: z.literal('fairlead/deployment@1'),
  platform: z.strictObject(levelChoice).nullable(),
  /** Sorted by name. */
  suites: z.array(z.strictObject({ name, ...levelChoice })),
  /** Sorted by component. */
  components: z.array(manifestComponent),
  /** Digest of the instance configuration's canonical JSON. */
  config: digest,
});

export const planReason = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('channel') }),
  z.strictObject({ kind: z.literal('forced'), advisories: z.array(line).min(1) }),
  z.strictObject({ kind: z.literal('manual') }),
  z.strictObject({ kind: z.literal('rollback'), generation: z.int().min(0) }),
]);

const wayBack = z.enum(['yes', 'snapshot', 'undeclared', 'no']);

const namedOverride = z.strictObject({ file: z.string(), digest });

/** In a generation, and since which one it has been in force without a break, and when. */
const overrideInForce = namedOverride.extend({
  component: componentKey,
  since: z.strictObject({ generation: z.int().min(0), at: instant }).optional(),
});

/** Compose files of the operator's that are laid over the releases'. */
export const overridesInForce = { overrides: z.array(overrideInForce).optional() };

export const planStep = z.strictObject({
  /** `reconfigure` restarts the same version with changed settings. */
  action: z.enum(['install', 'update', 'remove', 'reconfigure']),
  component: componentKey,
  from: version.nullable(),
  to: version.nullable(),
  /** Uncompressed bytes of the trees not yet in the store: the most this step can fetch. */
  bytes: byteCount,
  reversible: wayBack,
  /** The operator's compose file that is laid over the release's, and what stands in it. */
  override: namedOverride.exactOptional(),
});

export const plan = z.strictObject({
  schema: z.literal('fairlead/plan@1'),
  /** Digests of deployment manifests; `from` is null on an empty instance. */
  from: digest.nullable(),
  to: digest,
  reason: planReason,
  /** Sorted by component. */
  steps: z.array(planStep),
  /** Components in the order in which they stop and start. */
  stop: z.array(componentKey),
  start: z.array(componentKey),
  /** The least reversible of all steps. */
  reversible: wayBack,
});

export type Origin = z.output<typeof origin>;
export type ManifestComponent = z.output<typeof manifestComponent>;
export type DeploymentManifest = z.output<typeof deploymentManifest>;
export type PlanReason = z.output<typeof planReason>;
export type PlanStep = z.output<typeof planStep>;
export type Plan = z.output<typeof plan>;

export const DEPLOYMENT_STATES = [
  'planned',
  'fetching',
  'staged',
  'preflight',
  'stopping',
  'switching',
  'starting',
  'verifying',
  'soaking',
  'committed',
  'rolling-back',
  'rolled-back',
  'abandoned',
  'inconsistent',
] as const;
export type DeploymentState = (typeof DEPLOYMENT_STATES)[number];

export const FINAL_STATES = ['committed', 'rolled-back', 'abandoned', 'inconsistent'] as const;
export type FinalState = (typeof FINAL_STATES)[number];

/** Nothing leads on from here: the deployment has ended. */
export function isFinal(state: DeploymentState): state is FinalState {
  return FINAL_STATES.some((final) => final === state);
}

/** How the files of a version looked when it was left: what it had added, what was damaged, and whether that was mended. */
export const drift = z.strictObject({
  component: componentKey,
  added: z.int().min(0),
  damaged: z.int().min(0),
  mended: z.boolean(),
  /** One of the paths. */
  example: z.string().max(300),
});

/**
 * Whose word let a fix in that moves as little as can be: an order, or the local policy. What it moved beside the components that
 * its advisories affect, and what left that no choice; nothing else moved.
 */
export const fix = z.strictObject({
  by: z.enum(['order', 'policy']),
  advisories: z.array(line).min(1),
  beside: z.array(z.strictObject({ component: line, from: version.nullable(), to: version, because: line })),
});

/** How the files of a release came: by which way, in how many bytes, and why not by a patch that was offered. */
export const fetched = z.strictObject({
  way: z.enum(['pack', 'patch']),
  bytes: byteCount,
  instead: line.optional(),
});

/** What had to come from registries of images, and how long that took. */
export const pulled = z.strictObject({ bytes: byteCount, ms: z.int().min(0) });

/** How a service ended that runs once when its project starts, such as a migration. */
export const ranOnce = z.strictObject({
  service: z.string().max(200),
  /** Null where it was ended, because it took longer than `limitMs`. */
  exitStatus: z.int().nullable(),
  ms: z.int().min(0),
  limitMs: z.int().min(0),
  lastLines: z.array(z.string().max(200)).max(3),
});
/** More of them in one project are not told. */
export const MOST_RAN_ONCE = 16;
export const allRanOnce = z.array(ranOnce).max(MOST_RAN_ONCE);

/** What was deployed, when, why and how it ended. One per deployment, kept for good. */
export const deploymentRecord = z.strictObject({
  schema: z.literal('fairlead/record@1'),
  /** Counts up from 1 on each instance. */
  id: z.int().min(1),
  /** The generation this deployment creates or, for a rollback, returns to. */
  generation: z.int().min(0),
  previousGeneration: z.int().min(0).nullable(),
  reason: planReason,
  plan: digest,
  from: digest.nullable(),
  to: digest,
  /** `core/auth 1.0.0 → 1.0.1` and the pipeline change behind it, per changed component. */
  steps: z.array(
    z.strictObject({
      component: componentKey,
      from: version.nullable(),
      to: version.nullable(),
      change: z.string().nullable(),
    }),
  ),
  state: z.enum(DEPLOYMENT_STATES),
  /** Every state entered, in order. */
  stages: z.array(z.strictObject({ state: z.enum(DEPLOYMENT_STATES), at: instant })),
  /** Why it did not commit: an error code of the catalogue and its sentence. */
  failure: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  /** Unhealthy before it began: exempt from its health gate. */
  unhealthyBefore: z.array(componentKey).optional(),
  /** Where the files of what it left were not what was signed. */
  drift: z.array(drift).optional(),
  /** That it was a fix and nothing but. An earlier agent left it out, and so does one of today before an earlier server. */
  fix: fix.optional(),
  /** What had to be fetched for it, with that. An earlier agent left it out, and so does one of today before an earlier server. */
  fetched: z.array(fetched.extend({ component: componentKey })).optional(),
  /** What ran once at the starts of the way forward. It does not leave the install. */
  once: z.array(ranOnce.extend({ component: componentKey })).optional(),
  /** Images that were fetched for it, as a part of what came before the first stop. It does not leave the install. */
  pulled: pulled.optional(),
  /** Settings of the configuration on disk that a fix brought into force, because it cannot run without. */
  adopted: z.array(z.strictObject({ component: componentKey, key: name })).optional(),
  /** Connections to the versions it replaced side by side that were still open when those had to stop. */
  cutConnections: z.int().min(1).optional(),
  /** Who started it: `agent`, or the operating-system account behind a local command. */
  actor: line,
  /** Why a person started it, in their words. */
  note: line.optional(),
});

/** As the server hears of it. */
export const reportedRecord = deploymentRecord.omit({ once: true, pulled: true });

export type NamedOverride = z.output<typeof namedOverride>;
export type OverrideInForce = z.output<typeof overrideInForce>;
export type Fix = z.output<typeof fix>;
export type Fetched = z.output<typeof fetched>;
export type Pulled = z.output<typeof pulled>;
export type RanOnce = z.output<typeof ranOnce>;
export type Drift = z.output<typeof drift>;
export type DeploymentRecord = z.output<typeof deploymentRecord>;

/** One after the other, as they were fetched. */
export function sumOfPulled(all: readonly Pulled[]): Pulled {
  return all.reduce((sum, { bytes, ms }) => ({ bytes: sum.bytes + bytes, ms: sum.ms + ms }), {
    bytes: 0,
    ms: 0,
  });
}

/** What stands between a failure's cause and the last lines of its log. */
export const LOG_ENDS = '; its log ends: ';

/** Without the lines of the log: they are told once, where the failure itself is shown. */
export function causeOf(message: string): string {
  return message.split(LOG_ENDS, 1)[0] ?? message;
}
