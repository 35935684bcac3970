// Reports of agents and their heartbeats: acknowledged once they are on disk.
import type { z } from 'zod';
import { parseJson } from '../../../shared/encoding/json.ts';
import { PROPOSALS_HEADER } from '../../../shared/protocol/proposal.ts';
import {
  HELD_HEADER,
  heartbeat,
  heartbeatReply,
  OPTIONAL_PARTS,
  READS_HEADER,
  report,
  reportReply,
  TWINS_HEADER,
} from '../../../shared/protocol/report.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import type { Context } from '../../context.ts';
import { MAX_REPORT_BYTES } from '../../db/records.ts';
import type { Taken } from '../../db/reports.ts';
import { speakerOf } from '../access.ts';
import { limitsOf } from '../bodies.ts';
import { defineRoute, type Route } from '../route.ts';
import type { Speaker } from '../speaker.ts';

/** Many times what one takes. */
const HEARTBEAT_BYTES = 1_024;

/** What a sender is told; beside it, in headers, what an agent of an earlier version takes no key in the body for. */
export interface Said<Reply extends object = object> {
  readonly reply: Reply;
  readonly headers: readonly Header[];
}

/** Agents leave out what a server does not say that it reads. */
const READS: Header = [READS_HEADER, OPTIONAL_PARTS.join(',')];

type Header = readonly [name: string, value: string];

export const REPORTS = '/api/v1/reports';
export const HEARTBEATS = '/api/v1/heartbeats';

/** By its bytes, from somebody whose proof fits them. Errors: json/*, document/invalid, server/busy, and those of `writeReports`. */
export async function takeReport(
  context: Context,
  speaker: Speaker,
  bytes: Uint8Array,
): Promise<Said<z.output<typeof reportReply>>> {
  const received = context.now();
  const rows = await context.readReport(bytes, received);
  const taken = await context.reports.submit({ ...speaker, rows, received }, bytes.length);
  const { report_digest: digest } = rows.instance;
  const held: readonly Header[] = taken.isHeld && digest !== null ? [[HELD_HEADER, digest]] : [];
  const { sequence, witnessed } = taken;
  const told = witnessed === null ? {} : await receiptFor(context, speaker.instance, witnessed, received);
  return { reply: { sequence, ...told }, headers: [...newsOf(taken), ...held, READS] };
}

/** To an agent that names the head of its log: an earlier one would refuse the key. What is on disk is kept, with or without it. */
async function receiptFor(
  { signReceipt, log }: Context,
  ...[instance, witnessed, received]: Parameters<Context['signReceipt']>
): Promise<Pick<z.output<typeof reportReply>, 'receipt'>> {
  try {
    return { receipt: await signReceipt(instance, witnessed, received) };
  } catch (err) {
    log.error({ err, instance }, 'a receipt for the log of an install could not be signed');
    return {};
  }
}

/** The same of a heartbeat. */
export async function takeHeartbeat(
  { reports, now }: Context,
  speaker: Speaker,
  bytes: Uint8Array,
): Promise<Said<{ sequence: number; whole: boolean }>> {
  const name = 'the request body';
  const { sequence, report: digest } = parseDocument(
    heartbeat,
    parseJson(bytes, name, limitsOf(HEARTBEAT_BYTES)),
    name,
  );
  const taken = await reports.submit({ ...speaker, beat: { sequence, digest }, received: now() });
  return { reply: { sequence: taken.sequence, whole: !taken.isHeld }, headers: newsOf(taken) };
}

function newsOf({ mark, twins }: Taken): readonly Header[] {
  return [
    ...(mark === null ? [] : [[PROPOSALS_HEADER, String(mark)] as const]),
    ...(twins === null ? [] : [[TWINS_HEADER, twins] as const]),
  ];
}

export const REPORT_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: REPORTS,
    access: 'agent',
    looksItself: true,
    quota: 'report',
    tag: 'agents',
    summary: 'Report what runs, what was decided and what happened since',
    maxBytes: MAX_REPORT_BYTES,
    quiet: true,
    repeats: 'by-nature',
    raw: 'bytes',
    holds: report,
    reply: reportReply,
    example: {
      body: {
        schema: 'fairlead/report@1',
        sequence: 7,
        at: '2026-11-20T12:00:00Z',
        agentVersion: '0.1.0',
        channel: 'auto',
        track: 'stable',
        manifest: null,
        components: [],
        decision: null,
        records: [],
      },
      reply: { sequence: 7 },
    },
    answer: async (context, ask) => tell(ask, await takeReport(context, speakerOf(ask.caller), ask.bytes())),
  }),
  defineRoute({
    method: 'POST',
    path: HEARTBEATS,
    access: 'agent',
    looksItself: true,
    quota: 'heartbeat',
    tag: 'agents',
    summary: 'Say that a report would say what the last one said',
    maxBytes: HEARTBEAT_BYTES,
    quiet: true,
    repeats: 'by-nature',
    raw: 'bytes',
    holds: heartbeat,
    reply: heartbeatReply,
    example: {
      body: {
        schema: 'fairlead/heartbeat@1',
        sequence: 8,
        report: 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:',
      },
      // The report that is held says something else.
      reply: { sequence: 1, whole: true },
    },
    answer: async (context, ask) =>
      tell(ask, await takeHeartbeat(context, speakerOf(ask.caller), ask.bytes())),
  }),
];

function tell<Reply extends object>(
  ask: { header(name: string, value: string): void },
  { reply, headers }: Said<Reply>,
): Reply {
  for (const [name, value] of headers) ask.header(name, value);
  return reply;
}
