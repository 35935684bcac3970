// Deployments: what agents reported, read only, and what is proposed to them; and the ways back.
import { z } from 'zod';
import { FairleadError } from '../../../shared/errors/error.ts';
import {
  deploymentChange,
  deploymentModel,
  deploymentRequest,
  deploymentsList,
  deploymentsMade,
  rollbackHistory,
  rollbackRequest,
  rollbacksMade,
} from '../../../shared/protocol/fleet-proposals.ts';
import { instanceId } from '../../../shared/protocol/report.ts';
import {
  parseDeploymentId,
  proposedDeployment,
  proposedRollback,
  reportedDeployment,
  reportedRollback,
} from '../../core/founding-models.ts';
import { findDeployment, listDeployments } from '../../db/deployments.ts';
import { findProposal, listProposals } from '../../db/proposal-lists.ts';
import {
  COMMITTED,
  DEPLOY_PROPOSAL,
  DEPLOYING,
  INSTANCE,
  MADE_AT,
  NEW_ID,
  proposed as proposedExample,
  ROLLED_BACK,
} from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { changeProposed, propose, withdrawProposed } from '../propose.ts';
import { defineRoute, type Route } from '../route.ts';

const reportedKey = z.tuple([z.string(), z.int(), z.string()]);
const proposedKey = z.tuple([z.string(), z.string()]);
const byId = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:-\d{1,9})?$/, {
    error: 'the id of a proposal, or an instance’s id and the number of a deployment there',
  }),
});

const NEWER = proposedExample({
  ...{ kind: 'deploy', asks: 'deploy core/auth@1.2.1', reason: 'the better one' },
  wish: { kind: 'deploy', release: 'core/auth@1.2.1' },
});

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/deployments',
  access: ['viewer'],
  ofCustomers: true,
  tag: 'fleet',
  summary:
    'Deployments that agents reported, newest first, of one instance or with one change when asked for',
  query: z.strictObject({
    instance: instanceId.optional(),
    change: z.string().max(32).optional(),
    ...pageOf(reportedKey),
  }),
  reply: deploymentsList,
  example: {
    query: { instance: INSTANCE, limit: 1 },
    reply: { deployments: [reportedDeployment(ROLLED_BACK)] },
  },
  answer: async ({ db }, { query, customer, continueAt }) => {
    const { instance, change } = query;
    const filter = { ...pageIn(query), instance, change, customer: customer() };
    const { entries, next } = await listDeployments(db, filter);
    continueAt(formatCursor(next));
    return { deployments: entries.map(reportedDeployment) };
  },
});

const proposed = defineRoute({
  method: 'GET',
  path: '/api/v1/deployments/proposed',
  access: ['viewer'],
  tag: 'proposals',
  summary: 'Deployments that are or were proposed, newest first',
  query: z.strictObject({ instance: instanceId.optional(), ...pageOf(proposedKey) }),
  reply: deploymentsList,
  example: { query: { instance: INSTANCE }, reply: { deployments: [proposedDeployment(DEPLOYING)] } },
  answer: async ({ db, now }, { query, continueAt }) => {
    const filter = { ...pageIn(query), instance: query.instance, kind: 'deploy' as const };
    const { entries, next } = await listProposals(db, filter, now());
    continueAt(formatCursor(next));
    return { deployments: entries.map(proposedDeployment) };
  },
});

const one = defineRoute({
  method: 'GET',
  path: '/api/v1/deployments/:id',
  access: ['viewer'],
  tag: 'fleet',
  summary: 'One deployment, reported or proposed',
  params: byId,
  reply: deploymentModel,
  example: { params: { id: `${INSTANCE}-1` }, reply: reportedDeployment(COMMITTED) },
  answer: async ({ db, now }, { params: { id }, tag }) => {
    const reported = parseDeploymentId(id);
    if (reported !== null) {
      const found = await findDeployment(db, reported.instance, reported.record);
      if (found === null) throw new FairleadError('request/not-found', { what: `deployment ${id}` });
      return reportedDeployment(found);
    }
    const found = await findProposal(db, id, now());
    if (found.kind !== 'deploy') throw new FairleadError('request/not-found', { what: `deployment ${id}` });
    tag(found.revision);
    return proposedDeployment(found);
  },
});

