// Reading the instance configuration: what is enabled, and with which settings.
import { digestOfValue } from '../encoding/digest.ts';
import type { ComponentKey } from '../schema/common.ts';
import type { NamedOverride } from '../schema/deployment.ts';
import type { InstanceConfig } from '../schema/instance.ts';

type SuiteConfig = InstanceConfig['suites'][string];
type CapabilityConfig = SuiteConfig['capabilities'][string];

const DEFAULT_CAPABILITY: CapabilityConfig = { enabled: true, settings: {} };

/** A suite is enabled by its name or by `*`; its capabilities all are, except those switched off one by one. */
export function isEnabled(config: InstanceConfig, suite: string, capability?: string): boolean {
  if (suiteConfigOf(config, suite)?.enabled !== true) return false;
  return capability === undefined || capabilityConfigOf(config, suite, capability).enabled;
}

/** The admin asked for it by name: it is wanted even where no suite or platform release lists it. */
export function isNamed(config: InstanceConfig, suite: string, capability?: string): boolean {
  const named = own(config.suites, suite);
  if (named === undefined || capability === undefined) return named !== undefined;
  return own(named.capabilities, capability) !== undefined;
}

export function capabilityConfigOf(
  config: InstanceConfig,
  suite: string,
  capability: string,
): CapabilityConfig {
  const capabilities = suiteConfigOf(config, suite)?.capabilities ?? {};
  return own(capabilities, capability) ?? DEFAULT_CAPABILITY;
}

/** The operator's compose file over a component's, and what stood in it when it was read; null where there is none. */
export function describeOverride(config: InstanceConfig, component: ComponentKey): NamedOverride | null {
  const [suite = '', name = ''] = component.split('/');
  const { override } = capabilityConfigOf(config, suite, name);
  if (override?.text === undefined) return null;
  return { file: override.file, digest: digestOfValue(override.text) };
}

/** The capability with exactly these settings. */
export function withSettings<Value>(
  config: InstanceConfig,
  release: Named,
  settings: Readonly<Record<string, Value>>,
) {
  return withPart(config, release, { settings });
}

interface Named {
  readonly suite: string;
  readonly name: string;
}

/** With one part of it exchanged. It is as enabled as it was, and a suite that `*` enables stays enabled. */
export function withPart<Part extends object>(config: InstanceConfig, { suite, name }: Named, part: Part) {
  const named = suiteConfigOf(config, suite);
  const capability = { ...capabilityConfigOf(config, suite, name), ...part };
  const capabilities = { ...named?.capabilities, [name]: capability };
  return {
    ...config,
    suites: { ...config.suites, [suite]: { enabled: named?.enabled ?? false, capabilities } },
  };
}

function suiteConfigOf(config: InstanceConfig, suite: string): SuiteConfig | undefined {
  return own(config.suites, suite) ?? own(config.suites, '*');
}

// "constructor" is a legal name of a suite: only own keys count.
function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
