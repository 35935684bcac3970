// `events`: what happened in the fleet, and what happens while somebody watches.
import { setTimeout } from 'node:timers/promises';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { formatInstantMs, spanMs } from '../../../../shared/encoding/instant.ts';
import { parseJson } from '../../../../shared/encoding/json.ts';
import { FairleadError, isFairleadError } from '../../../../shared/errors/error.ts';
import { formatTable } from '../../../../shared/present/table.ts';
import {
  createFrameReader,
  EVENTS_PATH,
  type FleetEvent,
  fleetEvent,
  LONGEST_FRAME,
} from '../../../../shared/protocol/events.ts';
import { parseDocument } from '../../../../shared/schema/parse-document.ts';
import type { Session } from '../../workspace/passphrases.ts';
import { askServer, findInstance } from '../fleet.ts';
import type { ServerClient } from '../server-client.ts';

export interface EventsOptions {
  /** A span, or an instant. */
  readonly since?: string;
  readonly instance?: string;
  readonly follow?: boolean;
}

/** More than anybody reads at once; `--since` takes less. */
const MOST_LISTED = 10_000;

export async function events(session: Session, options: EventsOptions): Promise<void> {
  const { follow = false } = options;
  await askServer(session, async (server) => {
    const query = await queryOf(server, session.now(), options);
    if (!follow) {
      const found: FleetEvent[] = [];
      for await (const event of readEvents(server, query, null)) {
        if (found.push(event) > MOST_LISTED) break;
      }
      tell(session, found.slice(0, MOST_LISTED), found.length > MOST_LISTED);
      return;
    }
    for await (const event of followEvents(session, server, query)) {
      session.out.result('events', [lineOf(event)], { events: [event], more: false });
      // Whoever read along has gone.
      if (process.stdout.destroyed) return;
    }
  });
}

async function queryOf(
  server: ServerClient,
  now: number,
  { since, instance, follow = false }: EventsOptions,
): Promise<URLSearchParams> {
  const query = new URLSearchParams({ follow: String(follow) });
  const from = since ?? (follow ? undefined : 'P1D');
  if (from !== undefined) {
    const span = spanMs(from);
    query.set('since', Number.isNaN(span) ? from : formatInstantMs(now - span));
  }
  if (instance !== undefined) query.set('instance', (await findInstance(server, instance)).id);
  return query;
}

/** Comes again where the stream was lost, and goes on after the last one told. */
async function* followEvents(
  session: Session,
  server: ServerClient,
  query: URLSearchParams,
): AsyncGenerator<FleetEvent> {
  const place = { last: null as string | null };
  for (let lost = 0; ; lost++) {
    try {
      for await (const event of readEvents(server, query, place)) {
        lost = 0;
        yield event;
      }
    } catch (error) {
      if (place.last === null || !isPassing(error)) throw error;
      if (lost === 0) session.out.note(`the stream was lost (${error.message}); trying again`);
    }
    await setTimeout(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** lost) * (0.5 + Math.random()));
  }
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** The server, or who stands before it, is away or busy. */
function isPassing(error: unknown): error is FairleadError {
  if (isFairleadError(error, 'vendor/server-unreachable')) return true;
  if (!isFairleadError(error, 'vendor/server-refused')) return false;
  return error.data.status >= 500 || error.data.status === 429;
}

/** `place` is moved on with what is read, whether anything was told there or not. */
async function* readEvents(
  server: ServerClient,
  query: URLSearchParams,
  place: { last: string | null } | null,
): AsyncGenerator<FleetEvent> {
  const path = `${EVENTS_PATH}?${query}`;
  const last = place?.last ?? null;
  const read = createFrameReader();
  for await (const piece of server.stream(path, last === null ? {} : { 'last-event-id': last })) {
    const frames = read(piece);
    if (frames === undefined)
      throw new FairleadError('transport/too-large', { url: path, limit: LONGEST_FRAME });
    for (const { id, data } of frames) {
      if (data !== null) yield parseDocument(fleetEvent, parseJson(utf8(data), path, LIMITS), path);
      if (id !== null && place !== null) place.last = id;
    }
  }
}

const LIMITS = { maxBytes: LONGEST_FRAME, maxDepth: 16, maxNodes: 10_000 };

/** Of a stream: no heading, and no column that waits for the longest. */
function lineOf(event: FleetEvent): string {
  return cellsOf(event).filter(Boolean).join('  ');
}

function tell(session: Session, found: readonly FleetEvent[], more: boolean): void {
  const heading = ['At', 'Install', 'Event', 'What', 'By'];
  const lines = found.length === 0 ? ['events: none'] : formatTable([heading, ...found.map(cellsOf)]);
  session.out.result('events', more ? [...lines, '… and more'] : lines, { events: found, more });
}

function cellsOf({ at, instance, kind, text, actor = '' }: FleetEvent): readonly string[] {
  return [at, instance?.name ?? '-', kind, text, actor.startsWith('instance ') ? '' : actor];
}
