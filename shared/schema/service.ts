// How a capability runs and how its health is judged: service, probes, smoke tests, hooks, settings.
import { z } from 'zod';
import { duration, line, name } from './common.ts';

const argv = z.array(z.string().min(1).max(4096)).min(1).max(256);

const environment = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'an environment variable name' }),
  z.string().max(32_768),
);

/** Values may hold `${settings.NAME}`, `${dir.tree}` (the files of this version) and `${dir.data}` (kept across versions). */
export const service = z.strictObject({
  driver: z.literal('process'),
  exec: argv,
  env: environment.default({}),
  /** The operating-system account; without it the service runs as the agent does. */
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, { error: 'an account name' })
    .optional(),
  stopTimeout: duration.default('PT30S'),
});

const timing = {
  startPeriod: duration.default('PT30S'),
  interval: duration.default('PT2S'),
  timeout: duration.default('PT5S'),
  successes: z.int().min(1).max(100).default(3),
  failures: z.int().min(1).max(100).default(3),
};

const httpProbe = z.strictObject({
  http: z.string().min(1).max(2048),
  expect: z.int().min(100).max(599).default(200),
  /** Text the body must hold; the first 64 KiB are read. */
  contains: z.string().min(1).max(1024).optional(),
  ...timing,
});
/** `host:port` */
const tcpProbe = z.strictObject({ tcp: z.string().min(3).max(300), ...timing });
/** Exit status 0 is healthy. */
const execProbe = z.strictObject({ exec: argv, ...timing });

export const healthProbe = z.union([httpProbe, tcpProbe, execProbe]);

export const hook = z.strictObject({ exec: argv, timeout: duration.default('PT5M') });
export const smokeTest = z.strictObject({ exec: argv, timeout: duration.default('PT1M') });

export const hooks = z.strictObject({
  preflight: z.array(hook).max(16).default([]),
  snapshot: z.array(hook).max(16).default([]),
  restore: z.array(hook).max(16).default([]),
});

/** What an operator may set: the part of JSON Schema that a settings form needs. */
const settingBase = { description: line.optional() };
export const setting = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('string'),
    default: z.string().optional(),
    enum: z.array(z.string()).min(1).max(100).optional(),
    minLength: z.int().min(0).optional(),
    maxLength: z.int().min(0).optional(),
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

export type Service = z.output<typeof service>;
export type HealthProbe = z.output<typeof healthProbe>;
export type SmokeTest = z.output<typeof smokeTest>;
export type Hook = z.output<typeof hook>;
export type Setting = z.output<typeof setting>;
