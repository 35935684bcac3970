// Two versions of a compose project at once: what of its file only one of them could have, and what each makes of the rest.
import { z } from 'zod';
import { isEmpty } from './confined-keys.ts';
import type { ComposeProject } from './confinement.ts';

export interface Published {
  readonly host: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

/** Where two versions may stand, as the engine calls things. */
export interface ProjectSlot {
  /** This version's project. */
  readonly project: string;
  /** The project that volumes belong to, whichever version uses them. */
  readonly owner: string;
  /** Where clients come in, which the traffic switch keeps. */
  readonly publicPort: number;
  /** What this version publishes in its place, to this machine alone. */
  readonly port: number;
}

/** In words for the vendor, and what to do about it. */
export interface SolePart {
  readonly what: string;
  readonly remedy: string;
}

/** A range leaves the choice to the engine: there is nothing to hold against it. */
const published = z.object({
  published: z.coerce.number().int().min(1).max(65_535),
  host_ip: z.string().default('0.0.0.0'),
  protocol: z.enum(['tcp', 'udp']).default('tcp'),
});

/** Ports of the machine that a project names. */
export function publishedPorts({ services }: Pick<ComposeProject, 'services'>): readonly Published[] {
  return Object.values(services).flatMap(({ ports }) => listOf(ports).flatMap(publishedBy));
}

function publishedBy(one: unknown): readonly Published[] {
  const { data } = published.safeParse(one);
  return data === undefined ? [] : [{ host: data.host_ip, port: data.published, protocol: data.protocol }];
}

/** `volumes` are those that both may write to, `ports` those that are another for each; null where nobody knows them yet. */
export function solePartsOf(
  project: ComposeProject,
  volumes: readonly string[],
  ports: readonly number[] | null,
): readonly SolePart[] {
  const services = Object.entries(project.services);
  return [
    ...services.flatMap(([name, one]) => partsOfService(`services.${name}`, one, { volumes, ports })),
    ...Object.entries(project.networks).flatMap(([name, one]) => partsOfNetwork(`networks.${name}`, one)),
    ...(ports === null || isReachable(project, ports) ? [] : [UNREACHABLE]),
  ];
}

const UNREACHABLE: SolePart = {
  what: 'none of its services publishes the public port, so no client would reach it',
  remedy: 'publish it: ports: ["127.0.0.1:${PORT}:8080"], with "PORT" in service.env',
};

function partsOfService(
  where: string,
  one: ComposeProject['services'][string],
  { volumes, ports }: { readonly volumes: readonly string[]; readonly ports: readonly number[] | null },
): readonly SolePart[] {
  const named = isEmpty(one.container_name)
    ? []
    : [{ what: `${where}.container_name is one name for two containers`, remedy: 'remove it' }];
  const mounted = one.volumes.flatMap(({ type, source }) =>
    type !== 'volume' || source === undefined || volumes.includes(source)
      ? []
      : [
          {
            what: `${where}.volumes has the volume "${source}", to which two versions would write at once`,
            remedy: `add "${source}" to service.blueGreen.volumes if they may, and leave blueGreen out if not`,
          },
        ],
  );
  const taken = listOf(one.ports)
    .flatMap(publishedBy)
    .filter(({ port, protocol }) => ports !== null && !(protocol === 'tcp' && ports.includes(port)))
    .map(({ port, protocol }) => ({
      what: `${where}.ports publishes ${port}/${protocol}, which two versions cannot both have`,
      remedy: 'publish the public port alone, or let the engine choose: write no port of the machine',
    }));
  return [...named, ...mounted, ...taken];
}

/** Who else is in a network finds services by their names: those of both versions, judged or not. */
function partsOfNetwork(where: string, one: ComposeProject['networks'][string]): readonly SolePart[] {
  if (!isEmpty(one?.external)) {
    return [
      {
        what: `${where} is shared with others, who would reach a version that nobody has judged`,
        remedy: 'remove it, and have them use the public port',
      },
    ];
  }
  const ranges = z.looseObject({ config: z.unknown() }).safeParse(one?.ipam);
  if (isEmpty(ranges.data?.config)) return [];
  return [{ what: `${where}.ipam is one range of addresses for two networks`, remedy: 'remove it' }];
}

/** One in the network of the machine listens for itself, and what only an install knows may be the port. */
function isReachable(project: ComposeProject, ports: readonly number[]): boolean {
  const services = Object.values(project.services);
  return services.some(
    (one) =>
      one.network_mode === 'host' ||
      listOf(one.ports).some(
        (each) => isUnknown(each) || publishedBy(each).some(({ port }) => ports.includes(port)),
      ),
  );
}

function isUnknown(one: unknown): boolean {
  const { data } = z.object({ published: z.unknown() }).safeParse(one);
  return !isEmpty(data?.published) && publishedBy(one).length === 0;
}

/**
 * The project of one version: its own containers and networks, the volumes of both, and in place of the public port, or of its
 * own, its own on this machine alone. To be judged by `solePartsOf` before.
 */
export function projectInSlot(project: ComposeProject, slot: ProjectSlot): ComposeProject {
  const services = Object.entries(project.services).map(([name, one]) => {
    const ports = listOf(one.ports).map((each) => portInSlot(each, slot));
    return [name, one.ports === undefined ? one : { ...one, ports }];
  });
  const volumes = Object.entries(project.volumes).map(([key, one]) => {
    const isPlain = one?.name === undefined || one.name === `${slot.project}_${key}`;
    return [key, isPlain ? { ...one, name: `${slot.owner}_${key}` } : one];
  });
  const networks = Object.entries(project.networks).map(([key, one]) => [
    key,
    { ...one, name: `${slot.project}_${key}` },
  ]);
  return {
    ...project,
    services: Object.fromEntries(services),
    volumes: Object.fromEntries(volumes),
    networks: Object.fromEntries(networks),
  };
}

function portInSlot(one: unknown, { publicPort, port }: ProjectSlot): unknown {
  const isOurs = publishedBy(one).some((each) => [publicPort, port].includes(each.port));
  return isOurs ? { ...(one as object), host_ip: '127.0.0.1', published: String(port) } : one;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
