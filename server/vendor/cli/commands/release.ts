// `release`: stage 4 has the `releases` role vouch for exactly the verified bytes. Nothing deploys yet.

import type { ChangeRecord } from '../../../../shared/change/change.ts';
import { builtRelease, eventOf, verifyStageIsDue } from '../../../../shared/change/pipeline.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { readNamed } from '../../../../shared/node/named-file.ts';
import { parseDocumentBytes } from '../../../../shared/schema/parse-document.ts';
import { type Release, release } from '../../../../shared/schema/release.ts';
import { refOf, releasePath } from '../../../../shared/schema/release-ref.ts';
import type { TargetNotes } from '../../../../shared/trust/target-notes.ts';
import { checkedBeside, checkRelease, knownFrom } from '../../core/checks.ts';
import { readChange } from '../../workspace/changes.ts';
import { releaseTarget } from '../../workspace/documents.ts';
import { listKnownReleases } from '../../workspace/known-documents.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { createNewDays } from '../../workspace/retention.ts';
import { keepSbom, readBuiltSbom } from '../../workspace/sboms.ts';
import type { SigningResult } from '../../workspace/signing.ts';
import { changeTargets } from '../../workspace/targets.ts';
import { buildFile } from '../../workspace/workspace.ts';
import type { PatchOptions } from '../command.ts';
import { conclude } from '../conclude.ts';
import { describeStep } from '../describe.ts';

export async function promote(
  session: Session,
  named: readonly string[],
  { patches: most, small = false }: PatchOptions,
): Promise<void> {
  const ids = [...new Set(named)];
  const changes = await Promise.all(ids.map((id) => readChange(session.directory, id)));
  const due = changes.filter((change) => eventOf(change, 'release') === undefined);
  for (const change of due) verifyStageIsDue(change, 'release');
  const signed = due.length === 0 ? [] : [await signReleases(session, due)];
  const { lines, document } = await conclude({ ...session, patches: { most, small, newest: false } }, signed);
  const records = await Promise.all(ids.map((id) => readChange(session.directory, id)));
  // While signatures are missing, the lines above say who comes next.
  const released = records
    .filter((record) => eventOf(record, 'release') !== undefined)
    .flatMap((record) => describeStep(record, 'released; nothing deploys yet'));
  session.out.result('release', [...lines, ...released], { change: records[0], ...document, records });
}

/** In one version of the metadata: whoever sees one of them sees all. */
async function signReleases(session: Session, changes: readonly ChangeRecord[]): Promise<SigningResult> {
  const built = await Promise.all(changes.map((change) => readVerified(session, change)));
  await verifyComplete(
    session,
    changes,
    built.map(({ document }) => document),
  );
  const dayOf = await createNewDays(session.directory, session.now());
  const targets = built.map(({ bytes, document, notes }) => {
    const availableUntil = dayOf(releasePath(refOf(document)));
    return releaseTarget(bytes, document, { ...notes, availableUntil });
  });
  const subject = changes.map(({ id }) => id).join(' ');
  return changeTargets(session, 'releases', targets, { action: 'release', subject });
}

/** What was verified beside another change is released beside it, or not at all. Error: vendor/incomplete. */
async function verifyComplete(
  session: Session,
  changes: readonly ChangeRecord[],
  documents: readonly Release[],
): Promise<void> {
  const known = await listKnownReleases(session.directory, checkedBeside(...documents));
  for (const [at, document] of documents.entries()) {
    const others = [...known, ...documents.filter((each) => each !== document).map(knownFrom)];
    // A signature that was given already makes the version known: it is new all the same.
    const failed = checkRelease(document, others).filter(
      ({ check, outcome }) => outcome === 'failed' && check !== 'unique version',
    );
    if (failed.length === 0) continue;
    throw new FairleadError('vendor/incomplete', {
      change: changes[at]?.id ?? '',
      detail: failed.map(({ detail }) => detail).join('; '),
    });
  }
}

/** Promoted, never rebuilt: the bytes that were verified or none. */
async function readVerified(
  session: Session,
  change: ChangeRecord,
): Promise<{ bytes: Uint8Array; document: Release; notes: TargetNotes }> {
  const path = buildFile(session.directory, change.id);
  const bytes = await readNamed(path);
  const expected = builtRelease(change, 'release');
  const found = digestOf(bytes);
  if (found !== expected) {
    const { id } = change;
    throw new FairleadError('vendor/digest-mismatch', { change: id, stage: 'release', expected, found });
  }
  const document = parseDocumentBytes(release, bytes, path);
  const sbom = await readBuiltSbom(session.directory, change.id, 'release');
  if (sbom === null || document.schema !== 'fairlead/capability@1') return { bytes, document, notes: {} };
  await keepSbom(session.directory, document.tree.digest, sbom);
  return { bytes, document, notes: { sbom: sbom.ref } };
}
