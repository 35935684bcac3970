// Rendering: a release, its settings and its directories become a service, probes, smoke tests and hooks ready to run.
import type { FilledSettings } from '../../../shared/compile/references.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { durationMs } from '../../../shared/encoding/duration.ts';
import { parseTemplate } from '../../../shared/encoding/template.ts';
import { assertNever } from '../../../shared/errors/assert-never.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { type ComponentKey, componentKeyOf } from '../../../shared/schema/common.ts';
import type { CapabilityRelease, Verified } from '../../../shared/schema/release.ts';
import { commandTexts } from '../../../shared/schema/release-text.ts';
import type { HealthProbe, Hook } from '../../../shared/schema/service.ts';
import type { ProbeRule } from './health.ts';
import type { Probe } from './probe.ts';
import type { ServiceUnit } from './service-unit.ts';

export interface HealthCheck {
  readonly probe: Probe;
  readonly rule: ProbeRule;
}

/** A command of the release: it runs in the tree, with the service's environment and account. */
export type Command = Probe & { readonly kind: 'exec' };

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
  readonly treeDirectory: string;
  readonly dataDirectory: string;
}

/** Error: deploy/unknown-variable, naming field and variable. */
export function render(input: RenderInput): RunnableComponent {
  const release = input.release.document;
  const component = componentKeyOf(release.suite, release.name);
  const fill = filler(component, input);
  const unit = renderUnit(component, input, fill);
  const command = (spec: Hook, field: string): Command => ({
    kind: 'exec',
    exec: spec.exec.map((text) => fill(text, field)),
    env: unit.env,
    workingDirectory: unit.workingDirectory,
    dataDirectory: unit.dataDirectory,
    user: unit.user,
    timeoutMs: durationMs(spec.timeout),
  });
  return {
    component,
    unit,
    health: release.health.map((spec) => renderCheck(spec, { fill, command, tree: input.treeDirectory })),
    smoke: release.smoke.map((spec) => command(spec, 'smoke')),
    preflight: release.hooks.preflight.map((spec) => command(spec, 'hooks.preflight')),
    snapshot: release.hooks.snapshot.map((spec) => command(spec, 'hooks.snapshot')),
    restore: release.hooks.restore.map((spec) => command(spec, 'hooks.restore')),
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
  const service = input.release.document.service;
  const inTree = (path: string) => `${input.treeDirectory}/${path}`;
  const argv = (field: string, words: readonly string[]) =>
    words.map((text) => fill(text, `service.${field}`));
  const base = renderBase(component, input, fill);
  switch (service.driver) {
    case 'process':
    case 'systemd':
      return { ...base, kind: service.driver, exec: argv('exec', service.exec) };
    case 'command':
      return {
        ...base,
        kind: 'command',
        start: argv('start', service.start),
        stop: argv('stop', service.stop),
        status: argv('status', service.status),
        startTimeoutMs: durationMs(service.startTimeout),
        statusTimeoutMs: durationMs(service.statusTimeout),
      };
    case 'compose':
      return {
        ...base,
        kind: 'compose',
        file: inTree(service.file),
        images: service.images.map(({ archive, digest }) => ({ archive: inTree(archive), digest })),
        startTimeoutMs: durationMs(service.startTimeout),
      };
    default:
      return assertNever(service);
  }
}

/** What the units of every driver have. */
function renderBase(component: ComponentKey, input: RenderInput, fill: Fill) {
  const service = input.release.document.service;
  const env = Object.entries(service.env).map(([key, value]) => [key, fill(value, `service.env.${key}`)]);
  return {
    component,
    env: Object.fromEntries(env) as Record<string, string>,
    user: 'user' in service ? (service.user ?? null) : null,
    workingDirectory: input.treeDirectory,
    dataDirectory: input.dataDirectory,
    stopTimeoutMs: durationMs(service.stopTimeout),
    writable: input.release.document.writable.map((path) => `${input.treeDirectory}/${path}`),
    identity: digestOfValue({ release: input.release.digest, settings: input.configured }),
  };
}

interface CheckParts {
  readonly fill: Fill;
  readonly command: (spec: Hook, field: string) => Command;
  readonly tree: string;
}

function renderCheck(spec: HealthProbe, { fill, command, tree }: CheckParts): HealthCheck {
  const inTree = (path: string | undefined) => (path === undefined ? null : `${tree}/${path}`);
  const rule: ProbeRule = {
    startPeriodMs: durationMs(spec.startPeriod),
    intervalMs: durationMs(spec.interval),
    timeoutMs: durationMs(spec.timeout),
    successes: spec.successes,
    failures: spec.failures,
  };
  const { timeoutMs } = rule;
  if ('exec' in spec) return { rule, probe: command(spec, 'health.exec') };
  if ('tcp' in spec) {
    return { rule, probe: { kind: 'tcp', ...splitAddress(fill(spec.tcp, 'health.tcp')), timeoutMs } };
  }
  const contains = spec.contains === undefined ? null : fill(spec.contains, 'health.contains');
  const url = fill(spec.http, 'health.http');
  const tls = spec.tls === undefined ? {} : { tls: { ca: inTree(spec.tls.ca), insecure: spec.tls.insecure } };
  return { rule, probe: { kind: 'http', url, expect: spec.expect, contains, timeoutMs, ...tls } };
}

/** `host:port`, the host possibly in brackets. A port that is no number fails its probe, which says so. */
function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
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
