// Rendering: a release, its settings and its directories become a service, probes, smoke tests and hooks ready to run.

import type { FilledSettings } from '../../../shared/compile/references.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { durationMs } from '../../../shared/encoding/instant.ts';
import { parseTemplate } from '../../../shared/encoding/text.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { type ComponentKey, componentKeyOf } from '../../../shared/schema/common.ts';
import { type DriverName, renderService, type ServicePart } from '../../../shared/schema/drivers/drivers.ts';
import type { InstanceConfig, Override } from '../../../shared/schema/instance.ts';
import { type HealthProbe, renderProbe } from '../../../shared/schema/probes/probes.ts';
import type { CapabilityRelease, Verified } from '../../../shared/schema/release.ts';
import { commandTexts } from '../../../shared/schema/release-text.ts';
import type { Hook } from '../../../shared/schema/service.ts';
import type { Command, Probe, ProbeRule } from './health.ts';

export interface HealthCheck {
  readonly probe: Probe;
  readonly rule: ProbeRule;
}

/** Everything needed to run and judge one component. Secrets may stand in it: never log or record it. */
export interface RunnableComponent {
  readonly component: ComponentKey;
  readonly unit: ServiceUnit;
  readonly health: readonly HealthCheck[];
  readonly smoke: readonly Command[];
  readonly preflight: readonly Command[];
  readonly snapshot: readonly Command[];
  readonly restore: readonly Command[];
  /** Secret settings that stand in a command, where every account of the machine can read them. */
  readonly exposed: readonly { readonly field: string; readonly setting: string }[];
}

export interface RenderInput {
  readonly release: Verified<CapabilityRelease>;
  /** As configured, references unread: they make the unit's identity without telling a secret. */
  readonly configured: FilledSettings;
  /** The same with every reference read. */
  readonly settings: FilledSettings;
  /** Names of those that are secret. */
  readonly secrets: readonly string[];
  /** What this install's operator allows it beyond what every service may. */
  readonly allow?: readonly string[] | undefined;
  /** The operator's compose file, over the release's. */
  readonly override?: Override | undefined;
  /** How its images are had; nothing where it fetches none. */
  readonly registries?: InstanceConfig['registries'] | undefined;
  readonly treeDirectory: string;
  readonly dataDirectory: string;
}

/** Error: deploy/unknown-variable, naming field and variable. */
export function render(input: RenderInput): RunnableComponent {
  const release = input.release.document;
  const component = componentKeyOf(release.suite, release.name);
  const fill = filler(component, input);
  const unit = renderUnit(component, input, fill);
  const { env, workingDirectory, dataDirectory, user } = unit;
  const command = (exec: readonly string[], timeout: string): Command => ({
    ...{ kind: 'exec', exec, env, workingDirectory, dataDirectory, user },
    timeoutMs: durationMs(timeout),
  });
  const hook = (field: string) => (spec: Hook) =>
    command(
      spec.exec.map((text) => fill(text, field)),
      spec.timeout,
    );
  return {
    component,
    unit,
    health: release.health.map((spec) => renderCheck(spec, { fill, command, input })),
    smoke: release.smoke.map(hook('smoke')),
    preflight: release.hooks.preflight.map(hook('hooks.preflight')),
    snapshot: release.hooks.snapshot.map(hook('hooks.snapshot')),
    restore: release.hooks.restore.map(hook('hooks.restore')),
    exposed: exposedIn(release, new Set(input.secrets)),
  };
}

function exposedIn(release: CapabilityRelease, secrets: ReadonlySet<string>) {
  return commandTexts(release).flatMap(([path, text]) =>
    parseTemplate(text).flatMap((part) => {
      const setting = part.kind === 'variable' ? part.name.replace(/^settings\./, '') : '';
      return secrets.has(setting) ? [{ field: path.join('.'), setting }] : [];
    }),
  );
}

type Fill = (text: string, field: string) => string;

function renderUnit(component: ComponentKey, input: RenderInput, fill: Fill): ServiceUnit {
  const part = renderService(input.release.document.service, {
    tree: input.treeDirectory,
    fill: (text, key) => fill(text, `service.${key}`),
  });
  return { ...renderBase(component, input, fill), ...part };
}