const make = defineRoute({
  method: 'POST',
  path: '/api/v1/deployments',
  access: ['operator'],
  tag: 'proposals',
  summary: 'Propose a deployment to an instance or a group: a release, or what is on offer there',
  status: 201,
  repeats: 'by-key',
  body: deploymentRequest,
  reply: deploymentsMade,
  example: {
    body: { instance_id: INSTANCE, release: 'core/auth@1.2.1', reason: 'agreed on the phone' },
    reply: { count: 1, deployments: [proposedDeployment({ ...NEWER, reason: 'agreed on the phone' })] },
  },
  answer: async (context, ask) => {
    const { release } = ask.body;
    const wish = { kind: 'deploy' as const, ...(release === undefined ? {} : { release }) };
    const { count, proposals } = await propose(context, ask, ask.body, wish, 'deployments');
    return { count, deployments: proposals.map(proposedDeployment) };
  },
});

const change = defineRoute({
  method: 'PUT',
  path: '/api/v1/deployments/:id',
  access: ['operator'],
  tag: 'proposals',
  summary: 'Change a proposed deployment that nobody has answered for good',
  ifMatch: true,
  params: byId,
  body: deploymentChange,
  reply: deploymentModel,
  example: {
    params: { id: DEPLOY_PROPOSAL },
    body: { release: 'core/auth@1.2.1', reason: 'the better one' },
    reply: proposedDeployment({ ...NEWER, id: DEPLOY_PROPOSAL, revision: 2 }),
  },
  answer: async (context, ask) => {
    const id = proposalIn(ask.params.id);
    const { release } = ask.body;
    const wish = { kind: 'deploy' as const, ...(release === undefined ? {} : { release }) };
    const changed = await changeProposed(context, ask, id, ask.body, wish);
    ask.tag(changed.revision);
    return proposedDeployment(changed);
  },
});

const cancel = defineRoute({
  method: 'DELETE',
  path: '/api/v1/deployments/:id',
  access: ['operator'],
  tag: 'proposals',
  summary: 'Withdraw a proposed deployment that nobody has answered for good',
  ifMatch: true,
  params: byId,
  example: { params: { id: DEPLOY_PROPOSAL } },
  answer: (context, ask) =>
    withdrawProposed(context, ask, proposalIn(ask.params.id), 'deploy') as Promise<undefined>,
});

/** Error: proposal/answered: what an agent reported has happened. */
function proposalIn(id: string): string {
  if (parseDeploymentId(id) === null) return id;
  throw new FairleadError('proposal/answered', { id, status: 'reported by its agent' });
}

const rollback = defineRoute({
  method: 'POST',
  path: '/api/v1/rollback',
  access: ['operator'],
  tag: 'proposals',
  summary:
    'Propose a way back to an instance or a group; an install goes back only to what was healthy there',
  status: 201,
  repeats: 'by-key',
  body: rollbackRequest,
  reply: rollbacksMade,
  example: {
    body: { instance_id: INSTANCE, to: 'core/auth@1.2.0', reason: 'errors on login' },
    reply: {
      count: 1,
      rollbacks: [
        {
          ...{ id: NEW_ID, instance_id: INSTANCE, from_version: null, to_version: 'core/auth@1.2.0' },
          ...{ status: 'proposed', created_at: MADE_AT, completed_at: null, reason: 'errors on login' },
        },
      ],
    },
  },
  answer: async (context, ask) => {
    const { to } = ask.body;
    const wish = { kind: 'rollback' as const, ...(to === undefined ? {} : { to }) };
    const { count, proposals } = await propose(context, ask, ask.body, wish);
    return { count, rollbacks: proposals.map(proposedRollback) };
  },
});

const history = defineRoute({
  method: 'GET',
  path: '/api/v1/rollback/history',
  access: ['viewer'],
  ofCustomers: true,
  tag: 'fleet',
  summary: 'Deployments that went back, by themselves or by hand, newest first',
  query: z.strictObject(pageOf(reportedKey)),
  reply: rollbackHistory,
  example: { reply: { deployments: [reportedRollback(ROLLED_BACK)] } },
  answer: async ({ db }, { query, customer, continueAt }) => {
    const filter = { ...pageIn(query), rollbacksOnly: true, customer: customer() };
    const { entries, next } = await listDeployments(db, filter);
    continueAt(formatCursor(next));
    return { deployments: entries.map(reportedRollback) };
  },
});

export const DEPLOYMENT_ROUTES: readonly Route[] = [
  ...[list, make, proposed, one, change, cancel],
  ...[rollback, history],
];
