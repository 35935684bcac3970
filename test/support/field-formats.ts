// Whether a document is what its format asks: CSAF by its published schema and mandatory tests, OSV by its schema in our own words.
import * as csafTests from '@secvisogram/csaf-validator-lib/basic.js';
import { z } from 'zod';

/** A line for each complaint, the test's name first. */
export async function findCsafProblems(document: object): Promise<readonly string[]> {
  const tests = Object.values(csafTests).filter((test) => typeof test === 'function');
  if (tests.length < 40) throw new Error('the mandatory tests are not all there');
  const problems: string[] = [];
  for (const test of tests) {
    const { isValid, errors = [] } = await test(structuredClone(document));
    if (isValid === false && errors.length === 0) problems.push(test.name);
    problems.push(...errors.map(({ instancePath, message }) => `${test.name}: ${instancePath}: ${message}`));
  }
  return problems;
}

const instant = z.iso.datetime();
const vector = /^CVSS:(?:3\.[01]|4\.0)\//;
const free = z.looseObject({});

const event = z.union([
  z.strictObject({ introduced: z.string().min(1) }),
  z.strictObject({ fixed: z.string().min(1) }),
  z.strictObject({ last_affected: z.string().min(1) }),
]);

const range = z
  .strictObject({ type: z.literal('SEMVER'), events: z.array(event).min(1) })
  .refine(({ events }) => events.some((one) => 'introduced' in one), 'it begins nowhere')
  .refine(
    ({ events }) => !(events.some((one) => 'fixed' in one) && events.some((one) => 'last_affected' in one)),
    'it ends in two ways',
  );

/** The schema 1.7 of OSV as far as an exported record uses it: https://ossf.github.io/osv-schema/. */
const osvRules = z.strictObject({
  schema_version: z.string().regex(/^1\.\d+\.\d+$/),
  id: z.string().regex(/^(?:CVE|GHSA|OSV|GO|PYSEC|RUSTSEC|GSD)-/),
  ...{ modified: instant, published: instant, withdrawn: instant.optional() },
  aliases: z.array(z.string()).min(1).optional(),
  ...{ summary: z.string(), details: z.string().optional() },
  severity: z
    .array(z.strictObject({ type: z.enum(['CVSS_V3', 'CVSS_V4']), score: z.string().regex(vector) }))
    .optional(),
  affected: z.array(
    z.strictObject({
      package: z
        .strictObject({
          ecosystem: z.enum(['npm', 'PyPI', 'Go', 'crates.io']),
          name: z.string().min(1),
          purl: z.string().startsWith('pkg:').optional(),
        })
        .optional(),
      ranges: z.array(range),
      versions: z.array(z.string()).min(1).optional(),
      database_specific: free,
    }),
  ),
  references: z
    .array(
      z.strictObject({
        type: z
          .string()
          .regex(/^(?:ADVISORY|ARTICLE|DETECTION|DISCUSSION|REPORT|FIX|INTRODUCED|PACKAGE|EVIDENCE|WEB)$/),
        url: z.url(),
      }),
    )
    .optional(),
  database_specific: free,
});

export function findOsvProblems(record: object): readonly string[] {
  const { error } = osvRules.safeParse(record);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}
