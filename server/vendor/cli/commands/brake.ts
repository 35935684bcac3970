// `rollout status`, `halt` and `guard`: how a rollout fares on the fleet, and its brake, by hand or by a threshold.

import type { ChangeRecord } from '../../../../shared/change/change.ts';
import { judgeRollout, toleranceOf } from '../../../../shared/change/judge.ts';
import { instantMs } from '../../../../shared/encoding/instant.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { formatRef } from '../../../../shared/schema/release-ref.ts';
import type { Rollout } from '../../../../shared/schema/rollout.ts';
import { formatWaves } from '../../core/waves.ts';
import { findChange, refOfChange } from '../../workspace/changes.ts';
import { readReleases, requireRelease, rolloutsOf } from '../../workspace/documents.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { createHalt, findHalt, signHalt } from '../../workspace/rollouts.ts';
import type { SigningResult } from '../../workspace/signing.ts';
import { concludeRelease } from '../conclude.ts';
import { describeCounts } from '../describe.ts';
import { readFleetCounts } from '../fleet.ts';
import { followServerHalts } from '../publish.ts';

interface HaltOptions {
  readonly reason: string;
  /** Milliseconds. */
  readonly for: number;
}

export async function halt(session: Session, text: string, options: HaltOptions): Promise<void> {
  const change = await findChange(session.directory, text);
  const signed = await haltChange(session, change, options.reason, options.for);
  await concludeRelease(session, 'rollout-halt', refOfChange(change), [signed]);
}

/** Errors: vendor/not-released, and those of signing. */
async function haltChange(
  session: Session,
  change: ChangeRecord,
  reason: string,
  lastsMs: number,
): Promise<SigningResult> {
  const ref = refOfChange(change);
  const { digest } = requireRelease(await readReleases(session.directory), ref);
  await followServerHalts(session);
  return signHalt(session, ref, createHalt(digest, reason, session.now(), lastsMs));
}

interface GuardOptions {
  /** From 0 to 1; what the change tolerates, where it is not given. */
  readonly haltOver?: number;
  /** Milliseconds. */
  readonly for: number;
}

/** A halt in force stays as it is: repeated by a timer, this signs once. */
export async function guard(session: Session, text: string, options: GuardOptions): Promise<void> {
  const change = await findChange(session.directory, text);
  const ref = refOfChange(change);
  const { digest } = requireRelease(await readReleases(session.directory), ref);
  const counts = await readFleetCounts(session, change);
  await followServerHalts(session);
  const halted = await findHalt(session, digest);
  const judged = judgeRollout(options.haltOver ?? toleranceOf(change), { counts, silence: null });
  const found =
    judged.kind === 'stop' ? judged.findings.map(({ text: finding }) => finding).join('; ') : null;
  const isStopped = halted === undefined && found !== null;
  const signed = isStopped ? [await haltChange(session, change, found, options.for)] : [];
  const verdict = halted !== undefined ? `halted until ${halted.expires}` : isStopped ? 'halted' : 'goes on';
  const about = `${formatRef(ref)} ${verdict}: ${found ?? describeCounts(counts)}`;
  await concludeRelease(session, 'rollout-guard', ref, signed, about);
}

export async function status(session: Session, text: string): Promise<void> {
  const change = await findChange(session.directory, text);
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
