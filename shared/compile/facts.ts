// What this install is, for classes: what it was told of machine and operator, and what follows from its configuration and what runs.
import { type ClassFacts, factValue } from '../schema/classes.ts';
import { DRIVER_NAMES } from '../schema/drivers/drivers.ts';
import { isEnabled } from './config.ts';
import type { ReleaseIndex } from './release-index.ts';
import type { CompileInput } from './target.ts';

/** Nothing is known: no offer to a class counts, and every halt does. */
export const NOTHING_KNOWN: ClassFacts = {};

type FactInput = Pick<CompileInput, 'config' | 'current' | 'facts'>;

export function classFactsOf({ config, current, facts = {} }: FactInput, index: ReleaseIndex): ClassFacts {
  const { drivers: allowed = DRIVER_NAMES, ...known } = facts;
  const suites = index.components.map((component) => component.split('/')[0] ?? component);
  const named = new Set([...Object.keys(config.suites), ...suites].filter((suite) => suite !== 'platform'));
  const running = [...(current?.releases.values() ?? [])].map(({ document }) => document.service.driver);
  return {
    ...known,
    // What runs nothing yet may come to run anything that it may.
    driver: distinct(running.length > 0 ? running : allowed),
    suite: distinct([...named].filter((suite) => suite !== '*' && isEnabled(config, suite))),
  };
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

/** `debian:12` of a file in the form of os-release(5); null where it does not say. A system without versions is its name alone. */
export function systemIn(osRelease: string): string | null {
  const id = fieldIn(osRelease, 'ID');
  const major = fieldIn(osRelease, 'VERSION_ID')?.split('.')[0];
  const said = [id, major].filter((part) => part !== undefined && part !== '');
  const value = factValue.safeParse(said.join(':').toLowerCase());
  return id !== undefined && value.success ? value.data : null;
}

/** The last one counts, as where a shell reads the file. */
function fieldIn(text: string, name: string): string | undefined {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}=`));
  return lines
    .at(-1)
    ?.slice(name.length + 1)
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2');
}
