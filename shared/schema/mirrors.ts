// The vendor's signed list of mirrors: copies of its repository by region, which nobody has to trust.
import { z } from 'zod';
import { type ClassFacts, factValue, isOfferedTo } from './classes.ts';

/** Its one place in the repository. No delegation covers it: the top-level role lists it. */
export const MIRRORS_PATH = 'mirrors.json';

const MOST_LISTED = 100;
const MOST_REGIONS = 50;
const LONGEST_URL = 300;

/** Nobody signs in at a mirror: what it gives is public, and everybody who reads of it would know how. */
export function mirrorUrl(protocol: RegExp, expected: string) {
  return z
    .url({ protocol, error: expected })
    .max(LONGEST_URL)
    .refine((text) => {
      const url = URL.parse(text);
      return url !== null && [url.username, url.password, url.search, url.hash].every((part) => part === '');
    }, 'an address without account, password, ? and #');
}

export const listedMirror = z.strictObject({
  /** The directory in which `metadata`, `targets` and `packs` lie. */
  url: mirrorUrl(/^https$/, 'an https URL such as "https://eu.example/repository"'),
  /** For installs of these regions; absent is for all. */
  regions: z
    .array(factValue)
    .min(1)
    .max(MOST_REGIONS)
    .refine((values) => new Set(values).size === values.length, { error: 'each region once' })
    .optional(),
});

/** In the order in which they are asked. */
export const mirrors = z.strictObject({
  schema: z.literal('fairlead/mirrors@1'),
  mirrors: z
    .array(listedMirror)
    .min(1)
    .max(MOST_LISTED)
    .refine((listed) => new Set(listed.map(({ url }) => url)).size === listed.length, {
      error: 'each address once',
    }),
});

export type Mirrors = z.output<typeof mirrors>;
export type ListedMirror = z.output<typeof listedMirror>;

/** Those of the install's region first, then those for all; where its region is not known, the latter alone. */
export function mirrorsFor(
  listed: readonly ListedMirror[],
  facts: Pick<ClassFacts, 'region'>,
): readonly string[] {
  const near = listed.filter(
    ({ regions }) => regions !== undefined && isOfferedTo([{ region: regions }], facts),
  );
  const open = listed.filter(({ regions }) => regions === undefined);
  return [...near, ...open].map(({ url }) => url);
}
