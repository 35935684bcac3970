// Templates of policies, which an install may be proposed.
import { z } from 'zod';
import { policiesList, policyBody, policyModel } from '../../../shared/protocol/fleet-proposals.ts';
import { offeredReply } from '../../../shared/protocol/proposal.ts';
import { name } from '../../../shared/schema/common.ts';
import { proposalId } from '../../../shared/schema/proposal.ts';
import { transactOnce } from '../../db/once.ts';
import { changePolicy, createPolicy, findPolicy, findTemplate, listPolicies } from '../../db/policies.ts';
import { transact } from '../../db/transact.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

const ID = '0b9d7c6e-3d9c-4f0a-8b57-6a3f6f0d5c21';
const byId = z.strictObject({ id: proposalId });
const BODY = { name: 'careful', channel: 'manual', description: 'somebody looks first' } as const;

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/policies',
  access: ['viewer'],
  tag: 'proposals',
  summary: 'Templates of policies by name',
  query: z.strictObject(pageOf(z.tuple([z.string()]))),
  reply: policiesList,
  answer: async ({ db }, { query, continueAt }) => {
    const { entries, next } = await listPolicies(db, pageIn(query));
    continueAt(formatCursor(next));
    return { policies: [...entries] };
  },
});

const one = defineRoute({
  method: 'GET',
  path: '/api/v1/policies/:id',
  access: ['viewer'],
  tag: 'proposals',
  summary: 'One template',
  params: byId,
  reply: policyModel,
  example: { params: { id: ID } },
  answer: async ({ db }, { params, tag }) => {
    const found = await findPolicy(db, params.id);
    tag(found.revision);
    return found;
  },
});

const offered = defineRoute({
  method: 'GET',
  path: '/api/v1/policies/offered',
  access: 'agent',
  tag: 'agents',
  summary: 'What the template of this name holds, as long as it is enabled',
  query: z.strictObject({ name }),
  reply: offeredReply,
  example: { query: { name: 'careful' } },
  answer: async ({ db, reportQuota }, { query, speaker }) => {
    reportQuota(speaker().instance, 0);
    return { template: await findTemplate(db, query.name) };
  },
});

const make = defineRoute({
  method: 'POST',
  path: '/api/v1/policies',
  access: ['operator'],
  tag: 'proposals',
  summary:
    'Make a template: a channel, and windows where it has any. POST /proposals puts it before installs',
  status: 201,
  repeats: 'by-key',
  body: policyBody,
  reply: policyModel,
  example: { body: BODY },
  answer: async ({ db, now }, ask) => {
    const made = await transactOnce(db, ask.mark, now(), (trx) =>
      createPolicy(trx, ask.body, ask.actor(), now()),
    );
    ask.created(`/api/v1/policies/${made.id}`);
    ask.tag(made.revision);
    return made;
  },
});

const change = defineRoute({
  method: 'PUT',
  path: '/api/v1/policies/:id',
  access: ['operator'],
  tag: 'proposals',
  summary: 'Change a template. Disabled, it is proposed no more, and what waits for an answer is withdrawn',
  ifMatch: true,
  params: byId,
  body: policyBody,
  reply: policyModel,
  example: { params: { id: ID }, body: { ...BODY, enabled: false } },
  answer: async ({ db, now }, ask) => {
    const { params, body, match } = ask;
    const changed = await transact(db, 'committed', (trx) =>
      changePolicy(trx, params.id, body, match, ask.actor(), now()),
    );
    ask.tag(changed.revision);
    return changed;
  },
});

export const POLICY_ROUTES: readonly Route[] = [list, make, offered, one, change];
