// The parts that several documents share: names, versions, digests, durations, instants, text.
import { z } from 'zod';
import { DIGEST_PATTERN, type Digest } from '../encoding/digest.ts';
import { DURATION_PATTERN, INSTANT_PATTERN, instantMs } from '../encoding/instant.ts';
import { isRange, isVersion, type Range, type Version } from '../version/version.ts';

export const NAME_PATTERN = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

/** A suite's, capability's, track's or setting group's name. */
export const name = z
  .string()
  .max(64)
  .regex(NAME_PATTERN, { error: 'a lower-case name such as "core" or "auth-proxy"' });

/** A suite's name. `platform` is taken: components go by name, and that one names the platform itself. */
export const suiteName = name.refine((text) => text !== 'platform', {
  error: 'a suite name other than "platform"',
});

/** `suite/capability`, the key of a capability everywhere. */
export type ComponentKey = string & { readonly __brand: 'ComponentKey' };

export const componentKey = z
  .string()
  .max(129)
  .regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*\/[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, {
    error: 'a capability written suite/name, such as "core/auth"',
  })
  .transform((text) => text as ComponentKey);

export function componentKeyOf(suite: string, capability: string): ComponentKey {
  return `${suite}/${capability}` as ComponentKey;
}

export const version = z
  .string()
  .max(128)
  .refine(isVersion, { error: 'a semantic version such as "1.2.3"' })
  .transform((text) => text as Version);

export const range = z
  .string()
  .max(256)
  .refine(isRange, { error: 'a version range such as "1.2.0", "~1.2" or ">=1.2.0 <2"' })
  .transform((text) => text as Range);

export const digest = z
  .string()
  .regex(DIGEST_PATTERN, { error: '"sha256:" and 64 hexadecimal digits' })
  .transform((text) => text as Digest);

/** ISO 8601, days to seconds: `P3D`, `PT30S`. */
export const duration = z
  .string()
  .regex(DURATION_PATTERN, { error: 'an ISO 8601 duration such as "PT30S", "PT2H" or "P3D"' });

export const instant = z
  .string()
  .regex(INSTANT_PATTERN, { error: 'an instant in UTC such as "2026-01-31T10:00:00Z"' })
  .refine((text) => !Number.isNaN(instantMs(text)), { error: 'a date that exists, in UTC' });

/** A path inside the tree: relative, and it never climbs out. */
export const treePath = z
  .string()
  .max(1024)
  .regex(/^(?!\.{0,2}(?:\/|$))[^/\\\p{Cc}]+(?:\/(?!\.{0,2}(?:\/|$))[^/\\\p{Cc}]+)*$/u, {
    error: 'a path inside the tree such as "deploy/compose.yaml"',
  });

/** Which bytes are the bill of materials of a release. */
export const sbomRef = z.strictObject({ digest, bytes: z.int().min(1) });

/** Until when a platform is mended. */
export const supportEnd = z.strictObject({ platform: version, until: instant });

/** The words of a command, the program first. */
export const argv = z.array(z.string().min(1).max(4096)).min(1).max(256);

/** Where a value stands in its document. */
export type TextPath = readonly (string | number)[];
export type Located = readonly [path: TextPath, text: string];

/** One line for people. */
export const line = z.string().min(1).max(300);

/** Release notes and the like. */
export const prose = z.string().max(20_000);

export const byteCount = z.int().min(0);

/** Why a release exists: the pipeline's change, traceable to a source revision. */
export const changeRef = z.strictObject({
  id: z.string().regex(/^CHG-\d{1,9}$/, { error: 'a change id such as "CHG-42"' }),
  revision: line,
  scope: line,
  builtAt: instant,
});
