// Approvals for people: how many a plan has, who said what, and why some count for nothing.
import { sanitizeLine } from '../encoding/text.ts';
import type { ApprovalsReply, WeighedApproval } from '../protocol/admin-policy.ts';
import { formatTable, indent } from './table.ts';

const MEANING: Record<WeighedApproval['state'], string> = {
  counts: 'counts',
  final: 'final',
  spent: 'used',
  expired: 'expired',
  superseded: 'superseded: the plan is another one by now',
  invalid: 'void: not by an approver of this policy',
};

export function renderApprovals({ plan, given, required, approvals }: ApprovalsReply): readonly string[] {
  const verdict =
    plan === null
      ? 'Nothing is on offer to approve.'
      : `${given} of ${required} approvals for the plan on offer, ${plan}`;
  if (approvals.length === 0) return [verdict, 'No approvals yet.'];
  const rows = approvals.map(({ receipt: { statement }, approver, state }) => [
    statement.plan.slice(0, 19),
    statement.verdict,
    sanitizeLine(approver === null || approver === 'local' ? statement.by : approver),
    statement.verdict === 'deny' ? 'for good' : statement.expires,
    MEANING[state],
    sanitizeLine([statement.ticket, statement.reason].filter((part) => part !== undefined).join(': ')),
  ]);
  const changed = approvals.flatMap((each) => each.changed);
  return [
    verdict,
    ...formatTable([['PLAN', 'VERDICT', 'BY', 'UNTIL', 'STATE', 'WHY'], ...rows]),
    ...(changed.length === 0 ? [] : ['What changed since:', ...indent([...new Set(changed)])]),
  ];
}
