// The way to one release, for an operator who asks before they decide: nothing changes.
import { formatInstant } from '../../../shared/encoding/instant.ts';
import { isFairleadError, orNull } from '../../../shared/errors/error.ts';
import { inPieces } from '../../../shared/node/turns.ts';
import type { WayReply, WayRequest } from '../../../shared/protocol/way.ts';
import { componentKeyOf } from '../../../shared/schema/common.ts';
import { formatRef, parseRef, type ReleaseRef } from '../../../shared/schema/release-ref.ts';
import {
  longestInterruption,
  rollbackPlan,
  selectRollbackTarget,
  verifyReversible,
  verifyRiskAccepted,
} from '../../core/deploy/rollback-target.ts';
import { movesOf } from '../../core/forecast.ts';
import { findWay } from '../../core/way.ts';
import { type Assessing, assess } from './assess.ts';
import type { Needs } from './state.ts';

/** Errors: plan/no-such-release, reference/invalid, version/invalid. */
export async function readWay(state: Assessing & Needs<'trees'>, { target }: WayRequest): Promise<WayReply> {
  const ref = parseRef(target);
  const { facts } = await assess(state);
  const { outcome, hops, blockers } = await inPieces(findWay(facts, ref, state.offers.compile));
  const here = new Set(facts.means.stored);
  const described = hops.map((hop) => ({
    ...{ plan: hop.plan, forecast: hop.forecast },
    moves: movesOf(hop, here, facts.means),
  }));
  return {
    schema: 'fairlead/way@1',
    at: formatInstant(facts.now),
    target: formatRef(ref),
    outcome,
    hops: described,
    blockers: [...blockers],
    ...(outcome === 'runs' ? {} : await wayBack(state, ref)),
    interruptionMs: longestInterruption(facts.records),
  };
}

/** A version that ran here is gone back to, not planned for: what `rollback` would do, by the same rules. */
async function wayBack(
  state: Needs<'deployer' | 'offers'>,
  ref: ReleaseRef,
): Promise<Pick<WayReply, 'back'>> {
  if (ref.kind !== 'capability') return {};
  const { deployer } = state;
  const [generations, records] = await Promise.all([deployer.generations(), deployer.records()]);
  const current = await deployer.current();
  const to = { component: componentKeyOf(ref.suite, ref.name), version: ref.version };
  const target = orNull(() => selectRollbackTarget(generations, records, current?.number ?? null, to));
  if (target === null || current === null) return {};
  const plan = rollbackPlan(current, target);
  const problem = await problemOf(async () => {
    verifyReversible({ steps: plan.steps, from: current, generations, records });
    await inPieces(verifyRiskAccepted(target, state.offers.contact.catalog().advisories, []));
  });
  const command = `fairlead rollback --to ${formatRef(ref)} --reason "why"`;
  return { back: { generation: target.number, plan, problem, command } };
}

async function problemOf(act: () => Promise<void>): Promise<string | null> {
  try {
    await act();
    return null;
  } catch (error) {
    if (isFairleadError(error)) return error.message;
    throw error;
  }
}
