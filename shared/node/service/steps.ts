// What makes a program a service of this machine, step by step as plain data: shown by a dry run, applied, or taken back.
import { lstat, mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { utf8 } from '../../encoding/bytes.ts';
import { sanitizeText } from '../../encoding/text.ts';
import { shellWord } from '../../errors/entry.ts';
import { toDiskError } from '../../errors/error.ts';
import { syncDirectory, writeDurably } from '../durable-file.ts';
import { readTextIfPresent } from '../read-file.ts';
import { runManager } from './manager.ts';

export type Step =
  /** Written where it is missing or says something else. */
  | { readonly kind: 'write'; readonly path: string; readonly mode: number; readonly text: string }
  | { readonly kind: 'remove'; readonly path: string }
  /** A command of the system, as an administrator could type it. */
  | { readonly kind: 'run'; readonly argv: readonly string[] };

/** Owned by root and readable by all; a directory that is missing is made so too. */
export function file(path: string, text: string, mode = 0o644): Step {
  return { kind: 'write', path, mode, text };
}

export function command(...argv: readonly string[]): Step {
  return { kind: 'run', argv };
}

export function remove(path: string): Step {
  return { kind: 'remove', path };
}

/** Every file with its content and every command, in order; nothing is done. */
export function describeSteps(steps: readonly Step[]): readonly string[] {
  return steps.flatMap(describeStep);
}

function describeStep(step: Step): readonly string[] {
  switch (step.kind) {
    case 'write': {
      const lines = sanitizeText(step.text.trimEnd()).split('\n');
      return [`# ${step.path} (${step.mode.toString(8)})`, ...lines.map((line) => `    ${line}`)];
    }
    case 'remove':
      return [`$ rm -f ${shellWord(step.path)}`];
    case 'run':
      return [`$ ${step.argv.map(shellWord).join(' ')}`];
  }
}

/** In order, up to the first that fails; may be repeated. Answers with the files that changed. Errors: service/manager-failed, disk/*. */
export async function applySteps(steps: readonly Step[]): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const step of steps) {
    if (step.kind === 'run') await runManager(step.argv);
    else if (step.kind === 'write' ? await write(step) : await take(step.path)) changed.push(step.path);
  }
  return changed;
}

async function write({ path, mode, text }: Step & { readonly kind: 'write' }): Promise<boolean> {
  if (await holds(path, mode, text)) return false;
  await mkdir(dirname(path), { recursive: true, mode: 0o755 }).catch((cause: unknown) => {
    throw toDiskError(dirname(path), cause);
  });
  await writeDurably(path, utf8(text), mode);
  return true;
}

/** A link in its place is somebody else's file. */
async function holds(path: string, mode: number, text: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  if (found === null || !found.isFile() || (found.mode & 0o7777) !== mode || found.uid !== 0) return false;
  return (await readTextIfPresent(path)) === text;
}

/** What is gone already, with its directory or without, needs no step. */
async function take(path: string): Promise<boolean> {
  if ((await lstat(path).catch(() => null)) === null) return false;
  await rm(path, { force: true }).catch((cause: unknown) => {
    throw toDiskError(path, cause);
  });
  await syncDirectory(dirname(path));
  return true;
}
