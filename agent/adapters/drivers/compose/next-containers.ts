// The next version's containers, made while the version before runs: what is left for the gap is to stop one and start the other.
import { z } from 'zod';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { isEmpty } from '../../../../shared/schema/drivers/confined-keys.ts';
import type { ComposeProject } from '../../../../shared/schema/drivers/confinement.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import { type Container, containersOf, docker } from './docker.ts';
import type { ProjectCommands } from './project-commands.ts';
import type { ProjectFiles } from './project-file.ts';

interface Next {
  readonly identity: string;
  readonly project: ComposeProject;
  /** Those of the next version, by their ids. */
  readonly made: ReadonlyMap<string, Container>;
  /** What they will be called, by their ids: as those before them, once these are gone. */
  readonly names: ReadonlyMap<string, string>;
}

/** Only the process that made them knows them: another one removes them, or has compose find them. */
export interface NextContainers {
  /**
   * False where they could not be, or not beside those that run; what was made of them then is for `end`. `ids` are the engine's
   * images. Error: service/manager-failed.
   */
  make(unit: UnitOf<'compose'>, project: ComposeProject, ids: ReadonlyMap<string, string>): Promise<boolean>;
  /** Instead of the whole project, removes those before; false where none wait, or the engine would not: one still runs. */
  removeBefore(component: ComponentKey, before: readonly Container[]): Promise<boolean>;
  /**
   * The project of those that wait for this very unit, which nobody else gets then; null where none do, or where one of them is
   * gone: whoever cleans up an engine, or puts a volume back, removes what does not run.
   */
  take(unit: UnitOf<'compose'>): Promise<Next | null>;
  /**
   * Removes those that wait, also of an agent that was killed, whether or not the file that tells of them has outlived it.
   * `isStopped`: nothing else of the project is needed.
   */
  end(component: ComponentKey, isStopped: boolean): Promise<void>;
}

const MAKE = ['up', '--no-start', '--no-build', '--pull', 'never', '--no-recreate'];
const REMOVE_MS = 30_000;

export function createNextContainers(files: ProjectFiles, change: ProjectCommands['change']): NextContainers {
  const waiting = new Map<ComponentKey, Next>();

  async function make(
    unit: UnitOf<'compose'>,
    project: ComposeProject,
    ids: ReadonlyMap<string, string>,
  ): Promise<boolean> {
    const { component, identity, startTimeoutMs } = unit;
    if (!canWait(await files.written(component), project)) return false;
    const words = await files.writeNext(unit, project, ids);
    const before = await containersOf(component);
    const services = Object.keys(project.services);
    // One more of each, which has the name of its service among the others and answers to nobody before it is started.
    const counts = services.map(
      (name) => `--scale=${name}=${before.filter(({ service }) => service === name).length + 1}`,
    );
    const result = await change(component, [...words, ...MAKE, ...counts], startTimeoutMs);
    const after = await containersOf(component);
    const made = after.filter(({ id }) => !before.some((one) => one.id === id));
    if (result.status !== 0 || made.length !== services.length) return false;
    const all = new Map(made.map((one) => [one.id, one]));
    waiting.set(component, { identity, project, made: all, names: namesFrom(before, made) });
    return true;
  }

  return {
    make,
    async removeBefore(component, all) {
      const next = waiting.get(component);
      if (next === undefined) return false;
      const before = all.filter(({ id }) => !next.made.has(id));
      const { status } = await docker(['rm', ...before.map(({ id }) => id)]);
      if (status !== 0) waiting.delete(component);
      return status === 0;
    },
    async take({ component, identity }) {
      const next = waiting.get(component);
      waiting.delete(component);
      return next?.identity === identity && (await areThere(next)) ? next : null;
    },
    async end(component, isStopped) {
      waiting.delete(component);
      // Most machines have no engine to ask.
      if (isStopped && !(await files.hasNext(component))) return;
      const status = isStopped
        ? (await change(component, ['down', '--timeout', '0'], REMOVE_MS)).status
        : await removeCreated(component);
      if (status === 0) await files.removeNext(component);
    },
  };
}

/**
 * Compose looks at everything again before it starts them. Where no service waits for another, and compose puts nothing into
 * them, the engine starts them as they are; null where only compose can.
 */
export function wordsToStart({ project, made }: Pick<Next, 'project' | 'made'>): readonly string[] | null {
  const isPlain = Object.values(project.services).every((one) =>
    [one.depends_on, one.secrets, one.configs, one.post_start].every(isEmpty),
  );
  return isPlain ? ['start', ...made.keys()] : null;
}

/** People and scripts call containers by their names, which go on from one version to the next. */
export async function giveNames({ names }: Pick<Next, 'names'>): Promise<void> {
  await Promise.all([...names].map(([id, name]) => docker(['rename', id, name])));
}

/** With the volumes that have no name: nothing was ever written to them. */
async function removeCreated(component: ComponentKey): Promise<number | null> {
  const made = (await containersOf(component)).filter(({ state }) => state === 'created');
  return made.length === 0 ? 0 : (await docker(['rm', '--volumes', ...made.map(({ id }) => id)])).status;
}

/** In one call of the engine, for nothing runs while it answers. */
async function areThere({ made }: Next): Promise<boolean> {
  return (await docker(['inspect', '--format', '{{.Id}}', ...made.keys()])).status === 0;
}

function namesFrom(before: readonly Container[], made: readonly Container[]): ReadonlyMap<string, string> {
  const pairs = made.flatMap(({ id, service }) => {
    const found = before.find((one) => one.service === service);
    return found === undefined ? [] : [[id, found.name] as const];
  });
  return new Map(pairs);
}

/**
 * Whether containers of both may be there at once. Networks and volumes that are to be made, or made anew, would touch what runs or
 * be left behind filled; what names another container would name the one before.
 */
export function canWait(before: ComposeProject | null, next: ComposeProject): boolean {
  if (before === null) return false;
  const isSame = (key: 'networks' | 'volumes') => JSON.stringify(before[key]) === JSON.stringify(next[key]);
  const known = mountedIn(before);
  return (
    isSame('networks') &&
    isSame('volumes') &&
    mountedIn(next).every((source) => known.includes(source)) &&
    Object.values(next.services).every(standsAlone)
  );
}

function mountedIn({ services }: ComposeProject): readonly string[] {
  return Object.values(services).flatMap(({ volumes }) =>
    volumes.flatMap(({ type, source }) => (type === 'volume' && source !== undefined ? [source] : [])),
  );
}

const several = z.looseObject({
  scale: z.literal(1).optional(),
  deploy: z.looseObject({ replicas: z.literal(1).optional() }).nullish(),
});

function standsAlone(service: ComposeProject['services'][string]): boolean {
  const names = [service.network_mode, service.pid, service.ipc].map(String);
  return (
    several.safeParse(service).success &&
    names.every((name) => !name.startsWith('service:')) &&
    [service.container_name, service.links, service.volumes_from].every(isEmpty)
  );
}
