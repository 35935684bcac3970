// Proposals: for people and programs who make them, and for the agents that fetch and answer them.
import { z } from 'zod';
import {
  PROPOSAL_STATUSES,
  proposalChange,
  proposalModel,
  proposalRequest,
  proposalsList,
  proposalsMade,
} from '../../../shared/protocol/fleet-proposals.ts';
import { answersReply, answersRequest, minesReply } from '../../../shared/protocol/proposal.ts';
import { instanceId } from '../../../shared/protocol/report.ts';
import { name } from '../../../shared/schema/common.ts';
import { PROPOSAL_KINDS } from '../../../shared/schema/policy.ts';
import { proposalId } from '../../../shared/schema/proposal.ts';
import { listMarks, listMine, takeAnswers } from '../../db/proposal-answers.ts';
import { findProposal, listProposals } from '../../db/proposal-lists.ts';
import { transact } from '../../db/transact.ts';
import { DEPLOYING, INSTANCE, NEW_ID, PIN, PIN_PROPOSAL, PINNING } from '../examples.ts';
import { formatCursor, pageIn, pageOf, parseCursor } from '../page.ts';
import { changeProposed, propose, withdrawProposed } from '../propose.ts';
import { defineRoute, type Route } from '../route.ts';

const key = z.tuple([z.string(), z.string()]);
const byId = z.strictObject({ id: proposalId });
const UNANSWERED = { status: 'proposed', answer: null } as const;

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/proposals',
  access: ['viewer'],
  tag: 'proposals',
  summary: 'Proposals, newest first; of one instance, group, kind or status when asked for',
  query: z.strictObject({
    instance: instanceId.optional(),
    group: name.optional(),
    kind: z.enum(PROPOSAL_KINDS).optional(),
    status: z.enum(PROPOSAL_STATUSES).optional(),
    ...pageOf(key),
  }),
  reply: proposalsList,
  example: { query: { instance: INSTANCE, status: 'queued' }, reply: { proposals: [PINNING] } },
  answer: async ({ db, now }, { query, continueAt }) => {
    const { instance, group, kind, status } = query;
    const filter = { ...pageIn(query), instance, group, kind, status };
    const { entries, next } = await listProposals(db, filter, now());
    continueAt(formatCursor(next));
    return { proposals: [...entries] };
  },
});

const one = defineRoute({
  method: 'GET',
  path: '/api/v1/proposals/:id',
  access: ['viewer'],
  tag: 'proposals',
  summary: 'One proposal, and what the install answered',
  params: byId,
  reply: proposalModel,
  example: { params: { id: PIN_PROPOSAL }, reply: PINNING },
  answer: async ({ db, now }, { params, tag }) => {
    const found = await findProposal(db, params.id, now());
    tag(found.revision);
    return found;
  },
});

const make = defineRoute({
  method: 'POST',
  path: '/api/v1/proposals',
  access: ['operator'],
  tag: 'proposals',
  summary:
    'Propose something to an instance or to everybody in a group; what becomes of it is theirs to decide',
  status: 201,
  repeats: 'by-key',
  body: proposalRequest,
  reply: proposalsMade,
  example: {
    body: { instance_id: INSTANCE, wish: PIN, reason: 'certified with 1.2' },
    reply: { count: 1, proposals: [{ ...PINNING, ...UNANSWERED, id: NEW_ID }] },
  },
  answer: (context, ask) => propose(context, ask, ask.body, ask.body.wish),
});

const change = defineRoute({
  method: 'PUT',
  path: '/api/v1/proposals/:id',
  access: ['operator'],
  tag: 'proposals',
  summary: 'Change a proposal that nobody has answered for good; an earlier yes does not count for it',
  ifMatch: true,
  params: byId,
  body: proposalChange,
  reply: proposalModel,
  example: {
    params: { id: PIN_PROPOSAL },
    body: { wish: PIN, reason: 'certified with 1.2, finally' },
    reply: { ...PINNING, ...UNANSWERED, reason: 'certified with 1.2, finally', revision: 2 },
  },
  answer: async (context, ask) => {
    const changed = await changeProposed(context, ask, ask.params.id, ask.body, ask.body.wish);
    ask.tag(changed.revision);
    return changed;
  },
});

const withdraw = defineRoute({
  method: 'DELETE',
  path: '/api/v1/proposals/:id',
  access: ['operator'],
  tag: 'proposals',
  summary: 'Withdraw a proposal that nobody has answered for good',
  ifMatch: true,
  params: byId,
  example: { params: { id: PIN_PROPOSAL } },
  answer: (context, ask) => withdrawProposed(context, ask, ask.params.id) as Promise<undefined>,
});

const mine = defineRoute({
  method: 'GET',
  path: '/api/v1/proposals/mine',
  access: 'agent',
  tag: 'agents',
  summary:
    'What is proposed to the instance that asks, oldest first, and what was withdrawn that it knows of',
  quiet: true,
  query: z.strictObject({ after: z.string().max(300).optional() }),
  reply: minesReply,
  example: {
    reply: {
      mark: 1_795_176_480_000,
      proposals: [PINNING, DEPLOYING].map(({ id, revision, reason, wish, proposed_by: by, ...at }) => ({
        ...{ id, revision, reason, wish, by },
        ...{ proposed: at.created_at, expires: at.expires_at },
      })),
      next: null,
    },
  },
  answer: async ({ db, now }, { query, speaker }) => {
    const { instance } = speaker();
    const after = query.after === undefined ? null : parseCursor(key, query.after);
    // Before the list: what comes in between is fetched again, and nothing is missed.
    const mark = (await listMarks(db, [instance])).get(instance) ?? 0;
    const { entries, next } = await listMine(db, instance, after, now());
    return { mark, proposals: [...entries], next: formatCursor(next) };
  },
});

const answers = defineRoute({
  method: 'POST',
  path: '/api/v1/proposals/answers',
  access: 'agent',
  tag: 'agents',
  summary: 'Answer proposals; repeating an answer changes nothing',
  quiet: true,
  repeats: 'by-nature',
  body: answersRequest,
  reply: answersReply,
  example: {
    body: {
      answers: [
        {
          ...{ id: PIN_PROPOSAL, revision: 1, answer: 'accepted', code: null, change: 7 },
          ...{ text: 'change 7 began', by: 'alice', at: '2026-11-20T12:00:00Z' },
        },
      ],
    },
    reply: { answers: [{ id: PIN_PROPOSAL, status: 'accepted' }] },
  },
  answer: async ({ db, now }, ask) => {
    const { instance } = ask.speaker();
    const taken = await transact(db, 'committed', (trx) =>
      takeAnswers(trx, instance, ask.body.answers, now()),
    );
    return { answers: [...taken] };
  },
});

export const PROPOSAL_ROUTES: readonly Route[] = [list, make, mine, answers, one, change, withdraw];
