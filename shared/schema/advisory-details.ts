// What an advisory says to people beyond what installs act on: other names, scores, references, impact, what to do, and since when the hole is in use.
import { z } from 'zod';
import { advisoryId } from './advisory.ts';
import { instant } from './common.ts';
import { cvssVector, cvssVersionOf } from './cvss.ts';

/** Of another database. CVE ids stand in the advisory itself. */
export const alias = z.string().regex(/^(?!CVE-)[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/, {
  error: 'an id of another database such as "GHSA-jfh8-c2jp-5v3q"; a CVE id belongs to the CVE ids',
});

/** As OSV names them, in small letters. */
export const REFERENCE_KINDS = [
  ...['advisory', 'article', 'detection', 'discussion', 'report', 'fix', 'introduced', 'package'],
  ...['evidence', 'web'],
] as const;

const URL_FORM = 'an address such as "https://example.com/advisories/1", without an account';

/** What is signed is opened by people: no scheme but those of the web, and nothing that signs them in. */
export const referenceUrl = z
  .string()
  .max(2_000)
  .regex(/^https?:\/\/[!-~]+$/, { error: URL_FORM })
  .refine(
    (text) => {
      const url = URL.parse(text);
      return url !== null && url.username + url.password === '';
    },
    { error: URL_FORM },
  );

export const reference = z.strictObject({ url: referenceUrl, kind: z.enum(REFERENCE_KINDS) });

/** A paragraph or a few. */
export const advice = z
  .string()
  .trim()
  .min(1)
  .max(5_000)
  .regex(/^(?:\P{Cc}|\n)*$/u, { error: 'a text without control characters but line breaks' });

/** The keys that a person writes, all of them optional. */
export const detailsParts = {
  aliases: z.array(alias).min(1).max(50).optional(),
  cvss: z
    .array(cvssVector)
    .min(1)
    .max(3)
    .refine((vectors) => new Set(vectors.map(cvssVersionOf)).size === vectors.length, {
      error: 'at most one vector of each version',
    })
    .optional(),
  references: z.array(reference).min(1).max(50).optional(),
  impact: advice.optional(),
  action: advice.optional(),
  exploitedSince: instant.optional(),
};

/**
 * A document of its own beside the advisory, signed by the same role: an agent of before reads the advisory alone, and
 * forces what it forces. Where it is missing nothing is held back: it changes nobody's versions.
 */
export const advisoryDetails = z.strictObject({
  schema: z.literal('fairlead/advisory-details@1'),
  advisory: advisoryId,
  ...detailsParts,
});

export type AdvisoryDetails = z.output<typeof advisoryDetails>;
export type Reference = z.output<typeof reference>;
