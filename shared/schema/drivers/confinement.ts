// What a container may not reach: the parts of a compose file that lead out of it into the machine.
import { z } from 'zod';
import type { ComponentKey } from '../common.ts';

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

/** What the engine calls the project of a component. Names hold no underscore, so no two share one. */
export function projectOf(component: ComponentKey): string {
  return `fairlead_${component.replace('/', '_')}`;
}

export interface Surroundings {
  /** What the engine calls the project: volumes of that beginning are its own. */
  readonly project: string;
  readonly tree: string;
  readonly data: string;
}

/** To be raised with every rule that refuses more than before: it is for what is admitted from then on. */
export const CONFINEMENT_RULES = 2;

/**
 * What the operator of an install may allow a release by name: keys of its compose file that reach into the machine, and no more
 * than that. What hands over the machine itself, or runs programs of it, is nothing that a name says enough about.
 */
export const REACHES = [
  'cap_add',
  'deploy',
  'device_cgroup_rules',
  'devices',
  'gpus',
  'ipam',
  'ipc',
  'network_mode',
  'pid',
  'security_opt',
] as const;

/** A part that leads out. */
export interface Escape {
  /** In words for the vendor. */
  readonly what: string;
  /** What an operator would have to allow, a key or a directory; null where nobody can. */
  readonly reach: string | null;
}

/** Each key with what it may be; everything else of it is refused. */
const NARROW: Readonly<Record<string, (value: unknown) => boolean>> = {
  privileged: (value) => value === false,
  // Any other word is the name of a network of the engine's, whoever made it.
  network_mode: (value) => isList([value], /^(?:|none|bridge|default|service:.+)$/),
  pid: (value) => isList([value], /^(?:|service:.+)$/),
  ipc: (value) => isList([value], /^(?:|none|private|shareable|service:.+)$/),
  uts: isEmpty,
  cgroup: (value) => isList([value], /^(?:|private)$/),
  userns_mode: isEmpty,
  cap_add: isEmpty,
  devices: isEmpty,
  device_cgroup_rules: isEmpty,
  gpus: isEmpty,
  deploy: (value) => isEmpty(devicesOf(value)),
  logging: isPlainLogging,
  oom_score_adj: (value) => typeof value === 'number' && value >= 0,
  oom_kill_disable: isEmpty,
  // What a runtime of the machine reads in them, only that runtime knows.
  annotations: isEmpty,
  cgroup_parent: isEmpty,
  runtime: isEmpty,
  credential_spec: isEmpty,
  provider: isEmpty,
  models: isEmpty,
  use_api_socket: (value) => value === false,
  build: isEmpty,
  external_links: isEmpty,
  security_opt: (value) => isList(value, /^no-new-privileges(?:[:=]true)?$/),
  volumes_from: (value) => isList(value, /^(?!container:)/),
  post_start: isEmpty,
  pre_stop: isEmpty,
};

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
  const wide = Object.entries(NARROW)
    .filter(([key, isNarrow]) => one[key] !== undefined && one[key] !== null && !isNarrow(one[key]))
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
  if (!isOwn(one, around) || !isPlain || !ipam.success) return [beyond(`${where} belongs to somebody else`)];
  return isEmpty(ipam.data?.config) ? [] : [beyond(`${where}.ipam takes addresses of the machine`, 'ipam')];
}

/** An operator allows a directory with what is in it, and never the whole machine. */
function directoryOf(path: string): string | null {
  return path.startsWith('/') && isWithin(path, path) && path !== '/' ? path : null;
}

/** The engine writes the log itself, as root and from the machine's own network: only into its own files. */
function isPlainLogging(value: unknown): boolean {
  const plain = z.strictObject({
    driver: z.enum(['json-file', 'local', 'none']).optional(),
    options: z.partialRecord(z.enum(['max-size', 'max-file', 'compress']), z.unknown()).nullish(),
  });
  return isEmpty(value) || plain.safeParse(value).success;
}

/** The other spelling of `gpus` and `devices`. */
function devicesOf(deploy: unknown): unknown {
  const found = z
    .looseObject({ resources: z.looseObject({ reservations: z.looseObject({ devices: z.unknown() }) }) })
    .safeParse(deploy);
  return found.success ? found.data.resources.reservations.devices : null;
}

function isReachable(path: string, { tree, data }: Surroundings): boolean {
  return isWithin(path, tree) || isWithin(path, data);
}

/** The directory itself, or something below it. */
export function isWithin(path: string, directory: string): boolean {
  return `${path}/`.startsWith(`${directory}/`) && !path.split('/').includes('..');
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function isList(value: unknown, each: RegExp): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && each.test(item));
}
