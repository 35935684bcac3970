// Scenarios: catalogs, instances and policies in the few words a decision table needs.

import { NOTHING_MOVES } from '../../shared/compile/emergency.ts';
import { configDigest, planBetween, planDigest } from '../../shared/compile/plan.ts';
import type { OrderedAdvisory, ScopedHalt } from '../../shared/compile/releases.ts';
import type { CompileInput, KnownFacts, Target } from '../../shared/compile/target.ts';
import { canonicalize } from '../../shared/encoding/canonical.ts';
import { type Digest, digestOf } from '../../shared/encoding/digest.ts';
import { instantMs } from '../../shared/encoding/instant.ts';
import type { ApplyCommand, DecideInput, QuarantineNote } from '../../shared/policy/decide-input.ts';
import { advisory } from '../../shared/schema/advisory.ts';
import type { Classes } from '../../shared/schema/classes.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { Decision, Verdict } from '../../shared/schema/decision.ts';
import type {
  DeploymentManifest,
  DeploymentRecord,
  Plan,
  PlanReason,
} from '../../shared/schema/deployment.ts';
import { LOG_ENDS } from '../../shared/schema/deployment.ts';
import type { Forecast } from '../../shared/schema/forecast.ts';
import { instanceConfig } from '../../shared/schema/instance.ts';
import { orderTerms } from '../../shared/schema/order-terms.ts';
import { parseDocument } from '../../shared/schema/parse-document.ts';
import { pin } from '../../shared/schema/pin.ts';
import { fixesFrom, policy } from '../../shared/schema/policy.ts';
import { type CapabilityRelease, type Release, release, type Verified } from '../../shared/schema/release.ts';
import { componentNameOf, parseRef, type ReleaseRef } from '../../shared/schema/release-ref.ts';
import { halt, type Rollout, rollout } from '../../shared/schema/rollout.ts';
import { compile, compileEmergency, compileFixes, decide } from './finished.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * `"rollout"`: `true` reaches everyone (the default), `false` is none, a state is itself. `classes` are whom it is for, `first`
 * those whom it reaches at once.
 */
export interface ReleaseSpec {
  readonly requires?: Readonly<Record<string, string>>;
  readonly ships?: Readonly<Record<string, string>>;
  readonly settings?: Json;
  readonly reversible?: string;
  readonly requiredStop?: boolean;
  readonly rollout?:
    | boolean
    | 'paused'
    | 'withdrawn'
    | {
        readonly after: string;
        readonly classes?: Classes;
        readonly first?: Classes;
        readonly track?: string;
        readonly paused?: boolean;
      };
}

export interface AdvisorySpec {
  readonly affected: Readonly<Record<string, string>>;
  readonly fixed?: readonly string[];
  readonly severity?: string;
  readonly notice?: string;
  readonly deadline?: string;
  readonly withdrawn?: boolean;
  /** When the order's only wave opens. */
  readonly forcedFrom?: string;
}

export interface Scenario {
  readonly now?: string;
  /** Keys are `core/auth@1.0.0`. */
  readonly releases: Readonly<Record<string, ReleaseSpec>>;
  /** What runs, as references; without it the instance is empty. Origins other than `latest` stand behind a blank. */
  readonly runs?: readonly string[];
  /** The configuration's `suites`; everything is enabled without it. */
  readonly suites?: Json;
  readonly advisories?: Readonly<Record<string, AdvisorySpec>>;
  /** `core/auth` to a version expression, or to that and when it expires. */
  readonly pins?: Readonly<Record<string, string | { readonly version: string; readonly expires: string }>>;
  readonly quarantined?: readonly string[];
  /** Reference to the instant at which the halt ends, or to that and whom it stops. */
  readonly halts?: Readonly<Record<string, string | { readonly expires: string; readonly classes: Classes }>>;
  readonly facts?: KnownFacts;
  readonly policy?: Json | 'unreadable';
  readonly config?: 'unreadable';
  /** Deployments so far, of the plan that is desired. */
  readonly attempts?: (plan: Digest) => readonly DeploymentRecord[];
  readonly freshness?: DecideInput['freshness']['state'];
  readonly approvals?: readonly {
    readonly by: string;
    readonly says: 'approve' | 'deny';
    readonly expires?: string;
    readonly plan?: string;
  }[];
  readonly command?: Partial<ApplyCommand>;
  /** Milliseconds that what is on offer needs until it is committed, without its files; nobody knows without it. */
  readonly takes?: number;
  /** Those that its files need to come. */
  readonly fetches?: number;
  readonly host?: Partial<DecideInput['host']>;
}