/** What the units of every driver have. */
function renderBase(component: ComponentKey, input: RenderInput, fill: Fill) {
  const service = input.release.document.service;
  // Where nothing is allowed, a unit is known by what it was known by before anything could be.
  const allowed = input.allow === undefined ? {} : { allow: input.allow };
  const { override } = input;
  const overridden = override === undefined ? {} : { override };
  const said = override === undefined ? {} : { override: override.text ?? '' };
  const env = Object.entries(service.env).map(([key, value]) => [key, fill(value, `service.env.${key}`)]);
  return {
    component,
    env: Object.fromEntries(env) as Record<string, string>,
    user: 'user' in service ? (service.user ?? null) : null,
    workingDirectory: input.treeDirectory,
    dataDirectory: input.dataDirectory,
    stopTimeoutMs: durationMs(service.stopTimeout),
    writable: (input.release.document.writable ?? []).map((path) => `${input.treeDirectory}/${path}`),
    ...allowed,
    ...overridden,
    ...(input.registries === undefined ? {} : { registries: input.registries }),
    identity: digestOfValue({
      release: input.release.digest,
      settings: input.configured,
      ...allowed,
      ...said,
    }),
  };
}

interface CheckParts {
  readonly fill: Fill;
  readonly command: (exec: readonly string[], timeout: string) => Command;
  readonly input: RenderInput;
}

function renderCheck(spec: HealthProbe, { fill, command, input }: CheckParts): HealthCheck {
  const rule: ProbeRule = {
    startPeriodMs: durationMs(spec.startPeriod),
    intervalMs: durationMs(spec.interval),
    timeoutMs: durationMs(spec.timeout),
    successes: spec.successes,
    failures: spec.failures,
  };
  const question = renderProbe(spec, {
    tree: input.treeDirectory,
    data: input.dataDirectory,
    fill: (text, key) => fill(text, `health.${key}`),
  });
  if (question.kind === 'exec')
    return { rule, probe: { ...command(question.exec, spec.timeout), isRecurring: true } };
  return { rule, probe: { ...question, timeoutMs: rule.timeoutMs } };
}

// One pass over the vendor's text: what a setting holds is never expanded again, so neither a secret nor an
// operator's value can smuggle in a variable, and a vendor's `${file:…}` reads nothing.
function filler(component: ComponentKey, input: RenderInput): Fill {
  const values = new Map<string, string>([
    ['dir.tree', input.treeDirectory],
    ['dir.data', input.dataDirectory],
    ...Object.entries(input.settings).map(([name, value]) => [`settings.${name}`, String(value)] as const),
  ]);
  const fillVariable = (variable: string, field: string): string => {
    const value = values.get(variable);
    if (value !== undefined) return value;
    throw new FairleadError('deploy/unknown-variable', { component, field, variable });
  };
  return (text, field) =>
    parseTemplate(text)
      .map((part) => (part.kind === 'variable' ? fillVariable(part.name, field) : part.text))
      .join('');
}

/** A capability ready to run: every `${…}` resolved. Secrets may stand in `env`: never log or record a unit. */
export type ServiceUnit = UnitBase & ServicePart;

export type { DriverName };
/** What one driver runs, by its name. */
export type UnitOf<Name extends DriverName> = UnitBase & Extract<ServicePart, { readonly kind: Name }>;

/** One program, run by the agent itself or by systemd. */
export type ProgramUnit = UnitOf<'process' | 'systemd'>;

interface UnitBase {
  readonly component: ComponentKey;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | null;
  readonly workingDirectory: string;
  /** Kept across versions, owned by the service's account; also its HOME. */
  readonly dataDirectory: string;
  readonly stopTimeoutMs: number;
  /** Directories of the tree that the service's account may write to; none where absent. */
  readonly writable?: readonly string[];
  /** What the operator lets its containers reach of the machine; nothing where absent. */
  readonly allow?: readonly string[];
  /** The operator's compose file, laid over the release's; none where absent. Secrets may stand in it. */
  readonly override?: Override;
  /** How images are had whose release says only where they are; their passwords are read when they are told. */
  readonly registries?: NonNullable<InstanceConfig['registries']>;
  /** Where another version may stand beside it; absent of programs, which need not know. */
  readonly slot?: UnitSlot;
  /** Digest of release and settings with secrets left unresolved: equal identities are the same unit. */
  readonly identity: string;
}

export interface UnitSlot {
  /** The component, under whose name both versions have their volumes. */
  readonly of: ComponentKey;
  /** Volumes that both may write to. */
  readonly volumes: readonly string[];
  readonly publicPort: number;
  /** What it publishes in its place. */
  readonly port: number;
}
