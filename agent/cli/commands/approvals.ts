// fairlead approve, deny and approvals list: a yes or no to exactly one plan.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { type ApprovalsReply, approvalsReply } from '../../../shared/protocol/admin.ts';
import { type CliContext, show } from '../context.ts';
import { formatTable } from '../output/table.ts';

export interface ApprovalOptions {
  readonly reason: string;
  readonly ticket?: string;
}

export async function approve(context: CliContext, plan: string, options: ApprovalOptions): Promise<number> {
  return await answer(context, { plan, verdict: 'approve', ...options });
}

export async function deny(context: CliContext, plan: string, options: ApprovalOptions): Promise<number> {
  return await answer(context, { plan, verdict: 'deny', ...options });
}

export async function listApprovals(context: CliContext): Promise<number> {
  const reply = await context.client.call('GET', '/v1/approvals', approvalsReply);
  show(context, reply, () => renderApprovals(reply));
  return 0;
}

async function answer(context: CliContext, request: object): Promise<number> {
  const reply = await context.client.call('POST', '/v1/approvals', approvalsReply, request);
  show(context, reply, () => renderApprovals(reply));
  return 0;
}

function renderApprovals({ approvals }: ApprovalsReply): readonly string[] {
  if (approvals.length === 0) return ['No open approvals.'];
  const rows = approvals.map((each) => [
    each.plan.slice(0, 19),
    each.verdict,
    sanitizeLine(each.by),
    each.verdict === 'deny' ? 'final' : each.expires,
    sanitizeLine([each.ticket, each.reason].filter((part) => part !== undefined).join(': ')),
  ]);
  return formatTable([['PLAN', 'VERDICT', 'BY', 'UNTIL', 'WHY'], ...rows]);
}
