// Settings: an instance's values checked against what a capability declares, defaults filled in.
import type { DocumentIssue } from '../errors/document.ts';
import { FairleadError } from '../errors/error.ts';
import { componentKeyOf } from '../schema/common.ts';
import type { InstanceConfig, SettingValue } from '../schema/instance.ts';
import type { CapabilityRelease } from '../schema/release.ts';
import type { Setting, VendorText } from '../schema/service.ts';
import { capabilityConfigOf } from './config.ts';
import { type GivenSettings, holdsReference } from './references.ts';
import type { SettingIssue, Target } from './target.ts';

/** Every declared setting, in one of two rooms by who wrote its value: references mean something in the first alone. */
export interface ResolvedSettings {
  /** The operator's. */
  readonly given: GivenSettings;
  /** The release's, where the operator gave none. */
  readonly defaults: Readonly<Record<string, VendorText | number | boolean>>;
}

/** Error: document/invalid naming each wrong setting. */
export function resolveSettings(release: CapabilityRelease, config: InstanceConfig): ResolvedSettings {
  const issues = checkSettings(release, config);
  if (issues.length > 0) {
    throw new FairleadError('document/invalid', {
      document: `settings of ${release.suite}/${release.name}`,
      issues,
    });
  }
  const given = givenSettings(release, config);
  const declared = Object.entries(release.settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    given: Object.fromEntries(
      declared.flatMap(([key]) => {
        const value = given.get(key);
        return value === undefined ? [] : [[key, value]];
      }),
    ),
    defaults: Object.fromEntries(
      declared.flatMap(([key, setting]) =>
        given.has(key) || setting.default === undefined ? [] : [[key, setting.default]],
      ),
    ),
  };
}

/** The settings whose value nobody else may read: those the release declares as such, and those the operator keeps elsewhere. */
export function secretSettings(release: CapabilityRelease, given: GivenSettings): readonly string[] {
  return Object.entries(given).flatMap(([name, value]) => {
    const declared = release.settings[name];
    const isDeclared = declared?.type === 'string' && declared.secret === true;
    return isDeclared || (typeof value === 'string' && holdsReference(value)) ? [name] : [];
  });
}

/** What is wrong with the instance's settings for this release; empty when nothing is. */
export function checkSettings(release: CapabilityRelease, config: InstanceConfig): readonly SettingIssue[] {
  const given = givenSettings(release, config);
  const declared = new Map(Object.entries(release.settings));
  const path = `suites.${release.suite}.capabilities.${release.name}.settings`;
  const component = componentKeyOf(release.suite, release.name);
  const unknown = [...given.keys()].filter((key) => !declared.has(key));
  const surplus = unknown.map((key) => ({
    ...unknownSetting(`${path}.${key}`, key, [...declared.keys()].sort()),
    ...({ component, key, fault: 'surplus' } as const),
  }));
  const wrong = [...declared].flatMap(([key, setting]) =>
    checkSetting(`${path}.${key}`, setting, given.get(key)).map(
      (issue) => ({ ...issue, component, key, fault: 'value' }) as const,
    ),
  );
  return [...surplus, ...wrong].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What is wrong with the settings of everything a target deploys. */
export function misconfigured(target: Target): readonly SettingIssue[] {
  return [...target.releases.values()].flatMap(({ document }) => checkSettings(document, target.config));
}

function givenSettings(
  release: CapabilityRelease,
  config: InstanceConfig,
): ReadonlyMap<string, SettingValue> {
  return new Map(Object.entries(capabilityConfigOf(config, release.suite, release.name).settings));
}

function unknownSetting(path: string, key: string, known: readonly string[]): DocumentIssue {
  const remedy = known.length === 0 ? 'remove it' : `remove it or use one of ${known.join(', ')}`;
  return { path, expected: 'a setting the capability declares', found: `"${key}"`, remedy };
}

function checkSetting(
  path: string,
  setting: Setting,
  value: SettingValue | undefined,
): readonly DocumentIssue[] {
  if (value === undefined) {
    if (setting.default !== undefined) return [];
    return [{ path, expected: setting.type, found: 'nothing', remedy: 'add it: it has no default' }];
  }
  // It is read when the service starts: its type and range cannot be known here.
  if (typeof value === 'string' && holdsReference(value)) return [];
  const expected = mismatch(setting, value);
  if (expected === null) return [];
  const isSecret = setting.type === 'string' && setting.secret === true;
  const found = isSecret ? 'another value' : JSON.stringify(value).slice(0, 80);
  return [{ path, expected, found, remedy: `write ${expected}` }];
}

/** What the declaration wants instead of this value, or null when it fits. */
export function mismatch(setting: Setting, value: string | number | boolean): string | null {
  return fits(setting, value) ? null : describeSetting(setting);
}

function fits(setting: Setting, value: string | number | boolean): boolean {
  switch (setting.type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer': {
      const { minimum = -Infinity, maximum = Infinity } = setting;
      return typeof value === 'number' && value >= minimum && value <= maximum;
    }
    case 'string': {
      if (typeof value !== 'string') return false;
      if (setting.enum !== undefined) return setting.enum.includes(value);
      const { minLength = 0, maxLength = Infinity } = setting;
      return value.length >= minLength && value.length <= maxLength;
    }
  }
}

/** What it takes, in words: `a whole number from 1 to 65535`. */
export function describeSetting(setting: Setting): string {
  switch (setting.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `a whole number${bounds(setting.minimum, setting.maximum)}`;
    case 'string':
      if (setting.enum !== undefined) return setting.enum.map((one) => JSON.stringify(one)).join(' or ');
      return `text${bounds(setting.minLength, setting.maxLength)}${hasBounds(setting) ? ' characters' : ''}`;
  }
}

function hasBounds(setting: Setting & { type: 'string' }): boolean {
  return setting.minLength !== undefined || setting.maxLength !== undefined;
}

function bounds(low: number | undefined, high: number | undefined): string {
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}`;
  if (low !== undefined) return ` of at least ${low}`;
  return high === undefined ? '' : ` of at most ${high}`;
}
