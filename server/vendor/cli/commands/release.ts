// `release`: stage 4 has the `releases` role vouch for exactly the verified bytes. Nothing deploys yet.

import type { ChangeRecord } from '../../../../shared/change/change.ts';
import { builtRelease, eventOf, verifyStageIsDue } from '../../../../shared/change/pipeline.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { readNamed } from '../../../../shared/node/named-file.ts';
import { parseDocumentBytes } from '../../../../shared/schema/parse-document.ts';
import { release } from '../../../../shared/schema/release.ts';
import { readChange } from '../../workspace/changes.ts';
import { releaseTarget } from '../../workspace/documents.ts';
import type { Session } from '../../workspace/session.ts';
import type { SigningResult } from '../../workspace/signing.ts';
import { changeTargets } from '../../workspace/targets.ts';
import { buildFile } from '../../workspace/workspace.ts';
import type { CommandSpec, Input } from '../command.ts';
import { conclude } from '../conclude.ts';
import { describeStep } from '../describe.ts';

export const RELEASE: CommandSpec = {
  usage: 'release <change>',
  summary: 'stage 4, Release: sign the verified artifact; nothing deploys yet',
  example: 'release CHG-7',
  kind: 'signs',
  run: promote,
};

async function promote(session: Session, input: Input): Promise<void> {
  const change = await readChange(session.directory, input.argument(0));
  const signed: SigningResult[] = [];
  if (eventOf(change, 'release') === undefined) {
    verifyStageIsDue(change, 'release');
    signed.push(await signRelease(session, change));
  }
  const { lines, document } = await conclude(session, signed);
  const record = await readChange(session.directory, change.id);
  // While signatures are missing, the lines above say who comes next.
  const released =
    eventOf(record, 'release') === undefined ? [] : describeStep(record, 'released; nothing deploys yet');
  session.out.result('release', [...lines, ...released], { change: record, ...document });
}

/** Promoted, never rebuilt: the bytes that were verified or none. */
async function signRelease(session: Session, change: ChangeRecord): Promise<SigningResult> {
  const path = buildFile(session.directory, change.id);
  const bytes = await readNamed(path);
  const expected = builtRelease(change, 'release');
  const found = digestOf(bytes);
  if (found !== expected) {
    throw new FairleadError('vendor/digest-mismatch', {
      change: change.id,
      stage: 'release',
      expected,
      found,
    });
  }
  const target = releaseTarget(bytes, parseDocumentBytes(release, bytes, path));
  return changeTargets(session, 'releases', [target], { action: 'release', subject: change.id });
}
