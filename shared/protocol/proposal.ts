// Proposals on the wire: from the server to the agent, from the agent back, and from the agent to its own operator.
import { z } from 'zod';
import { instant, line, name } from '../schema/common.ts';
import { PROPOSAL_KINDS, STANDINGS } from '../schema/policy.ts';
import { policyTemplate, proposalId } from '../schema/proposal.ts';

/** Header of the answer to a report: another value than the last means that there is something to fetch. */
export const PROPOSALS_HEADER = 'fairlead-proposals';
export const PROPOSALS_PAGE = 20;
/** An answer with proposals, as the agent reads one. */
export const MAX_PROPOSALS_BYTES = 64 * 1024;

/**
 * GET /api/v1/proposals/mine. Each entry is read by itself: what a newer server adds, or a hostile one sends, hides no
 * other. An entry is a proposal, or `{ id, withdrawn: true }` until the agent has heard it.
 */
export const minesReply = z.object({
  mark: z.int().min(0),
  proposals: z.array(z.unknown()).max(PROPOSALS_PAGE),
  /** Where the list goes on; null at its end. */
  next: z.string().max(300).nullable(),
});

export const withdrawal = z.object({ id: proposalId, withdrawn: z.literal(true) });

/** `queued`: it waits for a person, or for a moment. The others are final. */
export const ANSWERS = ['queued', 'accepted', 'ignored', 'refused'] as const;

export const proposalAnswer = z.strictObject({
  id: proposalId,
  revision: z.int().min(1).max(1_000_000),
  answer: z.enum(ANSWERS),
  /** An error code of the catalogue where a gate said no. */
  code: z.string().max(100).nullable(),
  /** Why, in one sentence. */
  text: line,
  /** Who answered: an account of the install, or its policy. */
  by: line,
  /** The deployment that it led to. */
  change: z.int().min(1).nullable(),
  at: instant,
});

/** POST /api/v1/proposals/answers. Repeating one changes nothing. */
export const MOST_ANSWERS = 50;
export const answersRequest = z.strictObject({
  answers: z.array(proposalAnswer).min(1).max(MOST_ANSWERS),
});
/** What became of each at the server: `withdrawn` tells an agent that still waits to give it up. */
export const answersReply = z.object({
  answers: z.array(z.object({ id: z.string(), status: z.string() })),
});

const described = z.strictObject({
  /** What `fairlead accept` and `decline` take. It stands for one content for good. */
  number: z.int().min(1),
  id: proposalId,
  kind: z.enum(PROPOSAL_KINDS),
  /** What it asks for, in words. */
  asks: z.string(),
  /** The command that would do the same; null where it takes several. */
  command: z.string().nullable(),
  reason: line,
  by: line,
  received: instant,
  expires: instant,
  /** What the policy says about its kind now. */
  standing: z.enum(STANDINGS),
  /** `waiting` for a person, `due` once its moment comes, `withdrawn` and `superseded` by the vendor. */
  state: z.enum([
    'waiting',
    'due',
    'acting',
    'accepted',
    'ignored',
    'refused',
    'expired',
    'withdrawn',
    'superseded',
  ]),
  answer: proposalAnswer.omit({ id: true, revision: true }).nullable(),
  /** Whether the server has taken the answer. */
  delivered: z.boolean(),
});

/** GET /v1/proposals, oldest first. */
export const proposalsReply = z.strictObject({
  schema: z.literal('fairlead/proposals@1'),
  proposals: z.array(described),
});

/** POST /v1/proposals/{number}/accept and /decline. */
export const verdictRequest = z.strictObject({ reason: line });
export const verdictReply = z.strictObject({
  schema: z.literal('fairlead/proposal@1'),
  proposal: described,
});

/** GET /api/v1/policies/offered: one template by its name, for an agent whose operator wants to see it. */
export const offeredReply = z.object({ template: policyTemplate });

/** POST /v1/template: what the server offers under this name now; whoever adopts it sends what they saw. */
export const templateRequest = z.strictObject({ name });
export const templateReply = z.strictObject({
  schema: z.literal('fairlead/template@1'),
  template: policyTemplate,
});
export type TemplateReply = z.output<typeof templateReply>;

export type MinesReply = z.output<typeof minesReply>;
export type ProposalAnswer = z.output<typeof proposalAnswer>;
export type AnswersReply = z.output<typeof answersReply>;
export type DescribedProposal = z.output<typeof described>;
export type ProposalsReply = z.output<typeof proposalsReply>;
export type VerdictRequest = z.output<typeof verdictRequest>;
export type VerdictReply = z.output<typeof verdictReply>;
