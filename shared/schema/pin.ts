// Pins: what the local admin keeps at a version, at which level, who decided it and until when.
import { z } from 'zod';
import { isRange } from '../version/version.ts';
import { componentKey, instant, line, name } from './common.ts';

const LATEST_MINUS = /^latest-[1-9]$/;

/** Which versions a pin allows: `1.2.0`, `~1.2`, `1.x`, `>=1.2 <2`, or `latest-1`: one minor line behind the newest. */
export type PinVersion = string & { readonly __brand: 'PinVersion' };

export const pinVersion = z
  .string()
  .max(256)
  .refine((text) => LATEST_MINUS.test(text) || isRange(text), {
    error: 'a version, a range, or "latest-1" for one minor line behind the newest',
  })
  .transform((text) => text as PinVersion);

const pinBase = {
  version: pinVersion.describe(
    '`1.2.0`, `~1.2`, `1.x`, `>=1.2 <2`, or `latest-1`: one minor line behind the newest',
  ),
  owner: line.describe('Who set it'),
  reason: line.describe('Why'),
  expires: instant
    .optional()
    .describe('From here on the pin holds nothing; it is still shown until it is removed'),
};

const level = 'What is pinned; the nearest level wins: capability, then suite, then platform';

export const pin = z.discriminatedUnion('level', [
  z.strictObject({ level: z.literal('platform').describe(level), ...pinBase }),
  z.strictObject({
    level: z.literal('suite').describe(level),
    name: name.describe('The suite, such as `core`'),
    ...pinBase,
  }),
  z.strictObject({
    level: z.literal('capability').describe(level),
    name: componentKey.describe('The capability, such as `core/auth`'),
    ...pinBase,
  }),
]);

export type Pin = z.output<typeof pin>;

/** How many minor lines behind the newest, or null for a version or range. */
export function linesBehind(version: PinVersion): number | null {
  return LATEST_MINUS.test(version) ? Number(version.slice('latest-'.length)) : null;
}
