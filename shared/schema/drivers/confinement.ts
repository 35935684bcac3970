// What a container may not reach: the parts of a compose file that lead out of it into the machine.
import { z } from 'zod';
import type { ComponentKey } from '../common.ts';
import { CONFINED_KEYS, isEmpty, REACHES, SHARED_NETWORK } from './confined-keys.ts';

const text = z.string();
const volume = z.looseObject({ type: text, source: text.optional(), read_only: z.boolean().optional() });
const service = z.looseObject({ image: text.optional(), volumes: z.array(volume).default([]) });
const options = z.record(text, z.unknown()).nullish();
const named = z.looseObject({
  external: z.unknown().optional(),
  name: text.optional(),
  driver: text.optional(),
  driver_opts: options,
});
const file = z.looseObject({ file: text.optional(), external: z.unknown().optional() });

/** A compose file as `docker compose config --format json` prints it: resolved, and every default filled in. */
export const composeProject = z.looseObject({
  services: z.record(text, service),
  volumes: z.record(text, named.nullable()).default({}),
  networks: z.record(text, named.nullable()).default({}),
  secrets: z.record(text, file).default({}),
  configs: z.record(text, file).default({}),
});

export type ComposeProject = z.output<typeof composeProject>;
type Service = ComposeProject['services'][string];

/** What the engine calls the project of a component, or of a slot of it. Names hold no underscore, so no two share one. */
export function projectOf(component: ComponentKey, prefix = 'fairlead'): string {
  return `${prefix}_${component.replace(/[/.]/g, '_')}`;
}

export interface Surroundings {
  /** What the engine calls the project: volumes of that beginning are its own. */
  readonly project: string;
  readonly tree: string;
  readonly data: string;
}

/** To be raised with every rule that refuses more than before: it is for what is admitted from then on. */
export const CONFINEMENT_RULES = 2;

/** A part that leads out. */
export interface Escape {
  /** In words for the vendor. */
  readonly what: string;
  /** What an operator would have to allow, a key or a directory; null where nobody can. */
  readonly reach: string | null;
}

/** The first part that leads out and is not allowed; null where none does. `allow` holds keys and directories. */
export function findEscape(
  project: ComposeProject,
  around: Surroundings,
  allow: readonly string[] = [],
): Escape | null {
  return escapesOf(project, around).find(({ reach }) => reach === null || !isAllowed(reach, allow)) ?? null;
}

function isAllowed(reach: string, allow: readonly string[]): boolean {
  return allow.some((one) => one === reach || (one.startsWith('/') && isWithin(reach, one)));
}

/** Every part that leads out. */
export function escapesOf(project: ComposeProject, around: Surroundings): readonly Escape[] {
  return [
    ...Object.entries(project.services).flatMap(([name, one]) =>
      serviceEscapes(`services.${name}`, one, around),
    ),
    ...Object.entries(project.volumes).flatMap(([name, one]) =>
      volumeEscapes(`volumes.${name}`, one, around),
    ),
    ...Object.entries(project.networks).flatMap(([name, one]) =>
      networkEscapes(`networks.${name}`, one, around),
    ),
    ...[...Object.entries(project.secrets), ...Object.entries(project.configs)].flatMap(([name, one]) =>
      one.file === undefined || isWithin(one.file, around.tree)
        ? []
        : [beyond(`${name} is read from ${one.file}`)],
    ),
  ];
}

function beyond(what: string, reach: string | null = null): Escape {
  return { what, reach };
}

/**
 * A mount that one of the project's containers could put a link in the place of, because another mount lets it write to the
 * directory above: the engine would follow the link whenever it starts the container again. In words; null where none is.
 */
export function findReplaceable({ services }: ComposeProject, { data }: Surroundings): string | null {
  const binds = Object.values(services).flatMap(({ volumes }) =>
    volumes.filter(({ type, source = '' }) => type === 'bind' && isWithin(source, data)),
  );
  for (const { source = '' } of binds) {
    const above = binds.find((one) => one.source !== source && isWithin(source, one.source ?? ''));
    if (above !== undefined && above.read_only !== true) {
      return `${source} is mounted, and so is ${above.source} above it, where a container may put a link in its place`;
    }
  }
  return null;
}

function serviceEscapes(where: string, one: Service, around: Surroundings): readonly Escape[] {
  const wide = Object.entries(CONFINED_KEYS)
    .filter(([key, { isNarrow }]) => one[key] !== undefined && one[key] !== null && !isNarrow(one[key]))
    .map(([key]) =>
      beyond(`${where}.${key} reaches beyond its container`, REACHES.find((reach) => reach === key) ?? null),
    );
  const mounts = one.volumes
    .filter(({ type, source = '' }) => type === 'bind' && !isReachable(source, around))
    .map(({ source = '' }) => beyond(`${where}.volumes mounts ${source}`, directoryOf(source)));
  const others = one.volumes
    .filter(({ type }) => !['bind', 'volume', 'tmpfs'].includes(type))
    .map(({ type }) => beyond(`${where}.volumes mounts a ${type}`));
  return [...wide, ...mounts, ...others];
}

function volumeEscapes(
  where: string,
  one: ComposeProject['volumes'][string],
  around: Surroundings,
): readonly Escape[] {
  if (!isOwn(one, around)) return [beyond(`${where} belongs to somebody else`)];
  const { driver = 'local', driver_opts: options } = one ?? {};
  return driver === 'local' && isEmpty(options) ? [] : [beyond(`${where} is no volume of the engine’s own`)];
}

/** Its own name begins with the project's, as compose gives it. */
function isOwn(one: ComposeProject['volumes'][string], { project }: Surroundings): boolean {
  if (one === null) return true;
  const isExternal = one.external !== undefined && one.external !== false;
  return !isExternal && (one.name === undefined || one.name.startsWith(`${project}_`));
}

/**
 * Other drivers, and options of this one, join networks and bridges of the machine. An address range of its own choice takes
 * that range from the machine: what it reached there, its own network among it, is then looked for in the containers.
 */
function networkEscapes(
  where: string,
  one: ComposeProject['networks'][string],
  around: Surroundings,
): readonly Escape[] {
  if (one === null) return [];
  const isPlain = (one.driver ?? 'bridge') === 'bridge' && isEmpty(one.driver_opts);
  const ipam = z
    .looseObject({ driver: z.enum(['', 'default']).optional() })
    .nullish()
    .safeParse(one.ipam);
  if (!isPlain || !ipam.success) return [beyond(`${where} belongs to somebody else`)];
  if (!isOwn(one, around)) return [beyond(`${where} belongs to somebody else`, sharedNetwork(one))];
  return isEmpty(ipam.data?.config) ? [] : [beyond(`${where}.ipam takes addresses of the machine`, 'ipam')];
}

/** One of a machine's own is its network, and one of another project would keep that from being stopped. */
function sharedNetwork({ external, name = '' }: z.output<typeof named>): string | null {
  const reach = `network:${name}`;
  return external === true && SHARED_NETWORK.test(reach) ? reach : null;
}

/** An operator allows a directory with what is in it, and never the whole machine. */
function directoryOf(path: string): string | null {
  return path.startsWith('/') && isWithin(path, path) && path !== '/' ? path : null;
}

function isReachable(path: string, { tree, data }: Surroundings): boolean {
  return isWithin(path, tree) || isWithin(path, data);
}

/** The directory itself, or something below it. */
export function isWithin(path: string, directory: string): boolean {
  return `${path}/`.startsWith(`${directory}/`) && !path.split('/').includes('..');
}