export interface Expected {
  readonly verdict: Verdict;
  readonly target: 'desired' | 'emergency' | null;
  /** `core/auth 1.0.0 → 1.1.0`, by component. */
  readonly moves: readonly string[];
  readonly blockers: readonly string[];
}

export const NOW = '2026-03-02T12:00:00Z';
export const INSTANCE = '6f1c0d0e-0000-4000-8000-000000000001';

export function decideScenario(scenario: Scenario): {
  decision: Decision;
  input: DecideInput;
  plan: Plan | null;
} {
  const compileInput = compileInputOf(scenario);
  const { current } = compileInput;
  const result = compile(compileInput);
  const emergency = compileEmergency(compileInput);
  const stored = new Set<string>();
  const desiredPlan =
    result.kind === 'compiled'
      ? planBetween({ from: current, to: result.target, reason: { kind: 'channel' }, stored })
      : null;
  const forced: PlanReason = { kind: 'forced', advisories: [...emergency.advisories] };
  const emergencyPlan =
    emergency.target === null
      ? null
      : planBetween({ from: current, to: emergency.target, reason: forced, stored });
  const fixes = emergency.target === null ? compileFixes(compileInput) : NOTHING_MOVES;
  const fixPlan =
    fixes.target === null
      ? null
      : planBetween({ from: current, to: fixes.target, reason: { kind: 'channel' }, stored });
  const input: DecideInput = {
    now: compileInput.now,
    policy:
      scenario.policy === 'unreadable'
        ? { kind: 'unreadable', problem: 'unexpected end of file' }
        : { kind: 'readable', policy: policyOf(scenario.policy ?? {}) },
    freshness: { state: scenario.freshness ?? 'fresh', expires: null },
    advisories: compileInput.catalog.advisories,
    current: current?.manifest ?? null,
    desired: { result, plan: desiredPlan, forecast: forecastIn(scenario) },
    emergency: { result: emergency, plan: emergencyPlan },
    fixes: { result: fixes, plan: fixPlan, forecast: forecastIn(scenario) },
    approvals: (scenario.approvals ?? []).map((one) => ({
      plan: one.plan ?? (desiredPlan === null ? '' : planDigest(desiredPlan)),
      verdict: one.says,
      approver: one.by,
      expires: instantMs(one.expires ?? '2026-03-09T00:00:00Z'),
    })),
    config:
      scenario.config === 'unreadable'
        ? { kind: 'unreadable', problem: 'instance.json ends early', hint: 'mend it' }
        : { kind: 'readable', config: compileInput.config },
    quarantine: quarantineOf(scenario),
    attempts: desiredPlan === null ? [] : (scenario.attempts?.(planDigest(desiredPlan)) ?? []),
    host: { deploymentInProgress: false, inconsistent: false, ...scenario.host },
    command:
      scenario.command === undefined
        ? null
        : { actor: 'admin', reason: 'because', override: [], ...scenario.command },
  };
  const decision = decide(input);
  const wanted = decision.fix === undefined ? desiredPlan : fixPlan;
  return { decision, input, plan: emergencyPlan ?? wanted };
}

function forecastIn({ takes, fetches = 0 }: Scenario): Forecast | null {
  if (takes === undefined) return null;
  const [fetchMs, interruptionMs] = [fetches, takes];
  return {
    bytes: fetches,
    fetchMs,
    prepareMs: 0,
    interruptionMs,
    soakMs: 0,
    totalMs: fetches + takes,
    runs: 1,
  };
}

export function summarize(scenario: Scenario): Expected {
  const { decision, plan } = decideScenario(scenario);
  return {
    verdict: decision.verdict,
    target: decision.target?.kind ?? null,
    moves: decision.target === null ? [] : movesOf(plan),
    blockers: decision.blockers.map((blocker) => blocker.code),
  };
}

