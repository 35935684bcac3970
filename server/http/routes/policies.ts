// Templates of policies, which an install may be proposed.
import { z } from 'zod';
import { policiesList, policyBody, policyModel } from '../../../shared/protocol/fleet-proposals.ts';
import { offeredReply } from '../../../shared/protocol/proposal.ts';
import { name } from '../../../shared/schema/common.ts';
import { proposalId } from '../../../shared/schema/proposal.ts';
import { transactOnce } from '../../db/once.ts';
import { changePolicy, createPolicy, findPolicy, findTemplate, listPolicies } from '../../db/policies.ts';
import { transact } from '../../db/transact.ts';
import { CHANGED_AT, MADE_AT, NEW_ID, POLICY } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

const byId = z.strictObject({ id: proposalId });
const CAREFUL: z.input<typeof policyModel> = {
  ...{ id: POLICY, name: 'careful', enabled: true, windows: null, description: 'somebody looks first' },
  ...{ revision: 1, created_at: MADE_AT, updated_at: MADE_AT },
  channel: 'manual',
};
const NIGHT = { name: 'night', cron: '0 2 * * *', duration: 'PT3H', zone: 'Europe/Berlin' };
const BODY = {
  name: 'nights',
  channel: 'auto' as const,
  description: 'changes itself while nobody works',
  windows: { allow: [NIGHT] },
} satisfies z.input<typeof policyBody>;
const NIGHTS = { ...BODY, windows: { allow: [NIGHT], deny: [] } };

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/policies',
  access: ['viewer'],
  tag: 'proposals',
  summary: 'Templates of policies by name',
  query: z.strictObject(pageOf(z.tuple([z.string()]))),
  reply: policiesList,
  example: { reply: { policies: [CAREFUL] } },
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
  example: { params: { id: POLICY }, reply: CAREFUL },
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
  example: { query: { name: 'careful' }, reply: { template: { name: 'careful', channel: 'manual' } } },
  answer: async ({ db }, { query }) => ({ template: await findTemplate(db, query.name) }),
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
  example: { body: BODY, reply: { ...CAREFUL, ...NIGHTS, id: NEW_ID } },
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
  example: {
    params: { id: POLICY },
    body: { ...BODY, enabled: false },
    reply: { ...CAREFUL, ...NIGHTS, enabled: false, revision: 2, updated_at: CHANGED_AT },
  },
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
