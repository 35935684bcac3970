// The programs that a component runs, each as it will be called, and what no system lets pass in a call.
import { commandsOf as serviceCommandsOf } from '../../../shared/schema/drivers/drivers.ts';
import type { Command } from './health.ts';
import type { RunnableComponent } from './render.ts';

export interface ProgramCall {
  readonly program: string;
  /** Where a path with a slash starts. */
  readonly workingDirectory: string;
  /** Null for the agent's own account. */
  readonly user: string | null;
  /** Where a program without a slash is looked for; null for the agent's own PATH. */
  readonly path: string | null;
}

/** Every program the component would run, each once. */
export function programCallsOf(component: RunnableComponent): readonly ProgramCall[] {
  const programs = new Set(commandsOf(component).flatMap(([program]) => program ?? []));
  const { workingDirectory, user, env } = component.unit;
  return [...programs].map((program) => ({ program, workingDirectory, user, path: env.PATH ?? null }));
}

/**
 * The accounts that what runs from the tree has, null for the agent's own. Containers see it read-only, unless their operator lets them
 * reach more.
 */
export function accountsOf(component: RunnableComponent): readonly (string | null)[] {
  const { unit } = component;
  const isContained = unit.kind === 'compose' && unit.allow === undefined && unit.override === undefined;
  return isContained && commandsOf(component).length === 0 ? [] : [unit.user];
}

/** Linux takes no longer word (MAX_ARG_STRLEN), and as many bytes in all as a quarter of the usual stack of 8 MB. */
const LONGEST_WORD = 128 * 1024;
const MOST_BYTES = 2 * 2 ** 20;

/** What is wrong with a word or variable of its calls, or null. Settings may have made them what no vendor foresaw. */
export function unfitWord(component: RunnableComponent): string | null {
  const variables = Object.entries(component.unit.env).map(([name, value]) => `${name}=${value}`);
  const bytes = (words: readonly string[]) =>
    words.reduce((sum, word) => sum + Buffer.byteLength(word) + 9, 0);
  for (const words of [variables, ...commandsOf(component)]) {
    if (words.some((word) => word.includes('\0'))) return 'a word or variable of its call holds a NUL';
    if (words.some((word) => Buffer.byteLength(word) >= LONGEST_WORD))
      return 'a word of its call is too long';
    if (bytes(words) + bytes(variables) > MOST_BYTES) return 'its call is longer than the system allows';
  }
  return null;
}

function commandsOf(component: RunnableComponent): readonly (readonly string[])[] {
  const probes = component.health.flatMap(({ probe }) => (probe.kind === 'exec' ? [probe.exec] : []));
  const { smoke, preflight, snapshot, restore } = component;
  const hooks = [smoke, preflight, snapshot, restore].flat().map(({ exec }: Command) => exec);
  const service = serviceCommandsOf(component.unit).map(({ words }) => words);
  return [...service, ...hooks, ...probes];
}
