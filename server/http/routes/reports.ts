// Reports of agents: acknowledged once they are on disk.
import { PROPOSALS_HEADER } from '../../../shared/protocol/proposal.ts';
import { report, reportReply, TWINS_HEADER } from '../../../shared/protocol/report.ts';
import { MAX_REPORT_BYTES } from '../../db/records.ts';
import { defineRoute, type Route } from '../route.ts';

export const REPORT_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/reports',
    access: 'agent',
    looksItself: true,
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
      const { instance, boot, key } = ask.speaker();
      const bytes = ask.bytes();
      const received = now();
      const rows = await readReport(bytes, received);
      const taken = await reports.submit({ instance, key, boot, rows, received }, bytes.length);
      // In a header: an agent of an earlier version takes no other key in the body.
      if (taken.mark !== null) ask.header(PROPOSALS_HEADER, String(taken.mark));
      if (taken.twins !== null) ask.header(TWINS_HEADER, taken.twins);
      return { sequence: taken.sequence };
    },
  }),
];
