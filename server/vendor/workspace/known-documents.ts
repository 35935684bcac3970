// What the signed metadata alone says of every release, and the two words that only their documents say: each read once, known by its digest.
import { z } from 'zod';
import { type Digest, hexOf } from '../../../shared/encoding/digest.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { release } from '../../../shared/schema/release.ts';
import { componentNameOf, parseReleasePath } from '../../../shared/schema/release-ref.ts';
import { rollout } from '../../../shared/schema/rollout.ts';
import type { KnownRelease } from '../core/checks.ts';
import { readNewest } from './metadata.ts';
import { listTargets, readTarget } from './targets.ts';
import { readMemory, writeMemory } from './workspace.ts';

const memory = z.strictObject({
  schema: z.literal('fairlead/known-documents@1'),
  /** By SHA-256 of a document: whether the release is a required stop, or the rollout is withdrawn. */
  marked: z.record(z.string().regex(/^[0-9a-f]{64}$/), z.boolean()),
});

const FILE = 'known-documents.json';
const ROLLOUT = /^rollouts\/[^/]+\/(.+)$/;

/** Every release that is signed. Error: vendor/repository-invalid. */
export async function listKnownReleases(directory: string): Promise<readonly KnownRelease[]> {
  return (await look(directory)).releases;
}

/** What was read for it is remembered. Only while no other command writes in the workspace. Errors: as above, disk/*. */
export async function rememberDocuments(directory: string): Promise<void> {
  const { marked, isNews } = await look(directory);
  if (!isNews) return;
  const value: z.input<typeof memory> = { schema: 'fairlead/known-documents@1', marked };
  await writeMemory(directory, FILE, value);
}

async function look(directory: string) {
  const newest = await readNewest(directory, 'releases');
  const listed = newest === null ? [] : [...listTargets(newest)];
  const known = (await readMemory(directory, FILE, memory))?.marked ?? {};
  const marks = await Promise.all(
    listed.map(async ([path, digest]) => {
      const mark = known[hexOf(digest)] ?? (await readMark(directory, path, digest));
      return [path, { hex: hexOf(digest), mark }] as const;
    }),
  );
  const byPath = new Map(marks);
  // A release that is offered on several tracks is withdrawn once it is withdrawn on all.
  const offers = Map.groupBy(marks, ([path]) => ROLLOUT.exec(path)?.[1]);
  const releases = marks.flatMap(([path, { mark: requiredStop }]): KnownRelease[] => {
    const ref = parseReleasePath(path);
    if (ref === null) return [];
    const withdrawn = offers.get(path)?.every(([, offer]) => offer.mark) ?? false;
    return [{ component: componentNameOf(ref), version: ref.version, requiredStop, withdrawn }];
  });
  const marked = Object.fromEntries([...byPath.values()].map(({ hex, mark }) => [hex, mark]));
  const isNews =
    Object.keys(marked).some((hex) => known[hex] === undefined) || Object.keys(known).length > byPath.size;
  return { releases, marked, isNews };
}

async function readMark(directory: string, path: string, digest: Digest): Promise<boolean> {
  const bytes = await readTarget(directory, path, digest);
  if (ROLLOUT.test(path)) return parseDocumentBytes(rollout, bytes, path).withdrawn;
  return parseDocumentBytes(release, bytes, path).requiredStop;
}
