// Reports of agents: acknowledged once they are on disk.
import type { FastifyInstance } from 'fastify';
import { type ReportReply, report, reportReply } from '../../../shared/protocol/report.ts';
import type { Context } from '../../context.ts';
import { parseBody } from '../bodies.ts';
import { instanceOf } from '../caller.ts';
import { describeRoute } from '../description.ts';

const MAX_REPORT_BYTES = 2 ** 20;

export function addReportRoutes(app: FastifyInstance, { reports, now }: Context): void {
  const schema = describeRoute({
    summary: 'Report what runs, what was decided and what happened since',
    tag: 'agents',
    body: report,
    reply: reportReply,
  });
  app.post(
    '/api/v1/reports',
    { schema, bodyLimit: MAX_REPORT_BYTES },
    async (request): Promise<ReportReply> => {
      const received = { instance: instanceOf(request), report: parseBody(report, request), received: now() };
      return { sequence: await reports.submit(received) };
    },
  );
}
