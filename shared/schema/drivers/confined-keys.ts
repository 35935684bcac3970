// The keys of a service in a compose file that lead out of its container, what each may be, and what an operator may allow.
import { z } from 'zod';

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

/** What each of them hands over, in words for the operator. */
export const HANDS_OVER: Readonly<Record<(typeof REACHES)[number], string>> = {
  cap_add: 'rights of root that containers are kept from',
  deploy: 'devices of the machine',
  device_cgroup_rules: 'devices of the machine',
  devices: 'devices of the machine',
  gpus: 'graphics cards',
  ipam: 'address ranges, which the machine can no longer reach elsewhere',
  ipc: 'memory that processes of the machine share',
  network_mode: 'the network of the machine, or that of another container',
  pid: 'the processes of the machine',
  security_opt: 'what the profiles around a container forbid',
};

/** A network that somebody made for several projects. */
export const SHARED_NETWORK = /^network:(?!fairlead_|(?:host|none|bridge|default)$)[A-Za-z0-9][\w.-]{0,127}$/;

interface ConfinedKey {
  /** What it may be, in words; everything else of it is refused. */
  readonly may: string;
  /** An example of what is refused. */
  readonly wide: unknown;
  isNarrow(value: unknown): boolean;
}

export const CONFINED_KEYS: Readonly<Record<string, ConfinedKey>> = {
  privileged: { may: 'false', wide: true, isNarrow: (value) => value === false },
  // Any other word is the name of a network of the engine’s, whoever made it.
  network_mode: {
    may: '`none`, `bridge`, or a service of the same file',
    wide: 'host',
    isNarrow: (value) => isList([value], /^(?:|none|bridge|default|service:.+)$/),
  },
  pid: {
    may: 'the container’s own, or that of a service of the same file',
    wide: 'host',
    isNarrow: (value) => isList([value], /^(?:|service:.+)$/),
  },
  ipc: {
    may: 'the container’s own, or that of a service of the same file',
    wide: 'host',
    isNarrow: (value) => isList([value], /^(?:|none|private|shareable|service:.+)$/),
  },
  uts: { may: 'nothing', wide: 'host', isNarrow: isEmpty },
  cgroup: { may: '`private`', wide: 'host', isNarrow: (value) => isList([value], /^(?:|private)$/) },
  userns_mode: { may: 'nothing', wide: 'host', isNarrow: isEmpty },
  cap_add: { may: 'nothing', wide: ['NET_ADMIN'], isNarrow: isEmpty },
  devices: { may: 'nothing', wide: ['/dev/sda'], isNarrow: isEmpty },
  device_cgroup_rules: { may: 'nothing', wide: ['c 1:3 rwm'], isNarrow: isEmpty },
  gpus: { may: 'nothing', wide: 'all', isNarrow: isEmpty },
  deploy: {
    may: 'limits and the like, no devices',
    wide: { resources: { reservations: { devices: [{ driver: 'cdi' }] } } },
    isNarrow: (value) => isEmpty(devicesOf(value)),
  },
  logging: {
    may: '`json-file`, `local` or `none`, with `max-size`, `max-file` and `compress`',
    wide: { driver: 'syslog' },
    isNarrow: isPlainLogging,
  },
  oom_score_adj: {
    may: '0 or more',
    wide: -1000,
    isNarrow: (value) => typeof value === 'number' && value >= 0,
  },
  oom_kill_disable: { may: 'false', wide: true, isNarrow: isEmpty },
  // What a runtime of the machine reads in them, only that runtime knows.
  annotations: { may: 'nothing', wide: { 'io.example.path': '/x' }, isNarrow: isEmpty },
  cgroup_parent: { may: 'nothing', wide: '/', isNarrow: isEmpty },
  runtime: { may: 'nothing', wide: 'other', isNarrow: isEmpty },
  credential_spec: { may: 'nothing', wide: { file: 'x' }, isNarrow: isEmpty },
  provider: { may: 'nothing', wide: { type: 'x' }, isNarrow: isEmpty },
  models: { may: 'nothing', wide: { llm: {} }, isNarrow: isEmpty },
  use_api_socket: { may: 'false', wide: true, isNarrow: (value) => value === false },
  build: { may: 'nothing', wide: { context: '.' }, isNarrow: isEmpty },
  external_links: { may: 'nothing', wide: ['other'], isNarrow: isEmpty },
  security_opt: {
    may: '`no-new-privileges`',
    wide: ['seccomp=unconfined'],
    isNarrow: (value) => isList(value, /^no-new-privileges(?:[:=]true)?$/),
  },
  volumes_from: {
    may: 'services of the same file',
    wide: ['container:other'],
    isNarrow: (value) => isList(value, /^(?!container:)/),
  },
  post_start: { may: 'nothing', wide: [{ command: 'x' }], isNarrow: isEmpty },
  pre_stop: { may: 'nothing', wide: [{ command: 'x' }], isNarrow: isEmpty },
};

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

export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function isList(value: unknown, each: RegExp): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && each.test(item));
}
