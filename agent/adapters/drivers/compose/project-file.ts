// The project that the engine is given: the release's compose file, resolved by nobody's account, with this engine's image ids.
import { chmod, chown, realpath, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { makeDirectory, writeDurably } from '../../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../../shared/node/read-file.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import {
  type ComposeProject,
  composeProject,
  findEscape,
  findReplaceable,
  isWithin,
} from '../../../../shared/schema/drivers/confinement.ts';
import { namesOf } from '../../../../shared/schema/drivers/images.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import type { Account } from '../../machine/account.ts';
import { runTool } from '../../machine/run-tool.ts';
import { toolEnvironment } from '../../machine/surroundings.ts';
import { makePassable } from '../service-directories.ts';
import { compose, failureOf, refusalOf } from './docker.ts';
import { aroundOf, inSlot, overrideRefusal, solePartsIn } from './slot.ts';
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
    const { component, file, workingDirectory } = unit;
    const variables = await writeVariables(unit);
    const reader = other !== null && (await canRead(other, unit, variables)) ? other : null;
    if (reader === null && other !== null && !isAdmitted) {
      const problem = 'other accounts may not pass to it: chmod o+x the directories above';
      throw new FairleadError('disk/unreadable', { path: file, problem });
    }
    const words = ['--project-directory', workingDirectory, '--env-file', variables, '--file', file];
    // What an override could bring to life is held to the rules as well.
    const all = unit.override === undefined ? [] : ['--profile', '*'];
    const resolved = await config(component, [...words, ...all], reader);
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
    const { component, file, workingDirectory, override } = unit;
    if (override === undefined) return inSlot(unit, project);
    const variables = pathOf(component, 'compose.env');
    const own = await writeOwn(pathOf(component, 'override.yaml'), override.text ?? '');
    const reader = other !== null && (await canRead(other, unit, variables)) ? other : null;
    await chown(own, reader?.uid ?? 0, reader?.gid ?? 0);
    const words = ['--project-directory', workingDirectory, '--env-file', variables, '--file', file];
    const resolved = await config(component, [...words, '--file', own], reader);
    const parsed = parseProject(resolved.stdout);
    if (resolved.status === 0 && parsed !== undefined) return inSlot(unit, parsed);
    const said = resolved.detail.replaceAll(own, override.file);
    throw overrideRefusal(unit, said);
  }

  /** With the unit's own variables, whichever version's were written last: engines read secrets out of them. */
  async function wordsFor(unit: UnitOf<'compose'>, name: string): Promise<readonly string[]> {
    const { component, workingDirectory } = unit;
    const variables = await writeVariables(unit);
    const file = pathOf(component, name);
    return ['--project-directory', workingDirectory, '--env-file', variables, '--file', file];
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

/** Refuses what a release of containers may not have. Error: service/start-failed. */
export async function verifyAdmissible(unit: UnitOf<'compose'>, project: ComposeProject): Promise<void> {
  await verifyProject(unit, project);
  const [sole] = solePartsIn(unit, project);
  if (sole !== undefined) throw refusalOf(unit, `${sole.what}: ${sole.remedy}`);
  const replaceable = findReplaceable(project, aroundOf(unit));
  if (replaceable !== null) throw refusalOf(unit, replaceable);
}

/**
 * Once admitted is not admitted for ever: containers write to their data, out of which a compose file may include others, and
 * where a link may stand by now. Error: service/start-failed.
 */
export async function verifyProject(unit: UnitOf<'compose'>, project: ComposeProject): Promise<void> {
  const own = new Set(unit.images.flatMap(namesOf));
  for (const [name, { image }] of Object.entries(project.services)) {
    if (image !== undefined && own.has(image)) continue;
    throw refusalOf(unit, `its service "${name}" uses the image "${image}", which is none of the release's`);
  }
  await verifyNoLinks(unit, project);
  const wayOut = findEscape(project, aroundOf(unit), unit.allow);
  if (wayOut === null) return;
  const { what, reach } = wayOut;
  const remedy =
    reach === null
      ? ''
      : `; its operator may allow it: fairlead allow add ${unit.component} ${reach} --reason "why"`;
  throw refusalOf(unit, `${what}: containers of a release are kept from the machine${remedy}`);
}

/** A container may have put a link where one mounts, which the engine would follow. Error: service/start-failed. */
export async function verifyNoLinks(unit: UnitOf<'compose'>, { services }: ComposeProject): Promise<void> {
  for (const [name, { volumes }] of Object.entries(services)) {
    for (const { type, source = '' } of volumes) {
      const real = type === 'bind' ? await realpath(source).catch(() => source) : source;
      if (real === source) continue;
      throw refusalOf(unit, `its service "${name}" mounts ${source}, which leads to ${real}`);
    }
  }
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

function parseProject(text: string): ComposeProject | undefined {
  try {
    return composeProject.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
