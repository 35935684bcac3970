// `rollout`: stage 5 offers a release to a track in waves, and may pause, resume or halt what it offers.
import { randomBytes } from 'node:crypto';
import { durationMs } from '../../../shared/encoding/duration.ts';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { formatRef, type ReleaseRef } from '../../../shared/schema/release-ref.ts';
import { type Rollout, rollout } from '../../../shared/schema/rollout.ts';
import { stageDue, verifyStageIsDue } from '../../core/pipeline.ts';
import { MAX_HALT_MS } from '../../core/roles.ts';
import { describeWaves, formatWaves, parseWaves } from '../../core/waves.ts';
import type { CommandSpec, Input } from '../command.ts';
import { conclude } from '../conclude.ts';
import { describeCounts } from '../describe.ts';
import { readFleetCounts } from '../fleet.ts';
import { formatTable } from '../output.ts';
import type { Session } from '../session.ts';
import { findChange, refOfChange } from '../workspace/changes.ts';
import { readReleases, requireRelease, rolloutsOf, rolloutTarget } from '../workspace/documents.ts';
import { createHalt, editRollouts, findHalt, liftHalt, signHalt } from '../workspace/rollouts.ts';
import type { SigningResult } from '../workspace/signing.ts';
import { changeTargets } from '../workspace/targets.ts';

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
  {
    usage: 'halt <change-or-release>',
    summary: 'stop it at once, everywhere, for at most 72 hours, with the halts key',
    example: 'rollout halt core/auth@1.0.1 --reason "errors on login" --for PT24H',
    kind: 'signs',
    options: [
      { flags: '--reason <text>', about: 'shown to every operator', required: true },
      { flags: '--for <duration>', about: 'at most PT72H', fallback: 'PT24H' },
    ],
    run: halt,
  },
  {
    usage: 'status <change-or-release>',
    summary: 'where it is offered, and how it fares by reports of the agents',
    example: 'rollout status CHG-7',
    kind: 'reads',
    run: status,
  },
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
    await finish(session, 'withdraw', ref, [
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
  await finish(
    session,
    name,
    ref,
    [signed],
    [`${formatRef(ref)} ${verb} on the track ${document.track}: ${describeWaves(document)}`],
  );
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
  await finish(session, name, ref, signed);
}

async function halt(session: Session, input: Input): Promise<void> {
  const ref = await findRelease(session, input);
  const { digest } = requireRelease(await readReleases(session.directory), ref);
  const lasts = durationMs(input.text('for'));
  if (!(lasts > 0 && lasts <= MAX_HALT_MS)) {
    const form = 'a duration up to PT72H; halt it again before it ends, or withdraw it';
    throw new FairleadError('vendor/option-invalid', { option: '--for', value: input.text('for'), form });
  }
  const document = createHalt(digest, input.text('reason'), session.now(), lasts);
  await finish(session, 'rollout-halt', ref, [await signHalt(session, ref, document)]);
}

async function status(session: Session, input: Input): Promise<void> {
  const change = await findChange(session.directory, input.argument(0));
  const ref = refOfChange(change);
  const signed = await readReleases(session.directory);
  const rollouts = rolloutsOf(signed, ref).map(({ document }) => document);
  const halted = change.release === null ? undefined : await findHalt(session, change.release);
  const counts = await readFleetCounts(session, change);
  const rows = rollouts.map((each) => [
    each.track,
    stateOf(each, session.now()),
    each.start,
    formatWaves(each.waves),
  ]);
  const lines = [
    `${formatRef(ref)} (${change.id})${halted === undefined ? '' : `: halted until ${halted.expires}: ${halted.reason}`}`,
    ...(rows.length === 0 ? ['no rollout'] : formatTable(['Track', 'State', 'Start', 'Waves'], rows)),
    describeCounts(counts),
  ];
  session.out.result('rollout-status', lines, {
    change: change.id,
    release: formatRef(ref),
    ...{ rollouts, halt: halted ?? null, counts },
  });
}

function stateOf(document: Rollout, now: number): string {
  if (document.withdrawn) return 'withdrawn';
  if (document.paused) return 'paused';
  return instantMs(document.start) > now ? 'scheduled' : 'offered';
}

async function findRelease(session: Session, input: Input): Promise<ReleaseRef> {
  return refOfChange(await findChange(session.directory, input.argument(0)));
}

async function finish(
  session: Session,
  name: string,
  ref: ReleaseRef,
  signed: readonly SigningResult[],
  about: readonly string[] = [formatRef(ref)],
): Promise<void> {
  const { lines, document } = await conclude(session, signed);
  session.out.result(name, [...about, ...lines], { release: formatRef(ref), ...document });
}
