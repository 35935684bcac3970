// What is inside of the releases that were signed, by their bills of materials, held against a record.
import type { Digest } from '../../../shared/encoding/digest.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { componentKeyOf } from '../../../shared/schema/common.ts';
import { parseSbom, type Sbom, type SbomRef } from '../../../shared/schema/sbom.ts';
import { entriesOf } from '../core/osv-ecosystems.ts';
import { type JudgedRelease, judgeBill, offeredOf } from '../core/osv-inside.ts';
import type { OsvRecord } from '../core/osv-record.ts';
import { readReleases } from './documents.ts';
import { readNotes, readSignedSbom } from './sboms.ts';

/** Every release of a capability; none where the record is about nothing that a bill lists. Errors: disk/*. */
export async function judgeReleases(
  directory: string,
  record: OsvRecord,
  onProgress: (done: number, total: number) => void,
): Promise<readonly JudgedRelease[]> {
  const entries = entriesOf(record);
  if (entries.size === 0) return [];
  const notes = await readNotes(directory);
  const { releases, rollouts } = await readReleases(directory);
  const offered = offeredOf(
    releases.map(({ document }) => document),
    rollouts.map(({ document }) => document),
  );
  const judged: JudgedRelease[] = [];
  for (const [i, { path, document }] of releases.entries()) {
    onProgress(i + 1, releases.length);
    if (document.schema !== 'fairlead/capability@1') continue;
    const { suite, name, version, tree } = document;
    const component = componentKeyOf(suite, name);
    const bill = await readBill(directory, path, tree.digest, notes.get(path)?.sbom);
    judged.push({
      ...{ component, version, isOffered: offered.has(`${component}@${version}`) },
      ...(bill === null ? { hits: [], isKnown: false } : judgeBill(entries, bill)),
    });
  }
  return judged;
}

/** Null where none was signed, what was signed is not here any more, or it cannot be read: one release stops no advisory. */
async function readBill(
  directory: string,
  path: string,
  tree: Digest,
  ref: SbomRef | undefined,
): Promise<Sbom | null> {
  if (ref === undefined) return null;
  try {
    return parseSbom(await readSignedSbom(directory, tree, ref), path);
  } catch (error) {
    const isUnreadable =
      isFairleadError(error, 'vendor/repository-invalid') ||
      isFairleadError(error, 'document/invalid') ||
      isFairleadError(error, 'json/invalid') ||
      isFairleadError(error, 'json/too-large');
    if (isUnreadable) return null;
    throw error;
  }
}
