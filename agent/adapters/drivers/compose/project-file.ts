// The project that the engine is given: the release's compose file, resolved by nobody's account, with this engine's image ids.
import { chmod, chown, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { FairleadError, isFairleadError } from '../../../../shared/errors/error.ts';
import { makeDirectory, writeDurably } from '../../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../../shared/node/read-file.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import {
  type ComposeProject,
  composeProject,
  isWithin,
} from '../../../../shared/schema/drivers/confinement.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import type { Account } from '../../machine/account.ts';
import { runTool } from '../../machine/run-tool.ts';
import { toolEnvironment } from '../../machine/surroundings.ts';
import { makePassable } from '../service-directories.ts';
import { compose, engineFailure, failureOf, refusalOf } from './docker.ts';
import { inSlot, overrideRefusal } from './slot.ts';
import { trialOf } from './trial.ts';

const WRITTEN = 'compose.yaml';
const NEXT = 'next.yaml';
const TRIAL = 'trial.yaml';
const CONFIG_MS = 30_000;
const MOST_BYTES = 8 << 20;
/** An account that nobody has: what it may read, everybody may. */
const READER = { uid: 2_147_480_001, gid: 2_147_480_001 };

/** The files of a project that only the agent may read: they hold what its settings hold. Best in memory. */
export interface ProjectFiles {
  /**
   * Resolves the compose file and everything it includes with the rights of nobody: a release must not read by it what its
   * service may not. Errors: service/start-failed, service/manager-failed, disk/*.
   */
  resolve(unit: UnitOf<'compose'>): Promise<ComposeProject>;
  /** The same of what was admitted before, also where nobody else can pass to the state directory. */
  resolveAdmitted(unit: UnitOf<'compose'>): Promise<ComposeProject>;
  /**
   * As it is to run: with the operator's own file over it, where there is one, and in its slot. What that file brings is
   * theirs. Error: service/manager-failed.
   */
  overridden(unit: UnitOf<'compose'>, project: ComposeProject): Promise<ComposeProject>;
  /** Writes the project that `up` is given, and answers with the words that name it. Errors: disk/*. */
  write(
    unit: UnitOf<'compose'>,
    project: ComposeProject,
    ids: ReadonlyMap<string, string>,
  ): Promise<readonly string[]>;
  /** What `write` has written last; null where it is gone, as with a boot. */
  written(component: ComponentKey): Promise<ComposeProject | null>;
  /** The same as `write`, of one whose containers wait; `adoptNext` makes it the one that `up` is given. */
  writeNext: ProjectFiles['write'];
  adoptNext(unit: UnitOf<'compose'>): Promise<readonly string[]>;
  hasNext(component: ComponentKey): Promise<boolean>;
  /** Idempotent. */
  removeNext(component: ComponentKey): Promise<void>;
  /** The same of one that is only tried. */
  writeTrial: ProjectFiles['write'];
  hasTrial(component: ComponentKey): Promise<boolean>;
  /** Idempotent. */
  removeTrial(component: ComponentKey): Promise<void>;
}

