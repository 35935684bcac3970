// `rollout status`, `halt` and `guard`: how a rollout fares on the fleet, and its brake, by hand or by a threshold.

import type { ChangeRecord } from '../../../../shared/change/change.ts';
import { spanMs } from '../../../../shared/encoding/duration.ts';
import { instantMs } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { formatRef } from '../../../../shared/schema/release-ref.ts';
import { isHaltSpan, type Rollout } from '../../../../shared/schema/rollout.ts';
import { exceedsShare, parseShare } from '../../core/post-deploy.ts';
import { formatWaves } from '../../core/waves.ts';
import { findChange, refOfChange } from '../../workspace/changes.ts';
import { readReleases, requireRelease, rolloutsOf } from '../../workspace/documents.ts';
import { createHalt, findHalt, signHalt } from '../../workspace/rollouts.ts';
import type { Session } from '../../workspace/session.ts';
import type { SigningResult } from '../../workspace/signing.ts';
import type { CommandSpec, Input } from '../command.ts';
import { concludeRelease } from '../conclude.ts';
import { describeCounts } from '../describe.ts';
import { readFleetCounts } from '../fleet.ts';

const LASTS = { flags: '--for <duration>', about: 'such as 4h, at most 72h', fallback: 'PT24H' };

export const HALT: CommandSpec = {
  usage: 'halt <change-or-release>',
  summary: 'stop it at once, everywhere, for at most 72 hours, with the halts key',
  example: 'rollout halt core/auth@1.0.1 --reason "errors on login" --for PT24H',
  kind: 'signs',
  options: [{ flags: '--reason <text>', about: 'shown to every operator', required: true }, LASTS],
  run: async (session, input) => {
    const change = await findChange(session.directory, input.argument(0));
    const signed = await halt(session, change, input.text('reason'), input.text('for'));
    await concludeRelease(session, 'rollout-halt', refOfChange(change), [signed]);
  },
};

export const GUARD: CommandSpec = {
  usage: 'guard <change-or-release>',
  summary: 'halt it when too many deployments have failed; looks once: run it by a timer',
  example: 'rollout guard CHG-7 --halt-over 10% --passphrase-file halts.pass',
  kind: 'signs',
  options: [
    {
      flags: '--halt-over <percent>',
      about: 'share of the ended deployments that may have failed or rolled back',
      required: true,
    },
    LASTS,
  ],
  run: guard,
};

export const STATUS_OF_ROLLOUT: CommandSpec = {
  usage: 'status <change-or-release>',
  summary: 'where it is offered, and how it fares by reports of the agents',
  example: 'rollout status CHG-7',
  kind: 'reads',
  run: status,
};

/** Errors: vendor/not-released, vendor/option-invalid, and those of signing. */
async function halt(
  session: Session,
  change: ChangeRecord,
  reason: string,
  lasts: string,
): Promise<SigningResult> {
  const ref = refOfChange(change);
  const { digest } = requireRelease(await readReleases(session.directory), ref);
  const lastsMs = spanMs(lasts);
  if (!isHaltSpan(lastsMs)) {
    const form = 'a duration up to 72h; halt it again before it ends, or withdraw it';
    throw new FairleadError('vendor/option-invalid', { option: '--for', value: lasts, form });
  }
  return signHalt(session, ref, createHalt(digest, reason, session.now(), lastsMs));
}

/** A halt in force stays as it is: repeated by a timer, this signs once. */
async function guard(session: Session, input: Input): Promise<void> {
  const share = parseShare(input.text('haltOver'), '--halt-over');
  const change = await findChange(session.directory, input.argument(0));
  const ref = refOfChange(change);
  const { digest } = requireRelease(await readReleases(session.directory), ref);
  const counts = await readFleetCounts(session, change);
  const halted = await findHalt(session, digest);
  const isOver = halted === undefined && exceedsShare(counts, share);
  const reason = `over ${input.text('haltOver')} failed: ${describeCounts(counts)}`;
  const signed = isOver ? [await halt(session, change, reason, input.text('for'))] : [];
  const verdict = halted === undefined ? (isOver ? 'halted' : 'goes on') : `halted until ${halted.expires}`;
  const about = `${formatRef(ref)} ${verdict}: ${describeCounts(counts)}`;
  await concludeRelease(session, 'rollout-guard', ref, signed, about);
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
    ...(rows.length === 0 ? ['no rollout'] : formatTable([['Track', 'State', 'Start', 'Waves'], ...rows])),
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