export function movesOf(plan: Plan | null): readonly string[] {
  return (plan?.steps ?? []).map(
    (step) => `${step.component} ${step.from ?? 'nothing'} → ${step.to ?? 'nothing'}`,
  );
}

export function policyOf(part: Json) {
  return parseDocument(policy, { schema: 'fairlead/policy@1', ...part }, 'policy.json');
}

export function compileInputOf(scenario: Scenario): CompileInput {
  const releases = new Map(
    Object.entries(scenario.releases).map(([text, spec]) => [text, buildRelease(parseRef(text), spec)]),
  );
  const config = instanceConfig.parse({
    schema: 'fairlead/instance@1',
    suites: scenario.suites ?? { '*': {} },
  });
  const digestOfRef = (text: string) => releases.get(text)?.digest ?? digestOf(canonicalize(text));
  return {
    instance: INSTANCE,
    now: instantMs(scenario.now ?? NOW),
    config,
    catalog: {
      releases: [...releases.values()],
      rollouts: Object.entries(scenario.releases).flatMap(([text, spec]) =>
        buildRollout(parseRef(text), digestOfRef(text), spec.rollout ?? true),
      ),
      advisories: Object.entries(scenario.advisories ?? {}).map(buildAdvisory),
      halts: Object.entries(scenario.halts ?? {}).map(([text, how]) => buildHalt(digestOfRef(text), how)),
    },
    pins: Object.entries(scenario.pins ?? {}).map(([on, wanted]) => buildPin(on, wanted)),
    current: scenario.runs === undefined ? null : targetRunning(scenario.runs, releases, config),
    fixesFrom: fixesFrom(policyOf(scenario.policy === 'unreadable' ? {} : (scenario.policy ?? {}))),
    quarantined: new Set((scenario.quarantined ?? []).map(digestOfRef)),
    ...(scenario.facts === undefined ? {} : { facts: scenario.facts }),
  };
}

function buildHalt(digest: string, how: NonNullable<Scenario['halts']>[string]): ScopedHalt {
  const { expires, ...scope } = typeof how === 'string' ? { expires: how } : how;
  const document = halt.parse({
    schema: 'fairlead/halt@1',
    ...{ digest, reason: 'errors in the first wave', issued: '2026-03-01T00:00:00Z', expires },
  });
  return { ...document, ...scope };
}

/** As the agent keeps it: every entry says how it came to be. */
export function quarantineOf(scenario: Scenario): readonly QuarantineNote[] {
  return (scenario.quarantined ?? []).map((text) => {
    const ref = parseRef(text);
    const release = buildRelease(ref, scenario.releases[text] ?? {}).digest;
    const reason = `rolled back by alice: it was slow${LOG_ENDS}out of memory`;
    return { component: componentNameOf(ref), version: ref.version, release, reason, record: 7 };
  });
}

export function buildRelease(ref: ReleaseRef, spec: ReleaseSpec = {}): Verified<Release> {
  const common = {
    version: ref.version,
    change: { id: 'CHG-1', revision: 'git:1', scope: 'test', builtAt: '2026-01-01T00:00:00Z' },
    requires: spec.requires ?? {},
    requiredStop: spec.requiredStop ?? false,
  };
  const document = release.parse(
    ref.kind === 'platform'
      ? { schema: 'fairlead/platform@1', suites: spec.ships ?? {}, ...common }
      : ref.kind === 'suite'
        ? { schema: 'fairlead/suite@1', name: ref.name, capabilities: spec.ships ?? {}, ...common }
        : {
            schema: 'fairlead/capability@1',
            suite: ref.suite,
            name: ref.name,
            tree: { digest: digestOf(canonicalize({ ...ref })), files: 1, bytes: 100 },
            service: { driver: 'process', exec: ['node', 'server.js'] },
            settings: spec.settings ?? {},
            reversible: spec.reversible ?? 'yes',
            ...common,
          },
  );
  const bytes = canonicalize(document as never);
  return { document, bytes, digest: digestOf(bytes) };
}

