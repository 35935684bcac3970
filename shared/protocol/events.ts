// GET /api/v1/events: what happens in the fleet, told as it happens, and how it stands in a stream of server-sent events.
import { z } from 'zod';
import type { JsonObject } from '../encoding/json.ts';
import { instant, line } from '../schema/common.ts';
import { instanceId } from './report.ts';

export const EVENTS_PATH = '/api/v1/events';
export const EVENT_STREAM = 'text/event-stream';

/** What the server did or heard; most have the name that the audit log has for it. */
export const EVENT_KINDS = [
  'deployment.began',
  'deployment.ended',
  'instance.decided',
  'order.postponed',
  'instance.health',
  'instance.silent',
  'instance.heard',
  'enrolment.redeemed',
  'instance.isolated',
  'instance.restored',
  'instance.retired',
  'instance.moved',
  'identity.twinned',
  'ledger.forked',
  'proposal.created',
  'proposal.changed',
  'proposal.withdrawn',
  'proposal.answered',
  'patch.enforced',
  'publication.accepted',
  'rollout.halted',
  'rollout.resumed',
  'backup.failed',
  'drill.failed',
  'disk.fills',
  'expiry.near',
  'job.failing',
  'webhook.disabled',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** In the place of events that nobody can tell any more: whoever follows reads the lists anew. */
export const GAP = 'gap';

/** A later server has other kinds, and says of each in `text` what happened. */
export const fleetEvent = z.object({
  /** Goes up, with holes; what `Last-Event-ID` names. */
  id: z.int().min(0),
  at: instant,
  kind: z.string().min(1).max(60),
  /** Whose it is; null where it is of the whole fleet. */
  instance: z.object({ id: instanceId, name: line }).nullable(),
  /** Who did it; absent for a customer’s token. */
  actor: z.string().max(400).optional(),
  /** One line for people. */
  text: z.string().max(1_000),
  details: z.record(z.string(), z.json()).transform((details) => details as JsonObject),
});
export type FleetEvent = z.output<typeof fleetEvent>;

/** That each token or person reads along with at once, and all of them on one process. */
export const MOST_STREAMS_OF_ONE = 8;
export const MOST_STREAMS = 256;

/** How long whoever lost the stream waits before it asks again. */
export const RETRY_MS = 5_000;
/** Something comes that often: a proxy on the way that closes silent connections usually waits a minute. */
export const ALIVE_MS = 15_000;

/** WHATWG HTML §9.2: one line of JSON holds no line break, so one field of data is enough. */
export function frameEvent(event: { readonly id: number; readonly [field: string]: unknown }): string {
  return `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Moves the reader’s place on and tells nothing (§9.2.6: an id without data is kept). */
export function framePlace(id: number): string {
  return `: alive\nid: ${id}\n\n`;
}

export const LONGEST_FRAME = 64 * 1024;

export interface Framed {
  readonly id: string | null;
  /** Null where nothing is told. */
  readonly data: string | null;
}

/** Reads a stream as it comes, in pieces cut anywhere; undefined once more stands in a frame than any holds. */
export function createFrameReader(): (piece: string) => readonly Framed[] | undefined {
  let rest = '';
  return (piece) => {
    // What was looked at before is not looked at again, but for a line break that the cut may have gone through.
    END.lastIndex = Math.max(0, rest.length - 3);
    rest += piece;
    const frames: Framed[] = [];
    let begin = 0;
    for (let end = END.exec(rest); end !== null; end = END.exec(rest)) {
      frames.push(readFrame(rest.slice(begin, end.index)));
      begin = END.lastIndex;
    }
    rest = rest.slice(begin);
    return rest.length > LONGEST_FRAME ? undefined : frames;
  };
}

/** A carriage return at the end of a piece may be half of a line break. */
const END = /(?:\r\n|\n|\r(?!\n|$)){2}/g;

function readFrame(text: string): Framed {
  const fields = text.split(/\r\n|\n|\r/).map((one) => /^(id|data)(?:: ?(.*))?$/s.exec(one));
  const of = (name: string) => fields.flatMap((one) => (one?.[1] === name ? [one[2] ?? ''] : []));
  const data = of('data');
  return { id: of('id').at(-1) ?? null, data: data.length === 0 ? null : data.join('\n') };
}
