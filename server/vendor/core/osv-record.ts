// What is read of an OSV record (schema 1.x): a document of somebody else, so unknown keys are left alone and everything is bounded.
import { z } from 'zod';
import type { JsonLimits } from '../../../shared/encoding/json.ts';

/** Records that list thousands of versions are about a megabyte; scores in them are fractions. */
export const OSV_LIMITS: JsonLimits = {
  ...{ maxBytes: 4 << 20, maxDepth: 32, maxNodes: 200_000 },
  fractions: true,
};

const word = z.string().min(1).max(300);
const severities = z.array(z.object({ type: word, score: z.string().max(500) })).max(50);

/** Exactly one of the four; which, whoever reads the range finds. */
const event = z.object({
  introduced: word.optional(),
  fixed: word.optional(),
  last_affected: word.optional(),
  limit: word.optional(),
});

const affected = z.object({
  package: z.object({ ecosystem: word, name: word, purl: z.string().max(1_000).nullish() }).nullish(),
  severity: severities.nullish(),
  ranges: z
    .array(z.object({ type: z.string().max(50), events: z.array(event).min(1).max(2_000) }))
    .max(200)
    .nullish(),
  versions: z.array(z.string().max(300)).max(20_000).nullish(),
});

const instant = z.iso.datetime({ offset: true, error: 'an instant such as "2026-01-31T10:00:00Z"' });

export const osvRecord = z.object({
  schema_version: z
    .string()
    .regex(/^1\.\d{1,3}\.\d{1,3}$/, { error: 'a version 1.x of the OSV schema' })
    .optional(),
  id: word,
  withdrawn: instant.nullish(),
  aliases: z.array(word).max(500).nullish(),
  summary: z.string().max(10_000).nullish(),
  details: z
    .string()
    .max(1 << 20)
    .nullish(),
  severity: severities.nullish(),
  affected: z.array(affected).max(2_000).nullish(),
  references: z
    .array(z.object({ type: z.string().max(50), url: z.string().max(10_000) }))
    .max(2_000)
    .nullish(),
});

export type OsvRecord = z.output<typeof osvRecord>;
export type OsvAffected = z.output<typeof affected>;
export type OsvEvent = z.output<typeof event>;
