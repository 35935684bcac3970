// `rollout`: stage 5 offers a release to a track in waves, and may pause, resume or halt what it offers.
import { randomBytes } from 'node:crypto';
import { stageDue, verifyStageIsDue } from '../../../../shared/change/pipeline.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { parseDocument } from '../../../../shared/schema/parse-document.ts';
import { formatRef, type ReleaseRef } from '../../../../shared/schema/release-ref.ts';
import { type Rollout, rollout } from '../../../../shared/schema/rollout.ts';
import { describeWaves, formatWaves, parseWaves } from '../../core/waves.ts';
import { findChange, refOfChange } from '../../workspace/changes.ts';
import { readReleases, requireRelease, rolloutsOf, rolloutTarget } from '../../workspace/documents.ts';
import { editRollouts, liftHalt } from '../../workspace/rollouts.ts';
import type { Session } from '../../workspace/session.ts';
import type { SigningResult } from '../../workspace/signing.ts';
import { changeTargets } from '../../workspace/targets.ts';
import type { CommandSpec, Input } from '../command.ts';
import { concludeRelease } from '../conclude.ts';
import { GUARD, HALT, STATUS_OF_ROLLOUT } from './brake.ts';

const TRACK = {
  flags: '--track <name>',
  about: 'only on this track (default: on every track it is offered to)',
};
const OFFER = [
  { flags: '--track <name>', about: 'the track to offer it to', fallback: 'stable' },
  { flags: '--waves <list>', about: 'shares of the fleet with delays', fallback: '100%' },
  { flags: '--start <instant>', about: 'when the first wave opens, in UTC (default: now)' },
];

export const ROLLOUT_COMMANDS: readonly CommandSpec[] = [
  {
    usage: 'start <change-or-release>',
    summary: 'stage 5, Deploy: offer a release to a track in waves',
    example: 'rollout start CHG-7 --track stable --waves "1%,10%@PT1H,100%@PT24H"',
    kind: 'signs',
    options: OFFER,
    run: start,
  },
  {
    usage: 'pause <change-or-release>',
    summary: 'offer it to nobody new',
    example: 'rollout pause core/auth@1.0.1',
    kind: 'signs',
    options: [TRACK],
    run: (session, input) => setPaused(session, input, true),
  },
  {
    usage: 'resume <change-or-release>',
    summary: 'offer it again: ends a pause and a halt',
    example: 'rollout resume core/auth@1.0.1',
    kind: 'signs',
    options: [TRACK],
    run: (session, input) => setPaused(session, input, false),
  },
  HALT,
  GUARD,
  STATUS_OF_ROLLOUT,
];

export const WITHDRAW: CommandSpec = {
  usage: 'withdraw <release>',
  summary: 'install it nowhere any more; what runs stays',
  example: 'withdraw core/auth@1.0.1',
  kind: 'signs',
  options: [TRACK],
  run: async (session, input) => {
    const ref = await findRelease(session, input);
    const track = input.optional('track') ?? null;
    await concludeRelease(session, 'withdraw', ref, [
      await editRollouts(session, ref, track, 'withdraw', { withdrawn: true }),
    ]);
  },
};

export const PROMOTE: CommandSpec = {
  usage: 'promote <change-or-release>',
  summary: 'offer the same digest to another track, once its change is completed',
  example: 'promote core/auth@1.0.1 --track lts --waves "10%,100%@P1D"',
  kind: 'signs',
  options: [
    { flags: '--track <name>', about: 'the track to offer it to', required: true },
    ...OFFER.slice(1),
  ],
  run: async (session, input) => {
    const change = await findChange(session.directory, input.argument(0));
    const ref = refOfChange(change);
    if (change.result !== 'completed') {
      throw new FairleadError('vendor/not-proven', {
        release: formatRef(ref),
        change: change.id,
        result: change.result,
      });
    }
    await finishOffer(session, 'promote', ref, await offer(session, ref, input, 'promote'));
  },
};

async function start(session: Session, input: Input): Promise<void> {
  const change = await findChange(session.directory, input.argument(0));
  const ref = refOfChange(change);
  const offered = rolloutsOf(await readReleases(session.directory), ref);
  // After the deploy stage only a repetition of the same start passes; another track is `promote`.
  const isRepeated = offered.some(({ document }) => document.track === input.text('track'));
  if (!isRepeated || stageDue(change) === 'deploy') verifyStageIsDue(change, 'deploy');
  await finishOffer(session, 'rollout-start', ref, await offer(session, ref, input, 'rollout start'));
}

interface Offer {
  readonly rollout: Rollout;
  readonly signed: SigningResult;
}

async function offer(session: Session, ref: ReleaseRef, input: Input, action: string): Promise<Offer> {
  const signed = await readReleases(session.directory);
  const { digest } = requireRelease(signed, ref);
  const track = input.text('track');
  const waves = parseWaves(input.text('waves'));
  const existing = rolloutsOf(signed, ref).find(({ document }) => document.track === track)?.document;
  if (existing !== undefined) {
    if (formatWaves(existing.waves) === formatWaves(waves)) {
      return { rollout: existing, signed: { kind: 'unchanged' } };
    }
    throw new FairleadError('vendor/already-offered', { release: formatRef(ref), track });
  }
  const document: Rollout = {
    schema: 'fairlead/rollout@1',
    ...{ release: ref, digest, track, waves },
    seed: randomBytes(16).toString('hex'),
    start: input.optional('start') ?? formatInstant(session.now()),
    ...{ paused: false, withdrawn: false },
  };
  const parsed = parseDocument(rollout, document, 'the rollout');
  const purpose = { action, subject: formatRef(ref) };
  return {
    rollout: parsed,
    signed: await changeTargets(session, 'releases', [rolloutTarget(parsed)], purpose),
  };
}

async function finishOffer(session: Session, name: string, ref: ReleaseRef, made: Offer): Promise<void> {
  const { rollout: document, signed } = made;
  const verb = signed.kind === 'pending' ? 'waits to be offered' : 'is offered';
  const about = `${formatRef(ref)} ${verb} on the track ${document.track}: ${describeWaves(document)}`;
  await concludeRelease(session, name, ref, [signed], about);
}

async function setPaused(session: Session, input: Input, paused: boolean): Promise<void> {
  const ref = await findRelease(session, input);
  const name = paused ? 'rollout-pause' : 'rollout-resume';
  const track = input.optional('track') ?? null;
  const signed = [await editRollouts(session, ref, track, name.replace('-', ' '), { paused })];
  if (!paused) {
    const { digest } = requireRelease(await readReleases(session.directory), ref);
    signed.push(await liftHalt(session, ref, digest));
  }
  await concludeRelease(session, name, ref, signed);
}

async function findRelease(session: Session, input: Input): Promise<ReleaseRef> {
  return refOfChange(await findChange(session.directory, input.argument(0)));
}
