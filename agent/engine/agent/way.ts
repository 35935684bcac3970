// The way to one release, for an operator who asks before they decide: nothing changes.
import { formatInstant } from '../../../shared/encoding/instant.ts';
import type { WayReply, WayRequest } from '../../../shared/protocol/way.ts';
import { formatRef, parseRef } from '../../../shared/schema/release-ref.ts';
import type { Offer } from '../../core/conclude.ts';
import { longestInterruption } from '../../core/deploy/rehearsal.ts';
import { findWay } from '../../core/way.ts';
import { assess } from './assess.ts';
import type { AgentState } from './state.ts';
import { movesOf } from './status.ts';

/** Errors: plan/no-such-release, reference/invalid, version/invalid. */
export async function readWay(state: AgentState, { target }: WayRequest): Promise<WayReply> {
  const ref = parseRef(target);
  const { facts } = await assess(state, state.contact.catalog());
  const { outcome, hops, blockers } = findWay(facts, ref);
  const fetched = new Set<string>();
  const described: WayReply['hops'] = [];
  for (const hop of hops) {
    const fetchBytes = await bytesToFetch(state, hop, fetched);
    described.push({ plan: hop.plan, moves: movesOf(hop), fetchBytes });
  }
  return {
    schema: 'fairlead/way@1',
    at: formatInstant(facts.now),
    target: formatRef(ref),
    outcome,
    hops: described,
    blockers: [...blockers],
    interruptionMs: longestInterruption(facts.records),
  };
}

/** Adds the trees to `fetched`: an earlier deployment on the way has brought them. */
async function bytesToFetch({ trees }: AgentState, { target }: Offer, fetched: Set<string>): Promise<number> {
  let sum = 0;
  for (const { document } of target.releases.values()) {
    const { digest, bytes } = document.tree;
    if (fetched.has(digest) || (await trees.has(digest))) continue;
    fetched.add(digest);
    sum += bytes;
  }
  return sum;
}
