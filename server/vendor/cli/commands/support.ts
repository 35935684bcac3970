// `support`: until when a platform release is mended, signed beside it.
import { type EpochMs, instantMs } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { componentNameOf, formatRef, type ReleaseRef } from '../../../../shared/schema/release-ref.ts';
import { endOfSupport, type TargetNotes } from '../../../../shared/trust/target-notes.ts';
import { keepAsSupported } from '../../core/retention.ts';
import { readReleases, releaseTarget, requireRelease } from '../../workspace/documents.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { readNotes } from '../../workspace/sboms.ts';
import { changeTargets, type TargetDocument } from '../../workspace/targets.ts';
import { conclude } from '../conclude.ts';

interface SupportOptions {
  readonly until: string;
  readonly reason?: string;
}

/** Errors: vendor/option-invalid, vendor/not-released, vendor/support-shortened, and those of signing. */
export async function support(
  session: Session,
  ref: ReleaseRef,
  { until, reason }: SupportOptions,
): Promise<void> {
  const release = formatRef(ref);
  if (ref.kind !== 'platform') {
    const form = `a release of the platform: ${componentNameOf(ref)} is mended as long as the platform that ships it`;
    throw new FairleadError('vendor/option-invalid', { option: '<release>', value: release, form });
  }
  const { bytes, document, path } = await requireRelease(session.directory, ref);
  const all = await readNotes(session.directory);
  const notes = all.get(path) ?? {};
  const was = notes.supportUntil;
  if (was !== undefined && instantMs(until) < instantMs(was) && reason === undefined) {
    throw new FairleadError('vendor/support-shortened', { release, until, was });
  }
  const next = new Map([...all, [path, { ...notes, supportUntil: until }]]);
  const promised = endOfSupport(all.values());
  const edits =
    endOfSupport(next.values()) < promised
      ? await keepAll(session.directory, next, promised)
      : [releaseTarget(bytes, document, { ...notes, supportUntil: until })];
  const signed = [await changeTargets(session, 'releases', edits, { action: 'support', subject: release })];
  const { lines, document: concluded } = await conclude(session, signed);
  session.out.result('support', [`${release} is mended until ${until}`, ...lines], {
    release,
    until,
    ...concluded,
  });
}

/** Support that ends sooner takes no release away sooner: the server refuses that. */
async function keepAll(
  directory: string,
  notes: ReadonlyMap<string, TargetNotes>,
  promised: EpochMs,
): Promise<readonly TargetDocument[]> {
  const { releases } = await readReleases(directory);
  return releases.map(({ path, bytes, document }) =>
    releaseTarget(bytes, document, keepAsSupported(notes.get(path) ?? {}, promised)),
  );
}
