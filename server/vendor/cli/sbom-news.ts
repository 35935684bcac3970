// What a built release is made of, against the release before it: the check of stage 3, and what people and programs are shown.
import type { ChangeRecord, CheckResult } from '../../../shared/change/change.ts';
import { count } from '../../../shared/errors/entry.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import {
  compareSboms,
  countDifference,
  describeDifference,
  type SbomDifference,
} from '../../../shared/present/sbom-difference.ts';
import type { CapabilityRelease, Release } from '../../../shared/schema/release.ts';
import { formatRef } from '../../../shared/schema/release-ref.ts';
import { componentsOf, parseSbom, type Sbom } from '../../../shared/schema/sbom.ts';
import { toCheckResult } from '../core/checks.ts';
import { listBelow, requireRelease } from '../workspace/documents.ts';
import { readBuiltSbom, readNotes, readSignedSbom } from '../workspace/sboms.ts';

export interface SbomNews {
  readonly change: string;
  readonly components: number;
  /** Null where no release before it has a bill. */
  readonly since: (SbomDifference & { readonly release: string }) | null;
}

export interface SbomVerdict {
  /** None where the build made no bill. */
  readonly checks: readonly CheckResult[];
  readonly news: SbomNews | null;
}

/** Is it the bill that was built, and what is new in it? Errors: vendor/repository-invalid, disk/*. */
export async function lookAtSbom(
  directory: string,
  change: ChangeRecord,
  document: Release,
): Promise<SbomVerdict> {
  if (document.schema !== 'fairlead/capability@1') return { checks: [], news: null };
  try {
    const built = await readBuiltSbom(directory, change.id, 'verification');
    if (built === null) return { checks: [], news: null };
    const sbom = parseSbom(built.bytes, 'the bill of materials');
    const before = await findBefore(directory, document);
    const difference = before === null ? null : compareSboms(before.sbom, sbom);
    const since = before === null || difference === null ? null : { release: before.release, ...difference };
    const news = { change: change.id, components: componentsOf(sbom).length, since };
    return { checks: [toCheckResult('bill of materials', true, headOf(news))], news };
  } catch (error) {
    if (!isFairleadError(error, 'vendor/digest-mismatch', 'file/missing')) throw error;
    return { checks: [toCheckResult('bill of materials', false, error.message)], news: null };
  }
}

/** For people: what is new, a line for each package. */
export function describeNews(news: SbomNews): readonly string[] {
  return [`made of: ${headOf(news)}`, ...(news.since === null ? [] : describeDifference(news.since))];
}

function headOf({ components, since }: SbomNews): string {
  const made = count(components, 'component');
  return since === null ? made : `${made}; since ${since.release}: ${countDifference(since)}`;
}

/** The bill of the newest version below this one that has any. */
async function findBefore(
  directory: string,
  { suite, name, version }: CapabilityRelease,
): Promise<{ readonly release: string; readonly sbom: Sbom } | null> {
  const notes = await readNotes(directory);
  const earlier = await listBelow(directory, { kind: 'capability', suite, name, version });
  const before = earlier.find(({ path }) => notes.get(path)?.sbom !== undefined);
  const sbom = before === undefined ? undefined : notes.get(before.path)?.sbom;
  if (before === undefined || sbom === undefined) return null;
  const release = formatRef(before.ref);
  const { document } = await requireRelease(directory, before.ref);
  if (document.schema !== 'fairlead/capability@1') return null;
  const bytes = await readSignedSbom(directory, document.tree.digest, sbom);
  return { release, sbom: parseSbom(bytes, `the bill of materials of ${release}`) };
}