function buildRollout(
  ref: ReleaseRef,
  digest: string,
  state: NonNullable<ReleaseSpec['rollout']>,
): readonly Rollout[] {
  if (state === false) return [];
  const { after, classes, first, track, paused } = typeof state === 'object' ? state : { after: 'PT0S' };
  return [
    rollout.parse({
      schema: 'fairlead/rollout@1',
      release: ref,
      digest,
      track: track ?? 'stable',
      ...(classes === undefined ? {} : { classes }),
      seed: 'seed',
      start: '2026-03-01T00:00:00Z',
      waves: [
        ...(first === undefined ? [] : [{ percent: 100, after: 'PT0S', classes: first }]),
        { percent: 100, after },
      ],
      paused: paused ?? state === 'paused',
      withdrawn: state === 'withdrawn',
    }),
  ];
}

function buildAdvisory([id, spec]: readonly [string, AdvisorySpec]): OrderedAdvisory {
  const { forcedFrom: start } = spec;
  if (start === undefined) return buildPlainAdvisory(id, spec);
  const waves = [{ percent: 100, after: 'PT0S' }];
  const terms = { schema: 'fairlead/order-terms@1', advisory: id, seed: 'seed', start, waves };
  return { ...buildPlainAdvisory(id, spec), terms: parseDocument(orderTerms, terms, 'terms') };
}

function buildPlainAdvisory(id: string, spec: AdvisorySpec) {
  const severity = spec.severity ?? 'critical';
  return parseDocument(
    advisory,
    {
      schema: 'fairlead/advisory@1',
      id,
      title: 'a weakness',
      severity,
      cves: [],
      affected: Object.entries(spec.affected).map(([component, versions]) => ({ component, versions })),
      fixed: (spec.fixed ?? []).map((text) => {
        const [component, version] = text.split('@');
        return { component, version };
      }),
      ...(severity === 'critical'
        ? { order: { notice: spec.notice ?? 'PT0S', deadline: spec.deadline ?? '2026-03-31T00:00:00Z' } }
        : {}),
      published: '2026-03-02T00:00:00Z',
      withdrawn: spec.withdrawn ?? false,
    },
    id,
  );
}

function buildPin(on: string, wanted: string | { readonly version: string; readonly expires: string }) {
  const level = on === 'platform' ? 'platform' : on.includes('/') ? 'capability' : 'suite';
  const details = typeof wanted === 'string' ? { version: wanted } : wanted;
  return pin.parse({
    level,
    ...(level === 'platform' ? {} : { name: on }),
    owner: 'admin',
    reason: 'tested',
    ...details,
  });
}

function targetRunning(
  runs: readonly string[],
  releases: ReadonlyMap<string, Verified<Release>>,
  config: Target['config'],
): Target {
  const parts = runs.map((text) => {
    const [ref = '', origin = 'latest'] = text.split(' ');
    const verified = releases.get(ref) ?? buildRelease(parseRef(ref));
    return { ref: parseRef(ref), verified, origin };
  });
  const capabilities = parts.flatMap(({ verified, origin }) =>
    verified.document.schema === 'fairlead/capability@1'
      ? [{ verified: verified as Verified<CapabilityRelease>, origin }]
      : [],
  );
  const keyOf = ({ document }: Verified<CapabilityRelease>) =>
    `${document.suite}/${document.name}` as ComponentKey;
  const platform = parts.find(({ ref }) => ref.kind === 'platform');
  const manifest: DeploymentManifest = {
    schema: 'fairlead/deployment@1',
    platform:
      platform === undefined ? null : { version: platform.ref.version, release: platform.verified.digest },
    suites: parts
      .flatMap(({ ref, verified }) =>
        ref.kind === 'suite' ? [{ name: ref.name, version: ref.version, release: verified.digest }] : [],
      )
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    components: capabilities
      .map(({ verified, origin }) => ({
        component: keyOf(verified),
        version: verified.document.version,
        release: verified.digest,
        tree: verified.document.tree.digest,
        origin,
      }))
      .sort((a, b) => (a.component < b.component ? -1 : 1)),
    config: configDigest(config),
  };
  return {
    manifest,
    releases: new Map(capabilities.map(({ verified }) => [keyOf(verified), verified])),
    config,
  };
}
