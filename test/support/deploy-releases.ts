// Capability releases, manifests and plans for tests of the deployment engine.
import { configDigest, manifestDigest, planBetween } from '../../shared/compile/plan.ts';
import { digestOf } from '../../shared/encoding/digest.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import { deploymentManifest, type Plan, type PlanReason } from '../../shared/schema/deployment.ts';
import { type InstanceConfig, instanceConfig } from '../../shared/schema/instance.ts';
import {
  type CapabilityRelease,
  storedCapabilityRelease,
  type Verified,
} from '../../shared/schema/release.ts';

export interface Deployable {
  readonly manifest: ReturnType<typeof deploymentManifest.parse>;
  readonly releases: ReadonlyMap<ComponentKey, Verified<CapabilityRelease>>;
  readonly config: InstanceConfig;
}

export const AUTH = 'core/auth' as ComponentKey;
export const API = 'core/api' as ComponentKey;
export const WEB = 'core/web' as ComponentKey;

export type Extras = Readonly<Record<string, unknown>>;

/** As the agent has it on its disk: a release with one health probe, a smoke test and every kind of hook. */
export function releaseOf(
  component: ComponentKey,
  version: string,
  extras: Extras = {},
): Verified<CapabilityRelease> {
  const [suite, name] = component.split('/');
  const document = storedCapabilityRelease.parse({
    schema: 'fairlead/capability@1',
    suite,
    name,
    version,
    change: { id: 'CHG-42', revision: 'git:9f1c', scope: 'a fix', builtAt: '2026-01-30T10:00:00Z' },
    tree: { digest: digestOf(Buffer.from(`${component}@${version}`)), files: 1, bytes: 10 },
    service: { driver: 'process', exec: ['serve', `${component}@${version}`], stopTimeout: 'PT5S' },
    health: [
      { http: `http://${name}.test/`, startPeriod: 'PT10S', interval: 'PT2S', successes: 2, failures: 2 },
    ],
    smoke: [{ exec: ['smoke'] }],
    reversible: 'yes',
    hooks: {
      preflight: [{ exec: ['preflight'] }],
      snapshot: [{ exec: ['snapshot'] }],
      restore: [{ exec: ['restore'] }],
    },
    ...extras,
  });
  const bytes = Buffer.from(JSON.stringify(document));
  return { document, bytes, digest: digestOf(bytes) };
}

/** `versions` as `{ "core/auth": "1.0.0" }` or with a release of one's own. */
export function deployableOf(
  versions: Readonly<Record<string, string | Verified<CapabilityRelease>>>,
  settings: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>> = {},
): Deployable {
  const releases = new Map(
    Object.entries(versions)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => {
        const component = key as ComponentKey;
        return [component, typeof value === 'string' ? releaseOf(component, value) : value] as const;
      }),
  );
  const capabilities = Object.fromEntries(
    Object.entries(settings).map(([key, values]) => [key.split('/')[1], { settings: values }]),
  );
  const config = instanceConfig.parse({
    schema: 'fairlead/instance@1',
    suites: { core: { capabilities } },
  });
  const manifest = deploymentManifest.parse({
    schema: 'fairlead/deployment@1',
    platform: null,
    suites: [],
    components: [...releases].map(([component, release]) => ({
      component,
      version: release.document.version,
      release: release.digest,
      tree: release.document.tree.digest,
      origin: 'latest',
    })),
    config: configDigest(config),
  });
  return { manifest, releases, config };
}

export function planOf(
  from: Deployable | null,
  to: Deployable,
  reason: PlanReason = { kind: 'channel' },
): Plan {
  const plan = planBetween({ from, to, reason, stored: new Set() });
  if (plan === null) throw new Error('nothing to plan');
  return plan;
}

export function digestOfDeployable(deployable: Deployable): string {
  return manifestDigest(deployable.manifest);
}
