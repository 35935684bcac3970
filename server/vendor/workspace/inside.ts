// What is inside of the releases that were signed, by their bills of materials.
import type { Digest } from '../../../shared/encoding/digest.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { componentKeyOf } from '../../../shared/schema/common.ts';
import { componentsOf, parseSbom, type Sbom, type SbomRef } from '../../../shared/schema/sbom.ts';
import { isAbout, packageOf, type ReleaseContents } from '../core/osv-inside.ts';
import type { OsvRecord } from '../core/osv-record.ts';
import { readReleases } from './documents.ts';
import { readNotes, readSignedSbom } from './sboms.ts';

/** Of the packages that a record names, in every release; null of one without a bill that can be read. Errors: disk/*. */
export async function readInsideOf(
  directory: string,
  { affected }: OsvRecord,
): Promise<readonly ReleaseContents[]> {
  const notes = await readNotes(directory);
  const { releases } = await readReleases(directory);
  const contents: ReleaseContents[] = [];
  for (const { path, document } of releases) {
    if (document.schema !== 'fairlead/capability@1') continue;
    const { suite, name, version, tree } = document;
    const bill = await readBill(directory, path, tree.digest, notes.get(path)?.sbom);
    const packages = (bill === null ? [] : componentsOf(bill)).flatMap((one) => {
      const found = packageOf(one);
      return found !== null && affected?.some((entry) => isAbout(entry, found)) ? [found] : [];
    });
    contents.push({
      ...{ component: componentKeyOf(suite, name), version },
      packages: bill === null ? null : packages,
    });
  }
  return contents;
}

/** Null where none was signed, or what was signed is not here any more. */
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
    if (isFairleadError(error, 'vendor/repository-invalid')) return null;
    throw error;
  }
}
