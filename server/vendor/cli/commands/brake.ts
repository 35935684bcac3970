// `rollout status`, `halt` and `guard`: how a rollout fares on the fleet, and its brake, by hand or by a threshold.

import type { ChangeRecord } from '../../../../shared/change/change.ts';
import { judgeRollout, toleranceOf } from '../../../../shared/change/judge.ts';
import type { ScopedHalt } from '../../../../shared/compile/releases.ts';
import { instantMs } from '../../../../shared/encoding/instant.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import { type Classes, formatClasses } from '../../../../shared/schema/classes.ts';
import { formatRef } from '../../../../shared/schema/release-ref.ts';
import type { Rollout } from '../../../../shared/schema/rollout.ts';
import { formatWaves } from '../../core/waves.ts';
import { refOfChange } from '../../workspace/changes.ts';
import { readRolloutsOf, requireRelease } from '../../workspace/documents.ts';
import { findChange } from '../../workspace/known-changes.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { createHalt, findHalt, signHalt, widenHalt } from '../../workspace/rollouts.ts';
import type { SigningResult } from '../../workspace/signing.ts';
import { concludeRelease } from '../conclude.ts';
import { describeCounts } from '../describe.ts';
import { describeFleet } from '../describe-fleet.ts';
import { readFleetCounts, readRollouts } from '../fleet.ts';
import { followServerHalts } from '../publish.ts';

interface HaltOptions {
  readonly reason: string;
  /** Milliseconds. */
  readonly for: number;
  /** For all where none is given. */
  readonly class?: Classes;
}

export async function halt(session: Session, text: string, options: HaltOptions): Promise<void> {
  const change = await findChange(session.directory, text);
  const { signed, halt: made } = await haltChange(session, change, options);
  const ref = refOfChange(change);
  const whom =
    made.classes === undefined ? '' : ` is halted for installs with ${formatClasses(made.classes)}`;
  await concludeRelease(session, 'rollout-halt', ref, [signed], `${formatRef(ref)}${whom}`);
}

/** Errors: vendor/not-released, vendor/halted-for-all, and those of signing. */
async function haltChange(
  session: Session,
  change: ChangeRecord,
  { reason, for: lastsMs, class: classes }: HaltOptions,
): Promise<{ readonly signed: SigningResult; readonly halt: ScopedHalt }> {
  const ref = refOfChange(change);
  const { digest } = await requireRelease(session.directory, ref);
  await followServerHalts(session);
  const asked = createHalt(digest, reason, session.now(), lastsMs);
  const before = await findHalt(session, digest);
  const made = widenHalt(ref, before, classes === undefined ? asked : { ...asked, classes });
  return { signed: await signHalt(session, ref, made), halt: made };
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
  const { digest } = await requireRelease(session.directory, ref);
  const counts = await readFleetCounts(session, change);
  await followServerHalts(session);
  const found = await findHalt(session, digest);
  // One of a class stops nobody else.
  const halted = found?.classes === undefined ? found : undefined;
  const judged = judgeRollout(options.haltOver ?? toleranceOf(change), { counts, silence: null });
  const why = judged.kind === 'stop' ? judged.findings.map(({ text: finding }) => finding).join('; ') : null;
  const isStopped = halted === undefined && why !== null;
  const signed = isStopped
    ? [(await haltChange(session, change, { reason: why, for: options.for })).signed]
    : [];
  const verdict = halted !== undefined ? `halted until ${halted.expires}` : isStopped ? 'halted' : 'goes on';
  const about = `${formatRef(ref)} ${verdict}: ${why ?? describeCounts(counts)}`;
  await concludeRelease(session, 'rollout-guard', ref, signed, about);
}

export async function status(session: Session, text: string): Promise<void> {
  const change = await findChange(session.directory, text);
  const ref = refOfChange(change);
  const rollouts = (await readRolloutsOf(session.directory, ref)).map(({ document }) => document);
  const halted = change.release === null ? undefined : await findHalt(session, change.release);
  const counts = await readFleetCounts(session, change);
  const fleet = await readRollouts(session, change.id);
  const rows = rollouts.map((each) => [
    each.track,
    stateOf(each, session.now()),
    each.start,
    each.classes === undefined ? 'all' : formatClasses(each.classes),
    formatWaves(each.waves),
  ]);
  const head = ['Track', 'State', 'Start', 'For', 'Waves'];
  const lines = [
    `${formatRef(ref)} (${change.id})${halted === undefined ? '' : `: ${describeHalt(halted)}`}`,
    ...(rows.length === 0 ? ['no rollout'] : formatTable([head, ...rows])),
    describeCounts(counts),
    ...fleet.flatMap(describeFleet),
  ];
  session.out.result('rollout-status', lines, {
    change: change.id,
    release: formatRef(ref),
    ...{ rollouts, halt: halted ?? null, counts, fleet },
  });
}

function describeHalt({ expires, reason, classes }: ScopedHalt): string {
  const whom = classes === undefined ? '' : ` for installs with ${formatClasses(classes)}`;
  return `halted${whom} until ${expires}: ${reason}`;
}

function stateOf(document: Rollout, now: number): string {
  if (document.withdrawn) return 'withdrawn';
  if (document.paused) return 'paused';
  return instantMs(document.start) > now ? 'scheduled' : 'offered';
}
