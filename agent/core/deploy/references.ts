// References in an operator's settings: found here, read by an adapter, put in here.
import type { SettingValue } from '../../../shared/schema/instance.ts';

export interface Reference {
  readonly kind: 'env' | 'file';
  /** The variable's name or the file's path. */
  readonly name: string;
}

const PATTERN = /\$\{(env|file):([^}]+)\}/g;

type Settings = Readonly<Record<string, SettingValue>>;

/** Every reference once. */
export function referencesIn(settings: Settings): readonly Reference[] {
  const found = new Map<string, Reference>();
  for (const value of Object.values(settings)) {
    if (typeof value !== 'string') continue;
    for (const [key, kind, name] of value.matchAll(PATTERN)) {
      if ((kind === 'env' || kind === 'file') && name !== undefined) found.set(key, { kind, name });
    }
  }
  return [...found.values()];
}

/** The settings with every reference replaced by its value; a value is never looked at again. */
export function fillReferences(settings: Settings, values: ReadonlyMap<string, string>): Settings {
  const fill = (text: string) => text.replace(PATTERN, (key) => values.get(key) ?? key);
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, typeof value === 'string' ? fill(value) : value]),
  );
}

export function referenceKey(reference: Reference): string {
  return `\${${reference.kind}:${reference.name}}`;
}
