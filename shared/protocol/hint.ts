// GET /api/v1/subscribe: what a server says over a WebSocket, so that an agent asks before it would have. It orders nothing.
import { z } from 'zod';
import { instant, line } from '../schema/common.ts';

/** Names that a later server adds are passed over. */
export const hint = z.object({
  /** The version of a timestamp that leads to something new. */
  timestamp: z.int().min(1).optional(),
  /** There is news about this instance's proposals. */
  proposals: z.literal(true).optional(),
  /** Milliseconds over which the agents that hear it spread their questions. */
  spreadMs: z.int().min(0),
});
export type Hint = z.output<typeof hint>;

export const SUBSCRIBE_PATH = '/api/v1/subscribe';
export const MAX_HINT_BYTES = 1_024;

/** After a connection that broke unseen the agent comes again: the one before is let go when a third comes. */
export const MOST_LISTENING = 2;

/** The server pings each connection that often; a proxy on the way that closes silent ones usually waits a minute. */
export const PING_MS = 45_000;

/** Whether the agent hears from its server as soon as there is something new; where it does not, it polls. */
export const hintsState = z.strictObject({
  listening: z.boolean(),
  since: instant,
  /** Why it does not. */
  problem: line.nullable(),
});
export type HintsState = z.output<typeof hintsState>;
