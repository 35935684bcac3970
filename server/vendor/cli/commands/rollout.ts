// `rollout`: stage 5 offers a release to a track in waves, and may pause, resume or halt what it offers.
import { stageDue, verifyStageIsDue } from '../../../../shared/change/pipeline.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { type Classes, formatClasses, type InstallClass } from '../../../../shared/schema/classes.ts';
import { parseDocument } from '../../../../shared/schema/parse-document.ts';
import { formatRef, type ReleaseRef } from '../../../../shared/schema/release-ref.ts';
import { type Rollout, rollout, type Wave, waveProblem } from '../../../../shared/schema/rollout.ts';
import type { Offering } from '../../core/canaries.ts';
import { describeWaves, formatWaves, parseWaves } from '../../core/waves.ts';
import { refOfChange } from '../../workspace/changes.ts';
import { readRolloutsOf, requireRelease, rolloutTarget } from '../../workspace/documents.ts';
import { findChange } from '../../workspace/known-changes.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { editRollouts, findHalt, liftHalt } from '../../workspace/rollouts.ts';
import type { SigningResult } from '../../workspace/signing.ts';
import { changeTargets } from '../../workspace/targets.ts';
import { concludeRelease } from '../conclude.ts';
import { followServerHalts } from '../publish.ts';
import { chooseSeed, isLarge, type KnownFleet, readKnownInstalls } from '../seed.ts';

interface OfferOptions {
  readonly track: string;
  /** By the size of the fleet, where none are given. */
  readonly waves?: Wave[];
  /** Now, where it is not given. */
  readonly start?: string;
  /** For all where none is given. */
  readonly class?: InstallClass[];
}

interface OnTrack {
  /** Every track, where it is not given. */
  readonly track?: string;
}

export async function start(session: Session, text: string, options: OfferOptions): Promise<void> {
  const change = await findChange(session.directory, text);
  const ref = refOfChange(change);
  const offered = await readRolloutsOf(session.directory, ref);
  // After the deploy stage only a repetition of the same start passes; another track is `promote`.
  const isRepeated = offered.some(({ document }) => document.track === options.track);
  if (!isRepeated || stageDue(change) === 'deploy') verifyStageIsDue(change, 'deploy');
  await finishOffer(session, 'rollout-start', ref, await offer(session, ref, options, 'rollout start'));
}

/** Another track is offered only what a fleet has proven. Error: vendor/not-proven. */
export async function promote(session: Session, text: string, options: OfferOptions): Promise<void> {
  const change = await findChange(session.directory, text);
  const ref = refOfChange(change);
  if (change.result !== 'completed') {
    throw new FairleadError('vendor/not-proven', {
      release: formatRef(ref),
      change: change.id,
      result: change.result,
    });
  }
  await finishOffer(session, 'promote', ref, await offer(session, ref, options, 'promote'));
}

export async function withdraw(session: Session, text: string, { track }: OnTrack): Promise<void> {
  const ref = await findRelease(session, text);
  await concludeRelease(session, 'withdraw', ref, [
    await editRollouts(session, ref, track ?? null, 'withdraw', { withdrawn: true }),
  ]);
}

export function pause(session: Session, text: string, options: OnTrack): Promise<void> {
  return setPaused(session, text, options, true);
}

export function resume(session: Session, text: string, options: OnTrack): Promise<void> {
  return setPaused(session, text, options, false);
}

interface Offer {
  readonly rollout: Rollout;
  readonly signed: SigningResult;
}

async function offer(
  session: Session,
  ref: ReleaseRef,
  options: OfferOptions,
  action: string,
): Promise<Offer> {
  const { track, start: opens, class: classes } = options;
  const { digest } = await requireRelease(session.directory, ref);
  const offers = await readRolloutsOf(session.directory, ref);
  const existing = offers.find(({ document }) => document.track === track)?.document;
  if (existing !== undefined) {
    const asked = { waves: options.waves ?? existing.waves, classes };
    if (formatOffering(existing) === formatOffering(asked)) {
      return { rollout: existing, signed: { kind: 'unchanged' } };
    }
    throw new FairleadError('vendor/already-offered', { release: formatRef(ref), track });
  }
  const known = await readKnownInstalls(session, track);
  const waves = options.waves ?? usualWaves(session, known);
  verifyPossible(waves, classes);
  const document: Rollout = {
    schema: 'fairlead/rollout@1',
    ...{ release: ref, digest, track, waves: [...waves] },
    ...(classes === undefined ? {} : { classes }),
    seed: chooseSeed(session, { waves, classes }, known),
    start: opens ?? formatInstant(session.now()),
    ...{ paused: false, withdrawn: false },
  };
  const parsed = parseDocument(rollout, document, 'the rollout');
  const purpose = { action, subject: formatRef(ref) };
  return {
    rollout: parsed,
    signed: await changeTargets(session, 'releases', [rolloutTarget(parsed)], purpose),
  };
}

const CAREFUL = parseWaves('1%,10%@PT1H,100%@PT24H');
const AT_ONCE = parseWaves('100%');

/** What is wrong with a release shows at one in a hundred, before the others have it. */
function usualWaves(session: Session, known: KnownFleet | null): readonly Wave[] {
  if (known === null) session.out.note('waves: none, the server could not be asked how large the fleet is');
  return isLarge(known) ? CAREFUL : AT_ONCE;
}

/** Each is right by itself; together somebody would wait for ever, or a wave would reach nobody. Error: vendor/option-invalid. */
function verifyPossible(waves: readonly Wave[], classes: Classes | undefined): void {
  const problem = waveProblem(waves, classes);
  if (problem === null) return;
  throw new FairleadError('vendor/option-invalid', {
    option: '--waves',
    value: formatWaves(waves),
    form: problem,
  });
}

function formatOffering({ waves, classes }: Offering): string {
  return `${formatWaves(waves)} ${classes === undefined ? '' : formatClasses(classes)}`;
}

async function finishOffer(session: Session, name: string, ref: ReleaseRef, made: Offer): Promise<void> {
  const { rollout: document, signed } = made;
  const verb = signed.kind === 'pending' ? 'waits to be offered' : 'is offered';
  const about = `${formatRef(ref)} ${verb} on the track ${document.track}: ${describeWaves(document)}`;
  await concludeRelease(session, name, ref, [signed], about);
}

async function setPaused(session: Session, text: string, { track }: OnTrack, paused: boolean): Promise<void> {
  const ref = await findRelease(session, text);
  const name = paused ? 'rollout-pause' : 'rollout-resume';
  const edit = () => editRollouts(session, ref, track ?? null, name.replace('-', ' '), { paused });
  const signed: SigningResult[] = [];
  if (paused) signed.push(await edit());
  else {
    await followServerHalts(session);
    const { digest } = await requireRelease(session.directory, ref);
    // What only an order deploys has no rollout, and may be halted all the same.
    const isHalted = (await findHalt(session, digest)) !== undefined;
    const isOffered = (await readRolloutsOf(session.directory, ref)).length > 0;
    if (!isHalted || isOffered) signed.push(await edit());
    signed.push(await liftHalt(session, ref, digest));
  }
  await concludeRelease(session, name, ref, signed);
}

async function findRelease(session: Session, text: string): Promise<ReleaseRef> {
  return refOfChange(await findChange(session.directory, text));
}
