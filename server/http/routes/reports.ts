// Reports of agents: acknowledged once they are on disk.
import { report, reportReply } from '../../../shared/protocol/report.ts';
import { defineRoute, type Route } from '../route.ts';

export const REPORT_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/reports',
    access: 'agent',
    tag: 'agents',
    summary: 'Report what runs, what was decided and what happened since',
    maxBytes: 2 ** 20,
    quiet: true,
    body: report,
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
    answer: async ({ reports, reportQuota, now }, ask) => {
      const { instance, boot } = ask.speaker();
      reportQuota(instance, ask.bodyBytes);
      return {
        sequence: await reports.submit({ instance, boot, report: ask.body, received: now() }, ask.bodyBytes),
      };
    },
  }),
];
