// What is done to a tree in a process of its own: by which script, and what it says it took.
import { join } from 'node:path';
import { runNode } from './processes.ts';
import type { TreeTook } from './tree-child.ts';

/** The slowest makes a patch of a hundred megabytes. */
const LIMIT_MS = 10 * 60_000;

export async function runTreeAct(act: string, ...words: readonly string[]): Promise<TreeTook> {
  const script = join(import.meta.dirname, 'tree-child.ts');
  const output = await runNode([script, act, ...words], { limitMs: LIMIT_MS });
  if (output === null) throw new Error(`${act} was not done in ${LIMIT_MS / 60_000} minutes`);
  return JSON.parse(output) as TreeTook;
}
