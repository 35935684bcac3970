// Settings of one capability: what the instance configures, checked against what the release declares, over its defaults.
import type { DocumentIssue } from '../errors/document.ts';
import { FairleadError } from '../errors/error.ts';
import { componentKeyOf } from '../schema/common.ts';
import type { InstanceConfig, SettingValue } from '../schema/instance.ts';
import type { CapabilityRelease } from '../schema/release.ts';
import type { Setting } from '../schema/service.ts';

/** `${env:NAME}` or `${file:PATH}` in an operator's value. */
export const REFERENCE_PATTERN = /\$\{(env|file):([^}]{1,1024})\}/g;

/** Every declared setting with its value, references left as written. Error: document/invalid, with every issue. */
export function resolveSettings(
  release: CapabilityRelease,
  config: InstanceConfig,
): Readonly<Record<string, SettingValue>> {
  const given = config.suites[release.suite]?.capabilities[release.name]?.settings ?? {};
  const path = `suites.${release.suite}.capabilities.${release.name}.settings`;
  const issues: DocumentIssue[] = Object.keys(given)
    .filter((name) => !(name in release.settings))
    .map((name) => unknownSetting(`${path}.${name}`, name, release));
  const resolved: Record<string, SettingValue> = {};
  for (const [name, declared] of Object.entries(release.settings)) {
    const value = given[name] ?? declared.default;
    const issue = checkSetting(`${path}.${name}`, declared, value);
    if (issue !== null) issues.push(issue);
    else if (value !== undefined) resolved[name] = value;
  }
  if (issues.length === 0) return resolved;
  throw new FairleadError('document/invalid', { document: 'the instance configuration', issues });
}

function checkSetting(
  path: string,
  declared: Setting,
  value: SettingValue | undefined,
): DocumentIssue | null {
  if (value === undefined) {
    return { path, expected: kindOf(declared), found: 'nothing', remedy: 'add it: it has no default' };
  }
  // What a reference stands for is known only where the service starts.
  if (typeof value === 'string' && value.search(REFERENCE_PATTERN) !== -1) return null;
  if (fits(declared, value)) return null;
  return {
    path,
    expected: kindOf(declared),
    found: JSON.stringify(value),
    remedy: `write ${kindOf(declared)}`,
  };
}

function fits(declared: Setting, value: SettingValue): boolean {
  switch (declared.type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return (
        typeof value === 'number' &&
        value >= (declared.minimum ?? Number.MIN_SAFE_INTEGER) &&
        value <= (declared.maximum ?? Number.MAX_SAFE_INTEGER)
      );
    case 'string':
      return (
        typeof value === 'string' &&
        value.length >= (declared.minLength ?? 0) &&
        value.length <= (declared.maxLength ?? Number.POSITIVE_INFINITY) &&
        (declared.enum === undefined || declared.enum.includes(value))
      );
  }
}

function kindOf(declared: Setting): string {
  switch (declared.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `a whole number${bounds(declared.minimum, declared.maximum)}`;
    case 'string':
      if (declared.enum !== undefined) return declared.enum.map((text) => JSON.stringify(text)).join(' or ');
      return `a text${bounds(declared.minLength, declared.maxLength)}`;
  }
}

function bounds(least: number | undefined, most: number | undefined): string {
  if (least === undefined && most === undefined) return '';
  if (most === undefined) return ` of at least ${least}`;
  return least === undefined ? ` of at most ${most}` : ` from ${least} to ${most}`;
}

function unknownSetting(path: string, name: string, release: CapabilityRelease): DocumentIssue {
  const declared = Object.keys(release.settings).sort().join(', ') || 'none';
  return {
    path,
    expected: 'a setting that the release declares',
    found: `"${name}"`,
    remedy: `remove it; ${componentKeyOf(release.suite, release.name)} ${release.version} declares: ${declared}`,
  };
}
