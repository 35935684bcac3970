// fairlead approve, deny and approvals: a yes or no to exactly one plan, here or signed on another machine.
import { z } from 'zod';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { EXIT, shellWord } from '../../../shared/errors/entry.ts';
import { readDocument, writeNew } from '../../../shared/node/named-file.ts';
import { APPROVAL_LIFETIME_MS, signReceipt } from '../../../shared/policy/receipt.ts';
import { describeFit, renderCost, renderPlan } from '../../../shared/present/explanation.ts';
import { renderApprovals } from '../../../shared/present/verdict.ts';
import { explanationReply, statusReply } from '../../../shared/protocol/admin.ts';
import { type ApprovalsReply, approvalsReply } from '../../../shared/protocol/admin-policy.ts';
import { approvalReceipt, approvalStatement, type SignedReceipt } from '../../../shared/schema/approval.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { openApproverKey } from '../../adapters/admin/approver-key.ts';
import { type CliContext, type PassphraseOptions, readPassphrase, show } from '../context.ts';

/** With `--out` the signed answer itself. */
export const approvalAnswer = z.union([approvalsReply, approvalReceipt]);

export interface ApprovalOptions extends PassphraseOptions {
  readonly reason: string;
  readonly ticket?: string;
  /** A key file: the answer is signed. */
  readonly key?: string;
  /** Where the signed answer goes instead of to the agent. */
  readonly out?: string;
  readonly instance?: string;
  readonly yes?: boolean;
}

type Verdict = 'approve' | 'deny';

export async function approve(context: CliContext, plan: Digest, options: ApprovalOptions): Promise<number> {
  return await answer(context, plan, 'approve', options);
}

export async function deny(context: CliContext, plan: Digest, options: ApprovalOptions): Promise<number> {
  return await answer(context, plan, 'deny', options);
}

export async function listApprovals(context: CliContext): Promise<number> {
  const reply = await context.client.call('GET', '/v1/approvals', approvalsReply);
  return showApprovals(context, reply);
}

export async function importApproval(context: CliContext, path: string): Promise<number> {
  return await handIn(context, await readDocument(path, approvalReceipt));
}

async function answer(
  context: CliContext,
  plan: Digest,
  verdict: Verdict,
  options: ApprovalOptions,
): Promise<number> {
  const { reason, ticket, key, out } = options;
  if (out === undefined && !(await isSeen(context, plan, verdict, options))) return EXIT.refused;
  if (key === undefined) {
    const body = { plan, verdict, reason, ticket };
    return showApprovals(context, await context.client.call('POST', '/v1/approvals', approvalsReply, body));
  }
  // Without the agent's word for it, a receipt is for whichever instance has exactly this plan on offer.
  const instance = options.instance ?? (out === undefined ? await instanceOf(context) : undefined);
  const receipt = await signed(context, key, { plan, verdict, reason, ticket, instance }, options);
  if (out === undefined) return await handIn(context, receipt);
  await writeNew(out, `${JSON.stringify(receipt, null, 2)}\n`, 0o644);
  show(context, receipt, () => [
    `${verdict === 'approve' ? 'approved' : 'denied'} by ${receipt.statement.by} until ${receipt.statement.expires}`,
    `on the instance: fairlead approvals import ${shellWord(out)}`,
  ]);
  return EXIT.ok;
}

/** Where the agent is at hand a person sees the plan before they answer; a script has seen it. */
async function isSeen(
  context: CliContext,
  plan: Digest,
  verdict: Verdict,
  { yes }: ApprovalOptions,
): Promise<boolean> {
  if (!context.interactive || yes === true) return true;
  const offer = await context.client.call('GET', '/v1/explanation', explanationReply);
  if (offer.plan !== null && offer.decision.target?.plan === plan) {
    context.print(
      [...renderPlan(offer), ...renderCost(offer.plan, offer), ...describeFit(offer, offer.forecast)].join(
        '\n',
      ),
    );
  }
  return await context.confirm(verdict === 'approve' ? 'Approve this plan?' : 'Refuse this plan for good?');
}

async function signed(
  context: CliContext,
  path: string,
  said: object,
  options: PassphraseOptions,
): Promise<SignedReceipt> {
  const passphrase = await readPassphrase(context, options, `Passphrase for ${path}:`);
  const key = await openApproverKey(path, passphrase);
  const now = context.clock.now();
  const statement = parseDocument(
    approvalStatement,
    {
      schema: 'fairlead/approval@1',
      // JSON has no undefined: what was not said is not there.
      ...JSON.parse(JSON.stringify(said)),
      by: key.name,
      at: formatInstantMs(now),
      expires: formatInstantMs(now + APPROVAL_LIFETIME_MS),
    },
    'the approval',
  );
  return signReceipt(statement, key);
}

async function handIn(context: CliContext, receipt: unknown): Promise<number> {
  const body = { receipt };
  const reply = await context.client.call('POST', '/v1/approvals/receipts', approvalsReply, body);
  return showApprovals(context, reply);
}

function showApprovals(context: CliContext, reply: ApprovalsReply): number {
  show(context, reply, () => renderApprovals(reply).map((line) => sanitizeLine(line, 500)));
  return EXIT.ok;
}

async function instanceOf(context: CliContext): Promise<string> {
  return (await context.client.call('GET', '/v1/status', statusReply)).instance.id;
}
