// What surrounds a service in its release: directories it writes to, hooks, smoke tests, settings.
import { z } from 'zod';
import { argv, duration, line, name, treePath } from './common.ts';

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

export function isWritable(path: string, writable: readonly string[]): boolean {
  return writable.some((own) => isWithin(path, own));
}

// A directory inside one that the service owns could be replaced by a link before it is handed over.
function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

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

export type Hook = z.output<typeof hook>;
export type Setting = z.output<typeof setting>;
