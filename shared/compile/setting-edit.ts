// One setting as an operator types it: read by the type that the release declares, checked, and put into the configuration.
import { didYouMean } from '../encoding/nearest.ts';
import { FairleadError } from '../errors/error.ts';
import { type InstanceConfig, instanceConfig } from '../schema/instance.ts';
import { parseDocument } from '../schema/parse-document.ts';
import type { CapabilityRelease } from '../schema/release.ts';
import type { Setting } from '../schema/service.ts';
import { capabilityConfigOf, withSettings } from './config.ts';
import { holdsReference } from './references.ts';
import { checkSettings } from './settings.ts';

/**
 * The configuration with the setting changed, or without it where `text` is null; everything else stays as it is, also what
 * is wrong with other settings. Error: document/invalid, for a name the release does not declare, a value it does not
 * take, and a value that it cannot do without.
 */
export function withSetting(
  config: InstanceConfig,
  release: CapabilityRelease,
  key: string,
  text: string | null,
): InstanceConfig {
  const declared = Object.hasOwn(release.settings, key) ? release.settings[key] : undefined;
  if (declared === undefined && text !== null) throw unknownSetting(release, key);
  const value = declared === undefined || text === null ? null : typedValue(declared, text);
  const edited = put(config, release, key, value);
  const issues = checkSettings(release, edited).filter((issue) => issue.key === key);
  if (issues.length === 0) return edited;
  throw new FairleadError('document/invalid', { document: `the setting ${nameOf(release)} ${key}`, issues });
}

/** Numbers and truths are written as such; a reference is text, whatever it will stand for. */
function typedValue({ type }: Setting, text: string): string | number | boolean {
  if (holdsReference(text)) return text;
  if (type === 'integer' && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

function put(
  config: InstanceConfig,
  release: CapabilityRelease,
  key: string,
  value: string | number | boolean | null,
): InstanceConfig {
  const { settings } = capabilityConfigOf(config, release.suite, release.name);
  const { [key]: _before, ...others } = settings;
  if (value === null && !Object.hasOwn(settings, key)) return config;
  const edited = withSettings(config, release, value === null ? others : { ...others, [key]: value });
  return parseDocument(instanceConfig, edited, 'the instance configuration');
}

function unknownSetting(release: CapabilityRelease, key: string): FairleadError {
  const known = Object.keys(release.settings).sort();
  const hint = didYouMean(key, known);
  const remedy = known.length === 0 ? 'it has no settings' : `use one of ${known.join(', ')}`;
  return new FairleadError('document/invalid', {
    document: `the setting ${nameOf(release)} ${key}`,
    issues: [
      {
        path: key,
        expected: 'a setting that the release declares',
        found: JSON.stringify(key.slice(0, 80)),
        remedy: hint === '' ? remedy : `${hint}; ${remedy}`,
      },
    ],
  });
}

function nameOf({ suite, name }: CapabilityRelease): string {
  return `${suite}/${name}`;
}
