// References in the operator's settings: `${env:NAME}` and `${file:PATH}`, found here, read by an adapter, put in here.
import type { SettingValue } from '../schema/instance.ts';

export interface Reference {
  readonly kind: 'env' | 'file';
  /** The variable's name or the file's path. */
  readonly name: string;
}

const PATTERN = /\$\{(env|file):([^}]+)\}/g;

/** As the operator wrote them: a setting of a release is none, whatever its text looks like. */
export type GivenSettings = Readonly<Record<string, SettingValue>>;

/** Ready to be handed to a service: nothing in them is ever looked at again. */
export type FilledSettings = Readonly<Record<string, string | number | boolean>>;

/** Whether text asks for something of the machine. */
export function holdsReference(text: string): boolean {
  return text.search(PATTERN) !== -1;
}

/** Whether text is a reference and nothing else: then it tells where a value is kept, and nothing of the value. */
export function isReference(text: string): boolean {
  return text.replace(PATTERN, '') === '' && text !== '';
}

/** Every reference once. */
export function referencesIn(settings: GivenSettings): readonly Reference[] {
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
export function fillReferences(settings: GivenSettings, values: ReadonlyMap<string, string>): FilledSettings {
  const fill = (text: string) => text.replace(PATTERN, (key) => values.get(key) ?? key);
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, typeof value === 'string' ? fill(value) : value]),
  );
}

export function referenceKey(reference: Reference): string {
  return `\${${reference.kind}:${reference.name}}`;
}
