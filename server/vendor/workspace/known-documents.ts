// What the signed metadata alone says of every release, and the two words that only their documents say: each read once, known by its digest.
import { z } from 'zod';
import { type Digest, hexOf } from '../../../shared/encoding/digest.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { release } from '../../../shared/schema/release.ts';
import {
  type ComponentName,
  componentAt,
  componentNameOf,
  offeredPath,
  parseReleasePath,
} from '../../../shared/schema/release-ref.ts';
import { rollout } from '../../../shared/schema/rollout.ts';
import type { KnownRelease } from '../core/checks.ts';
import { listSigned } from './documents.ts';
import { readTarget } from './targets.ts';
import { readMemory, writeMemory } from './workspace.ts';

const HEX_LENGTH = 64;

/** SHA-256 of one document behind that of the other: as thousands of keys they would take longer to read. */
const digests = z
  .string()
  .regex(/^[0-9a-f]*$/)
  .refine((text) => text.length % HEX_LENGTH === 0);

const memory = z.strictObject({
  schema: z.literal('fairlead/known-documents@2'),
  /** Releases that are required stops, and rollouts that are withdrawn. */
  marked: digests,
  plain: digests,
});

const FILE = 'known-documents.json';

/** Every release that is signed, or those of the components that are asked about. Errors: vendor/repository-invalid, document/*. */
export async function listKnownReleases(
  directory: string,
  about?: ReadonlySet<ComponentName>,
): Promise<readonly KnownRelease[]> {
  return releasesIn((await look(directory, about)).found);
}

/** What was read for it is remembered. Only while no other command writes in the workspace. Errors: as above, disk/*. */
export async function rememberDocuments(directory: string): Promise<void> {
  const { found, known } = await look(directory);
  const marks = new Map(found.map(({ hex, mark }) => [hex, mark]));
  if (marks.size === known.size && found.every(({ hex }) => known.has(hex))) return;
  const those = (is: boolean) => [...marks].flatMap(([hex, mark]) => (mark === is ? hex : [])).join('');
  const value: z.input<typeof memory> = {
    schema: 'fairlead/known-documents@2',
    marked: those(true),
    plain: those(false),
  };
  await writeMemory(directory, FILE, value);
}

interface Marked {
  readonly path: string;
  readonly hex: string;
  /** It is a required stop, or a rollout that is withdrawn. */
  readonly mark: boolean;
}

async function look(directory: string, about?: ReadonlySet<ComponentName>) {
  const known = await readKnown(directory);
  const listed = [...(await listSigned(directory, 'releases'))];
  const isAsked = (path: string) => about === undefined || about.has(componentAt(offeredPath(path) ?? path));
  const found = await Promise.all(
    listed
      .filter(([path]) => isAsked(path))
      .map(async ([path, digest]): Promise<Marked> => {
        const hex = hexOf(digest);
        return { path, hex, mark: known.get(hex) ?? (await readMark(directory, path, digest)) };
      }),
  );
  return { found, known };
}

function releasesIn(found: readonly Marked[]): readonly KnownRelease[] {
  // A release that is offered on several tracks is withdrawn once it is withdrawn on all.
  const offers = new Map<string, boolean>();
  for (const { path, mark } of found) {
    const place = offeredPath(path);
    if (place !== null) offers.set(place, mark && offers.get(place) !== false);
  }
  return found.flatMap(({ path, mark: requiredStop }): readonly KnownRelease[] => {
    const ref = parseReleasePath(path);
    if (ref === null) return [];
    const withdrawn = offers.get(path) ?? false;
    return [{ component: componentNameOf(ref), version: ref.version, requiredStop, withdrawn }];
  });
}

async function readKnown(directory: string): Promise<ReadonlyMap<string, boolean>> {
  const memorized = await readMemory(directory, FILE, memory);
  const known = new Map<string, boolean>();
  for (const mark of [false, true]) {
    const text = memorized?.[mark ? 'marked' : 'plain'] ?? '';
    for (let at = 0; at < text.length; at += HEX_LENGTH) known.set(text.slice(at, at + HEX_LENGTH), mark);
  }
  return known;
}

async function readMark(directory: string, path: string, digest: Digest): Promise<boolean> {
  const bytes = await readTarget(directory, path, digest);
  if (offeredPath(path) !== null) return parseDocumentBytes(rollout, bytes, path).withdrawn;
  return parseDocumentBytes(release, bytes, path).requiredStop;
}
