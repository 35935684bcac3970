// What is offered to the fleet, and how it fares there: rollouts, and the fixes that emergency orders force.
import { z } from 'zod';
import { fleetCounts } from '../change/change.ts';
import { instant, line } from '../schema/common.ts';

const count = z.int().min(0);

/** A change, and the track or the advisory by which it is offered: `CHG-7~stable`. */
export const offerId = z.string().regex(/^CHG-\d{1,9}~[A-Za-z0-9-]{1,64}$/, {
  error: 'a change and its track, such as CHG-7~stable',
});

const offer = {
  id: offerId,
  change: z.string(),
  /** `core/auth@1.0.1`. */
  release: z.string(),
  /** Null for an emergency order, which is for every track. */
  track: z.string().nullable(),
  state: z.enum(['scheduled', 'offered', 'paused', 'withdrawn', 'halted']),
  start: instant,
  /** When everybody it is for has been offered it; of an order, when nobody may put it off any longer. */
  last: instant,
  /** The halt in force. `server`: signed by this server by itself. */
  halt: z
    .object({ by: z.enum(['server', 'vendor']), reason: line, until: instant, class: line.nullable() })
    .nullable(),
};

export const rolloutsReply = z.object({ rollouts: z.array(z.object(offer)) });

const fare = { eligible: count, offered: count, counts: fleetCounts };

/** How far the next wave may go: from plain statistics, for a person to decide. An earlier server says nothing. */
const nextWave = z.object({
  /** With 95 % of confidence no more of a thousand go wrong. */
  at_most_permille: count,
  /** Installs in all that must have taken it, without another failure, for that to be tolerated; null: no number can show it. */
  needed: count.nullable(),
  /** Of those that it is for; null: it should not go on. */
  percent: z.int().min(1).max(100).nullable(),
  why: z.string(),
});

export const rolloutReply = z.object({
  ...offer,
  /** What began before does not count: the start, or when a halt of the server’s was lifted. */
  since: instant,
  /** `eligible`: installs that it is for, and of a class only those that have said that they are in it; `offered`: of them, those whose wave has come. */
  ...fare,
  next: nextWave.optional(),
  /** Of those at which nothing began: how many by each reason, the most first. */
  omitted: z.array(z.object({ reason: z.string(), count })),
  /** By what installs are, such as `os=debian:12`; classes overlap. */
  classes: z.array(z.object({ class: z.string(), ...fare })),
  /** What speaks against it; nothing while it goes on. */
  findings: z.array(
    z.object({ cause: z.enum(['rate', 'silence']), class: z.string().nullable(), text: z.string() }),
  ),
});
export type RolloutReply = z.output<typeof rolloutReply>;
