// The morning's question about a fleet: who is silent, who fails, who waits for whom.
import { z } from 'zod';
import { instant, line } from '../schema/common.ts';
import { blocker, decision } from '../schema/decision.ts';

const count = z.int().min(0);

/** How many, and the first few of them by name. */
const some = z.object({
  count,
  instances: z.array(z.object({ id: z.string(), name: line })),
});

export const fleetSummary = z.object({
  at: instant,
  /** In service: all but the retired. */
  instances: count,
  isolated: some,
  /** They say that they went to another server, and nobody has retired them here. */
  moved: some,
  /** Not heard for as long as was asked, or never. */
  silent: some,
  /** Two agents speak in turns for them. */
  twinned: some,
  /** Something that runs there is unhealthy. */
  unhealthy: some,
  /** A deployment failed there within the last day. */
  failing: some,
  verdicts: z.array(z.object({ verdict: decision.shape.verdict, count })),
  /** By who can clear it and why; most first. */
  blocked: z.array(z.object({ owner: blocker.shape.owner, code: z.string(), ...some.shape })),
  /** Proposals that wait for a person or for their moment. */
  proposals: count,
});
export type FleetSummary = z.output<typeof fleetSummary>;