export function createProjectFiles(stateDir: string, directory: string): ProjectFiles {
  const pathOf = (component: ComponentKey, name: string) =>
    join(directory, `${component.replace('/', '.')}.${name}`);

  const other = process.getuid?.() === 0 ? READER : null;

  async function writeOwn(path: string, text: string): Promise<string> {
    await makeDirectory(directory);
    await writeDurably(path, utf8(text));
    return path;
  }

  function writeVariables({ component, env }: UnitOf<'compose'>): Promise<string> {
    return writeOwn(pathOf(component, 'compose.env'), renderVariables(env));
  }

  /** Whether it can read both. The mode of the agent's own directories is ours to choose, that of those above is not. */
  async function canRead(account: Account, { workingDirectory, file }: UnitOf<'compose'>, variables: string) {
    await makePassable(stateDir, workingDirectory);
    await chmod(directory, 0o711);
    await chown(variables, account.uid ?? 0, account.gid ?? 0);
    const argv = ['test', '-r', file, '-a', '-r', variables];
    const place = { workingDirectory: '/', env: toolEnvironment(), account, timeoutMs: CONFIG_MS };
    return (await runTool({ ...place, argv })).status === 0;
  }

  async function resolveAs(unit: UnitOf<'compose'>, isAdmitted: boolean): Promise<ComposeProject> {
    const variables = await writeVariables(unit);
    const reader = other !== null && (await canRead(other, unit, variables)) ? other : null;
    if (reader === null && other !== null && !isAdmitted) {
      const problem = 'other accounts may not pass to it: chmod o+x the directories above';
      throw new FairleadError('disk/unreadable', { path: unit.file, problem });
    }
    return readTree(unit, variables, reader);
  }

  async function readTree(unit: UnitOf<'compose'>, variables: string, reader: Account | null) {
    const words = wordsOf(unit, variables, unit.file);
    // What an override could bring to life is held to the rules as well.
    const all = unit.override === undefined ? [] : ['--profile', '*'];
    const resolved = await config(unit.component, [...words, ...all], reader);
    if (resolved.status !== 0) throw await failureOf(unit, resolved, resolved.detail);
    const parsed = parseProject(resolved.stdout);
    if (parsed === undefined) throw refusalOf(unit, 'its compose file cannot be understood');
    return parsed;
  }

  function config(component: ComponentKey, words: readonly string[], account: Account | null) {
    return compose(component, [...words, 'config', '--format', 'json'], {
      ...{ timeoutMs: CONFIG_MS, keepBytes: MOST_BYTES },
      ...(account === null ? {} : { account }),
    });
  }

  /** After `resolveAs`, which has made the file of variables. */
  async function overridden(unit: UnitOf<'compose'>, project: ComposeProject): Promise<ComposeProject> {
    const { component, override } = unit;
    if (override === undefined) return inSlot(unit, project);
    const variables = pathOf(component, 'compose.env');
    const own = await writeOwn(pathOf(component, 'override.yaml'), override.text ?? '');
    const reader = other !== null && (await canRead(other, unit, variables)) ? other : null;
    await chown(own, reader?.uid ?? 0, reader?.gid ?? 0);
    const words = [...wordsOf(unit, variables, unit.file), '--file', own];
    const resolved = await config(component, words, reader);
    const parsed = parseProject(resolved.stdout);
    if (resolved.status !== 0 || parsed === undefined)
      throw overrideRefusal(unit, resolved.detail.replaceAll(own, override.file));
    const again = await readTree(unit, variables, reader).catch(noneWhereRefused);
    if (!isDeepStrictEqual(again, project)) throw changedMeanwhile(unit);
    return inSlot(unit, parsed);
  }

  /** With the unit's own variables, whichever version's were written last: engines read secrets out of them. */
  async function wordsFor(unit: UnitOf<'compose'>, name: string): Promise<readonly string[]> {
    return wordsOf(unit, await writeVariables(unit), pathOf(unit.component, name));
  }

  async function writeProject(name: string, unit: UnitOf<'compose'>, project: ComposeProject) {
    await writeOwn(pathOf(unit.component, name), JSON.stringify(project));
    return wordsFor(unit, name);
  }

  const has = async (component: ComponentKey, name: string) =>
    (await stat(pathOf(component, name)).catch(() => null)) !== null;

  return {
    resolve: (unit) => resolveAs(unit, false),
    resolveAdmitted: (unit) => resolveAs(unit, true),
    overridden,
    write: (unit, project, ids) => writeProject(WRITTEN, unit, withImages(project, ids, unit)),
    async written(component) {
      const bytes = await readIfPresent(pathOf(component, WRITTEN));
      return bytes === null ? null : (parseProject(Buffer.from(bytes).toString()) ?? null);
    },
    writeNext: (unit, project, ids) => writeProject(NEXT, unit, withImages(project, ids, unit)),
    async adoptNext(unit) {
      await rename(pathOf(unit.component, NEXT), pathOf(unit.component, WRITTEN));
      return wordsFor(unit, WRITTEN);
    },
    hasNext: (component) => has(component, NEXT),
    removeNext: (component) => rm(pathOf(component, NEXT), { force: true }),
    writeTrial: (unit, project, ids) => writeProject(TRIAL, unit, trialOf(withImages(project, ids, unit))),
    hasTrial: (component) => has(component, TRIAL),
    removeTrial: (component) => rm(pathOf(component, TRIAL), { force: true }),
  };
}

/** Where the release's digest stands, the engine's own id; and nothing of the tree may be written. */
function withImages(
  project: ComposeProject,
  ids: ReadonlyMap<string, string>,
  { workingDirectory: tree }: UnitOf<'compose'>,
): ComposeProject {
  const services = Object.entries(project.services).map(([name, one]) => {
    const volumes = one.volumes.map((volume) =>
      volume.type === 'bind' && isWithin(volume.source ?? '', tree) ? { ...volume, read_only: true } : volume,
    );
    return [name, { ...one, volumes, image: ids.get(one.image ?? '') ?? one.image }];
  });
  return { ...project, services: Object.fromEntries(services) };
}

/** Read a moment ago, it was understood. */
function noneWhereRefused(error: unknown): null {
  if (isFairleadError(error, 'service/start-failed')) return null;
  throw error;
}

/** A container may have put another in the place of one that it includes. The next round reads anew: no release is to blame. */
function changedMeanwhile({ component }: UnitOf<'compose'>): FairleadError {
  return engineFailure(
    `the compose file of ${component}, or one that it includes, was changed while it was read`,
  );
}

/** As compose reads it back: quoted, with nothing in it expanded. */
function renderVariables(env: Readonly<Record<string, string>>): string {
  const lines = Object.entries(env).map(([name, value]) => {
    const escaped = value
      .replace(/[\\"$]/g, '\\$&')
      .replaceAll('\n', '\\n')
      .replaceAll('\r', '\\r');
    return `${name}="${escaped}"\n`;
  });
  return lines.join('');
}

function wordsOf({ workingDirectory }: UnitOf<'compose'>, variables: string, file: string) {
  return ['--project-directory', workingDirectory, '--env-file', variables, '--file', file];
}

function parseProject(text: string): ComposeProject | undefined {
  try {
    return composeProject.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
