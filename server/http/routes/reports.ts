// Reports of agents and their heartbeats: acknowledged once they are on disk.
import { PROPOSALS_HEADER } from '../../../shared/protocol/proposal.ts';
import {
  HELD_HEADER,
  heartbeat,
  heartbeatReply,
  report,
  reportReply,
  TWINS_HEADER,
} from '../../../shared/protocol/report.ts';
import { MAX_REPORT_BYTES } from '../../db/records.ts';
import type { TakenReport } from '../../db/taken-reports.ts';
import { speakerOf } from '../access.ts';
import { defineRoute, type Route } from '../route.ts';

/** Many times what one takes. */
const HEARTBEAT_BYTES = 1_024;

export const REPORT_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/reports',
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
    answer: async ({ reports, readReport, now }, ask) => {
      const bytes = ask.bytes();
      const received = now();
      const rows = await readReport(bytes, received);
      const taken = await reports.submit({ ...speakerOf(ask.caller), rows, received }, bytes.length);
      tell(ask, taken);
      const { report_digest: digest } = rows.instance;
      if (taken.isHeld && digest !== null) ask.header(HELD_HEADER, digest);
      return { sequence: taken.sequence };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/v1/heartbeats',
    access: 'agent',
    looksItself: true,
    quota: 'heartbeat',
    tag: 'agents',
    summary: 'Say that a report would say what the last one said',
    maxBytes: HEARTBEAT_BYTES,
    quiet: true,
    repeats: 'by-nature',
    body: heartbeat,
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
    answer: async ({ reports, now }, ask) => {
      const { sequence, report: digest } = ask.body;
      const beat = { sequence, digest };
      const taken = await reports.submit({ ...speakerOf(ask.caller), beat, received: now() });
      tell(ask, taken);
      return { sequence: taken.sequence, whole: !taken.isHeld };
    },
  }),
];

/** In headers: an agent of an earlier version takes no other key in the body. */
function tell(ask: { header(name: string, value: string): void }, { mark, twins }: TakenReport): void {
  if (mark !== null) ask.header(PROPOSALS_HEADER, String(mark));
  if (twins !== null) ask.header(TWINS_HEADER, twins);
}
