// `support`: until when a platform release is mended, signed beside it.
import { instantMs } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { componentNameOf, formatRef, type ReleaseRef } from '../../../../shared/schema/release-ref.ts';
import { releaseTarget, requireRelease } from '../../workspace/documents.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { readNotes } from '../../workspace/sboms.ts';
import { changeTargets } from '../../workspace/targets.ts';
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
  const notes = (await readNotes(session.directory)).get(path) ?? {};
  const was = notes.supportUntil;
  if (was !== undefined && instantMs(until) < instantMs(was) && reason === undefined) {
    throw new FairleadError('vendor/support-shortened', { release, until, was });
  }
  const target = releaseTarget(bytes, document, { ...notes, supportUntil: until });
  const signed = [
    await changeTargets(session, 'releases', [target], { action: 'support', subject: release }),
  ];
  const { lines, document: concluded } = await conclude(session, signed);
  session.out.result('support', [`${release} is mended until ${until}`, ...lines], {
    release,
    until,
    ...concluded,
  });
}
