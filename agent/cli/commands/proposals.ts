// fairlead proposals, accept, decline and remote: what the vendor's server wishes, what you say to it, and what needs no saying.
import { EXIT } from '../../../shared/errors/entry.ts';
import { describeWish, renderProposal, renderProposals } from '../../../shared/present/proposals.ts';
import {
  type DescribedProposal,
  proposalsReply,
  templateReply,
  type VerdictReply,
  verdictReply,
} from '../../../shared/protocol/proposal.ts';
import {
  type Policy,
  PROPOSAL_KINDS,
  type ProposalKind,
  type Standing,
  standingOf,
} from '../../../shared/schema/policy.ts';
import { agreed, type CliContext, show } from '../context.ts';
import { changePolicy, type EditOptions } from '../policy-edit.ts';

/** What was closed long ago is for `--json`. */
const CLOSED_SHOWN = 20;

export async function proposals(context: CliContext): Promise<number> {
  const reply = await context.client.call('GET', '/v1/proposals', proposalsReply);
  show(context, reply, () => renderProposals(recent(reply.proposals), context.style));
  return EXIT.ok;
}

function recent(all: readonly DescribedProposal[]): readonly DescribedProposal[] {
  const isOpen = ({ state }: DescribedProposal) => /^(?:waiting|due|acting)$/.test(state);
  const closed = all.filter((one) => !isOpen(one)).slice(-CLOSED_SHOWN);
  return all.filter((one) => isOpen(one) || closed.includes(one));
}

export async function accept(context: CliContext, number: number, options: EditOptions): Promise<number> {
  return await answer(context, number, 'accept', options);
}

export async function decline(context: CliContext, number: number, options: EditOptions): Promise<number> {
  return await answer(context, number, 'decline', options);
}

/** A person sees what they answer; a number stands for one content for good, so a script has seen it. */
async function answer(
  context: CliContext,
  number: number,
  verdict: 'accept' | 'decline',
  { reason, yes }: EditOptions,
): Promise<number> {
  if (context.interactive && yes !== true) {
    const { proposals: known } = await context.client.call('GET', '/v1/proposals', proposalsReply);
    const one = known.find((each) => each.number === number);
    if (one !== undefined) context.print(renderProposal(one, context.style).join('\n'));
  }
  const question = verdict === 'accept' ? 'Accept this proposal?' : 'Decline this proposal for good?';
  if (!(await agreed(context, { ...(yes === undefined ? {} : { yes }) }, question))) return EXIT.refused;
  const path = `/v1/proposals/${number}/${verdict}`;
  const reply: VerdictReply = await context.client.call('POST', path, verdictReply, { reason });
  show(context, reply, () => renderProposal(reply.proposal, context.style));
  return EXIT.ok;
}

/** What was seen is what is sent: the vendor may change the template meanwhile. */
export async function adoptPolicy(context: CliContext, name: string, options: EditOptions): Promise<number> {
  const { template } = await context.client.call('POST', '/v1/template', templateReply, { name });
  const { channel, windows } = template;
  const edit = { kind: 'template' as const, channel, ...(windows === undefined ? {} : { windows }) };
  return await changePolicy(context, edit, options, ({ policy }) => [
    `${describeWish({ kind: 'policy', template })}; the policy is yours to change at any time`,
    `channel ${policy.channel}`,
  ]);
}

const MEANING: Readonly<Record<Standing, string>> = {
  ignore: 'nothing comes of them',
  propose: 'they wait for you: fairlead proposals',
  accept: 'what they ask for is done, behind every gate of your own commands',
};

export async function setRemote(
  context: CliContext,
  standing: Standing,
  options: EditOptions & { readonly kind?: readonly ProposalKind[] },
): Promise<number> {
  const edit = { kind: 'remote' as const, of: [...(options.kind ?? PROPOSAL_KINDS)], standing };
  return await changePolicy(context, edit, options, ({ policy }) => renderRemote(policy));
}

function renderRemote(policy: Policy): readonly string[] {
  return PROPOSAL_KINDS.map((kind) => {
    const standing = standingOf(policy, kind);
    return `${kind.padEnd(8)} ${standing.padEnd(7)} ${MEANING[standing]}`;
  });
}
