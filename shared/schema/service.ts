// How a capability runs: service, smoke tests, hooks, settings.
import { z } from 'zod';
import { durationMs } from '../encoding/duration.ts';
import { argv, digest, duration, line, name, treePath } from './common.ts';

const environment = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'an environment variable name' }),
  z.string().max(32_768),
);

/**
 * Directories of the tree that the service writes to itself, such as a cache that its program insists on keeping beside its
 * code. Nothing below them is verified, and nothing outlives the version: what must, belongs in `${dir.data}`.
 */
export const writable = z
  .array(treePath)
  .max(32)
  .refine((paths) => !paths.some((one, i) => paths.some((other, j) => i !== j && isWithin(one, other))), {
    error: 'directories of which none lies in another',
  });

// A directory inside one that the service owns could be replaced by a link before it is handed over.
function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** The operating-system account; without it the service runs as the agent does. */
const user = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]{0,31}$/, { error: 'an account name' })
  .optional();

const LONGEST_DRAIN_MS = 86_400_000;

/**
 * Two versions side by side while one takes over from the other. `public` and `slots` name integer settings that hold ports:
 * traffic comes in on the public one, and a version is told one of the slots' in its place, in `${settings.…}` everywhere.
 */
const blueGreen = z.strictObject({
  public: name,
  slots: z.tuple([name, name]),
  /** Where the public port is open: this machine alone, or all its addresses. */
  address: z.enum(['127.0.0.1', '0.0.0.0']).default('127.0.0.1'),
  /** How long connections to the version before may last once this one is committed; only then is it asked to stop. */
  drain: duration
    .refine((text) => !(durationMs(text) > LONGEST_DRAIN_MS), { error: 'a duration of at most "P1D"' })
    .default('PT30S'),
});

/** One program on one port is what the switch can stand before: what others open and keep is theirs alone. */
const noBlueGreen = z
  .unknown()
  .refine(() => false, {
    error: 'a service of the driver "process" or "systemd" for two versions side by side',
  })
  .meta({ not: {} })
  .optional();

const program = {
  exec: argv,
  env: environment.default({}),
  user,
  stopTimeout: duration.default('PT30S'),
  blueGreen: blueGreen.optional(),
};

/** A program the agent runs itself. */
const processService = z.strictObject({ driver: z.literal('process'), ...program });
/** The same program run by the system's service manager. */
const systemdService = z.strictObject({ driver: z.literal('systemd'), ...program });

/** The vendor's own commands. `status` exits with 0 while the service runs and with 1, 2 or 3 when it does not. */
const commandService = z.strictObject({
  driver: z.literal('command'),
  start: argv,
  stop: argv,
  status: argv,
  env: environment.default({}),
  user,
  startTimeout: duration.default('PT1M'),
  stopTimeout: duration.default('PT30S'),
  statusTimeout: duration.default('PT10S'),
  blueGreen: noBlueGreen,
});

/** Containers: every image comes from the tree and is named in the compose file by its digest, `image: sha256:…`. */
const composeService = z.strictObject({
  driver: z.literal('compose'),
  file: treePath,
  images: z
    .array(z.strictObject({ archive: treePath, digest }))
    .min(1)
    .max(64),
  /** What the compose file's own `${NAME}` stand for. */
  env: environment.default({}),
  startTimeout: duration.default('PT5M'),
  stopTimeout: duration.default('PT30S'),
  blueGreen: noBlueGreen,
});

/** Values may hold `${settings.NAME}`, `${dir.tree}` (the files of this version) and `${dir.data}` (kept across versions). */
export const service = z.discriminatedUnion(
  'driver',
  [processService, systemdService, commandService, composeService],
  { error: 'a service run by the driver "process", "systemd", "command" or "compose"' },
);

export const hook = z.strictObject({ exec: argv, timeout: duration.default('PT5M') });
export const smokeTest = z.strictObject({ exec: argv, timeout: duration.default('PT1M') });

export const hooks = z.strictObject({
  preflight: z.array(hook).max(16).default([]),
  snapshot: z.array(hook).max(16).default([]),
  restore: z.array(hook).max(16).default([]),
});

/** Text that a signed release brought. It is taken literally, or filled with settings and directories: no more. */
export type VendorText = string & { readonly __brand: 'VendorText' };

const vendorText = z.string().transform((text) => text as VendorText);

/** What an operator may set: the part of JSON Schema that a settings form needs. */
const settingBase = { description: line.optional() };
export const setting = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('string'),
    default: vendorText.optional(),
    enum: z.array(z.string()).min(1).max(100).optional(),
    minLength: z.int().min(0).optional(),
    maxLength: z.int().min(0).optional(),
    /** Its value may stand in no command, and no record, report or log tells it. */
    secret: z.boolean().optional(),
    ...settingBase,
  }),
  z.strictObject({
    type: z.literal('integer'),
    default: z.int().optional(),
    minimum: z.int().optional(),
    maximum: z.int().optional(),
    ...settingBase,
  }),
  z.strictObject({ type: z.literal('boolean'), default: z.boolean().optional(), ...settingBase }),
]);

export const settings = z.record(name, setting);

export type BlueGreen = z.output<typeof blueGreen>;
export type Service = z.output<typeof service>;
export type SmokeTest = z.output<typeof smokeTest>;
export type Hook = z.output<typeof hook>;
export type Setting = z.output<typeof setting>;
