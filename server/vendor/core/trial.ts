// A trial of a release on the vendor's machine, as data: its commands, probes and tests with every variable filled.
import { mismatch } from '../../../shared/compile/settings.ts';
import { durationMs } from '../../../shared/encoding/instant.ts';
import { parseTemplate } from '../../../shared/encoding/text.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { renderService, type Service, trialOf } from '../../../shared/schema/drivers/drivers.ts';
import type { ProbePlaces } from '../../../shared/schema/probes/probe-kind.ts';
import { type HealthProbe, type Question, renderProbe } from '../../../shared/schema/probes/probes.ts';
import type { CapabilityRelease } from '../../../shared/schema/release.ts';
import type { Setting } from '../../../shared/schema/service.ts';

export interface TrialCommand {
  readonly exec: readonly string[];
  readonly timeoutMs: number;
}

export interface TrialProbe {
  readonly question: Question & { readonly timeoutMs: number };
  readonly intervalMs: number;
  readonly startPeriodMs: number;
  readonly successes: number;
  readonly failures: number;
}

export interface Trial {
  /** Stays in the foreground, or, with commands of its own, returns when the service is started. */
  readonly start: TrialCommand & { readonly isForeground: boolean };
  /** The service's own stop; null where the process is told to end. */
  readonly stop: TrialCommand | null;
  readonly stopTimeoutMs: number;
  readonly env: Readonly<Record<string, string>>;
  readonly probes: readonly TrialProbe[];
  readonly smoke: readonly TrialCommand[];
}

export interface TrialPlaces {
  readonly tree: string;
  readonly data: string;
}

type Value = string | number | boolean;
export type TrialValues = ReadonlyMap<string, Value>;

/** Defaults, and what the release manager gives in their place, as `NAME=VALUE`. Error: vendor/option-invalid. */
export function chooseValues(settings: CapabilityRelease['settings'], given: readonly string[]): TrialValues {
  const values = new Map<string, Value>();
  for (const [name, setting] of Object.entries(settings)) {
    if (setting.default !== undefined) values.set(name, setting.default);
  }
  for (const text of given) {
    const name = text.slice(0, Math.max(0, text.indexOf('=')));
    const setting = settings[name];
    const value = setting === undefined ? null : readValue(setting, text.slice(name.length + 1));
    if (setting === undefined || value === null || mismatch(setting, value) !== null) {
      const form = `NAME=VALUE of a declared setting: ${Object.keys(settings).join(', ') || 'it declares none'}`;
      throw new FairleadError('vendor/option-invalid', { option: '--set', value: text, form });
    }
    values.set(name, value);
  }
  return values;
}

/** Error: vendor/trial-impossible for containers, and where a setting has no value. */
export function planTrial(release: CapabilityRelease, values: TrialValues, places: TrialPlaces): Trial {
  const missing = Object.keys(release.settings).filter((name) => !values.has(name));
  if (missing.length > 0) {
    throw new FairleadError('vendor/trial-impossible', {
      problem: `these settings have no default: ${missing.join(', ')}`,
      remedy: missing.map((name) => `--set ${name}=VALUE`).join(' '),
    });
  }
  const fill = (text: string) => fillText(text, values, places);
  const { service } = release;
  const env = Object.fromEntries(Object.entries(service.env).map(([name, text]) => [name, fill(text)]));
  const command = ({ exec, timeout }: { readonly exec: readonly string[]; readonly timeout: string }) => ({
    exec: exec.map(fill),
    timeoutMs: durationMs(timeout),
  });
  return {
    ...startAndStop(service, { ...places, fill }),
    stopTimeoutMs: durationMs(service.stopTimeout),
    env,
    probes: release.health.map((probe) => planProbe(probe, { ...places, fill })),
    smoke: release.smoke.map(command),
  };
}

function startAndStop(service: Service, places: ProbePlaces): Pick<Trial, 'start' | 'stop'> {
  const way = trialOf(renderService(service, places));
  switch (way.kind) {
    case 'program':
      return { start: { exec: way.exec, timeoutMs: 0, isForeground: true }, stop: null };
    case 'commands': {
      const start = { exec: way.start, timeoutMs: way.startTimeoutMs, isForeground: false };
      return { start, stop: { exec: way.stop, timeoutMs: durationMs(service.stopTimeout) } };
    }
    case 'impossible':
      throw new FairleadError('vendor/trial-impossible', { problem: way.problem, remedy: way.remedy });
  }
}

function planProbe(probe: HealthProbe, places: ProbePlaces): TrialProbe {
  const { successes, failures } = probe;
  return {
    question: { ...renderProbe(probe, places), timeoutMs: durationMs(probe.timeout) },
    ...{ successes, failures },
    intervalMs: durationMs(probe.interval),
    startPeriodMs: durationMs(probe.startPeriod),
  };
}

function fillText(text: string, values: TrialValues, places: TrialPlaces): string {
  const parts = parseTemplate(text).map((part) => {
    if (part.kind !== 'variable') return part.text;
    if (part.name === 'dir.tree') return places.tree;
    if (part.name === 'dir.data') return places.data;
    return String(values.get(part.name.replace(/^settings\./, '')) ?? '');
  });
  return parts.join('');
}

function readValue(setting: Setting, text: string): Value | null {
  switch (setting.type) {
    case 'string':
      return text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : null;
    case 'integer':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : null;
  }
}
