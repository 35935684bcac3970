// A yes or no to exactly one plan, through the socket or signed elsewhere, on the record before it counts.
import { diffPlans, planDigest } from '../../../shared/compile/plan.ts';
import { shortDigest } from '../../../shared/encoding/digest.ts';
import { formatInstantMs, instantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { effectivePolicy } from '../../../shared/policy/local-state.ts';
import { APPROVAL_LIFETIME_MS, verifyReceipt, weighApprovals } from '../../../shared/policy/receipt.ts';
import type {
  ApprovalRequest,
  ApprovalsReply,
  ReceiptRequest,
} from '../../../shared/protocol/admin-policy.ts';
import type { ApprovalReceipt } from '../../../shared/schema/approval.ts';
import type { DeploymentRecord, Plan } from '../../../shared/schema/deployment.ts';
import {
  type ApprovalFacts,
  type ApprovalsFile,
  addReceipt,
  forgottenUntil,
  isKnown,
  NO_APPROVALS,
  newestEnded,
  rememberPlan,
  selectOpen,
  weighAll,
} from '../../core/approvals.ts';
import { type Assessing, assess } from './assess.ts';
import type { Needs } from './state.ts';

export async function readApprovals(state: Assessing): Promise<ApprovalsReply> {
  return describe((await state.choice.approvals.read()) ?? NO_APPROVALS, await factsOf(state));
}

/** Errors: approval/*, audit/damaged, disk/*. */
export async function giveApproval(
  state: Assessing & Needs<'records' | 'wake'>,
  request: ApprovalRequest,
  actor: string,
): Promise<ApprovalsReply> {
  const { approvers } = (await factsOf(state)).rules;
  if (approvers.length > 0) {
    throw new FairleadError('approval/keys-needed', {
      approvers: approvers.map(({ name }) => name).join(', '),
    });
  }
  const now = state.clock.now();
  const receipt: ApprovalReceipt = {
    schema: 'fairlead/receipt@1',
    authority: 'socket',
    statement: {
      schema: 'fairlead/approval@1',
      ...request,
      by: actor,
      instance: state.self.instance.id,
      at: formatInstantMs(now),
      expires: formatInstantMs(now + APPROVAL_LIFETIME_MS),
    },
  };
  return await state.choice.inTurn(() => take(state, receipt, actor));
}

/** Errors: approval/*, audit/damaged, disk/*. */
export async function takeReceipt(
  state: Assessing & Needs<'records' | 'wake'>,
  { receipt }: ReceiptRequest,
  actor: string,
): Promise<ApprovalsReply> {
  // What claims the socket's authority was not given through it.
  if (receipt.authority !== 'key') {
    const { plan, by } = receipt.statement;
    throw new FairleadError('approval/altered', { plan: shortDigest(plan), by });
  }
  return await state.choice.inTurn(async () => {
    const { rules, now } = await factsOf(state);
    verifyReceipt(receipt, { rules, instance: state.self.instance.id, now });
    const file = await read(state);
    verifyRemembered(file, receipt);
    if (isKnown(file, receipt)) {
      const { plan, by } = receipt.statement;
      throw new FairleadError('approval/replayed', { plan: shortDigest(plan), by });
    }
    return await take(state, receipt, actor);
  });
}

/** Remembers what somebody is asked about, so that an answer to it can be told from one to another plan. */
export async function rememberAsked(state: Needs<'choice' | 'clock'>, plan: Plan): Promise<void> {
  await state.choice.inTurn(async () => {
    const file = rememberPlan(await read(state), plan);
    if (file !== null) await state.choice.approvals.write(file);
  });
}

async function take(
  state: Assessing & Needs<'records' | 'wake'>,
  receipt: ApprovalReceipt,
  actor: string,
): Promise<ApprovalsReply> {
  const facts = await factsOf(state);
  const file = await read(state);
  const offered = verifyOnOffer(file, facts.offer, receipt, state.deployer.inProgress());
  const arrival = { received: formatInstantMs(facts.now), after: newestEnded(facts.records) };
  const added = addReceipt(rememberPlan(file, offered) ?? file, { receipt, ...arrival }, facts);
  if (added === null) return describe(file, facts);
  const { plan, verdict, by, reason, ticket = null } = receipt.statement;
  await state.records.ledger.record({
    event: 'approval-given',
    actor,
    details: { plan, verdict, by, reason, ticket, key: receipt.authority === 'key' ? receipt.key : null },
  });
  await state.choice.approvals.write(added);
  state.wake();
  return describe(added, facts);
}

/** In a turn. What is lost is begun anew, and says so from then on, whatever a person does with what is left of it. */
async function read({ choice, clock }: Needs<'choice' | 'clock'>): Promise<ApprovalsFile> {
  const file = await choice.approvals.read();
  if (file !== null) return file;
  if ((await choice.approvals.damage()) === null) return NO_APPROVALS;
  const anew = { ...NO_APPROVALS, since: formatInstantMs(clock.now()) };
  await choice.approvals.write(anew);
  return anew;
}

/** Error: approval/forgotten. */
function verifyRemembered(file: ApprovalsFile, { statement }: ApprovalReceipt): void {
  const until = forgottenUntil(file);
  if (until === null || instantMs(statement.at) >= until) return;
  const { plan, by } = statement;
  throw new FairleadError('approval/forgotten', {
    plan: shortDigest(plan),
    by,
    until: formatInstantMs(until),
  });
}

/** Nobody approves what they cannot have seen. Errors: approval/not-on-offer, approval/superseded, deploy/busy. */
function verifyOnOffer(
  file: ApprovalsFile,
  offer: Plan | null,
  { statement }: ApprovalReceipt,
  live: DeploymentRecord | null,
): Plan {
  if (offer !== null && planDigest(offer) === statement.plan) return offer;
  // Past its last safe point an answer is too late.
  if (live?.plan === statement.plan) throw new FairleadError('deploy/busy', { deployment: live.id });
  const meant = file.plans.find((each) => planDigest(each) === statement.plan);
  const plan = shortDigest(statement.plan);
  if (meant === undefined || offer === null) throw new FairleadError('approval/not-on-offer', { plan });
  throw new FairleadError('approval/superseded', {
    plan,
    now: planDigest(offer),
    changed: diffPlans(meant, offer).join('; '),
  });
}

async function factsOf(state: Assessing): Promise<ApprovalFacts> {
  const { offer, facts } = await assess(state);
  return {
    rules: effectivePolicy(facts).approvals,
    offer: offer?.plan ?? null,
    records: facts.records,
    now: facts.now,
  };
}

function describe(file: ApprovalsFile, facts: ApprovalFacts): ApprovalsReply {
  const { rules, offer, records, now } = facts;
  const plan = offer === null ? null : planDigest(offer);
  const open = selectOpen(file, records, now);
  const weighed = plan === null ? null : weighApprovals(rules, plan, open, now);
  return {
    schema: 'fairlead/approvals@1',
    plan,
    given: weighed?.kind === 'granted' ? rules.required : weighed?.kind === 'missing' ? weighed.given : 0,
    required: rules.required,
    approvals: weighAll(file, facts),
  };
}
