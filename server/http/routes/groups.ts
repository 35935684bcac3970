// Groups of instances, to whom a proposal may be made at once.
import { z } from 'zod';
import {
  groupChange,
  groupModel,
  groupRequest,
  groupsList,
  groupWithMembers,
} from '../../../shared/protocol/fleet-proposals.ts';
import { name } from '../../../shared/schema/common.ts';
import {
  changeGroup,
  createGroup,
  findGroup,
  listGroups,
  listMembers,
  removeGroup,
} from '../../db/groups.ts';
import { transactOnce } from '../../db/once.ts';
import { transact } from '../../db/transact.ts';
import { CHANGED_AT, INSTANCE, MADE_AT } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, MEMBERS_BYTES, type Route } from '../route.ts';

const byName = z.strictObject({ name });
const HOSPITALS = {
  ...{ name: 'hospitals', description: null, members: 1, revision: 1 },
  ...{ created_at: MADE_AT, updated_at: MADE_AT },
};

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/groups',
  access: ['viewer'],
  tag: 'proposals',
  summary: 'Groups by name, with the number of their members',
  query: z.strictObject(pageOf(z.tuple([z.string()]))),
  reply: groupsList,
  example: { reply: { groups: [HOSPITALS] } },
  answer: async ({ db }, { query, continueAt }) => {
    const { entries, next } = await listGroups(db, pageIn(query));
    continueAt(formatCursor(next));
    return { groups: [...entries] };
  },
});

const one = defineRoute({
  method: 'GET',
  path: '/api/v1/groups/:name',
  access: ['viewer'],
  tag: 'proposals',
  summary: 'One group with its members',
  params: byName,
  reply: groupWithMembers,
  example: { params: { name: 'hospitals' }, reply: { ...HOSPITALS, instances: [INSTANCE] } },
  answer: async ({ db }, { params, tag }) => {
    const found = await findGroup(db, params.name);
    tag(found.revision);
    return { ...found, instances: [...(await listMembers(db, params.name))] };
  },
});

const make = defineRoute({
  method: 'POST',
  path: '/api/v1/groups',
  access: ['operator'],
  tag: 'proposals',
  summary: 'Make a group of instances',
  status: 201,
  repeats: 'by-key',
  maxBytes: MEMBERS_BYTES,
  body: groupRequest,
  reply: groupModel,
  example: { body: { name: 'clinics', instances: [INSTANCE] }, reply: { ...HOSPITALS, name: 'clinics' } },
  answer: async ({ db, now }, ask) => {
    const made = await transactOnce(db, ask.mark, now(), (trx) =>
      createGroup(trx, ask.body, ask.actor(), now()),
    );
    ask.created(`/api/v1/groups/${made.name}`);
    ask.tag(made.revision);
    return made;
  },
});

const change = defineRoute({
  method: 'PUT',
  path: '/api/v1/groups/:name',
  access: ['operator'],
  tag: 'proposals',
  summary: 'Change who is in a group; what was proposed to it stays with those who were',
  ifMatch: true,
  maxBytes: MEMBERS_BYTES,
  params: byName,
  body: groupChange,
  reply: groupModel,
  example: {
    params: { name: 'hospitals' },
    body: { instances: [INSTANCE] },
    reply: { ...HOSPITALS, revision: 2, updated_at: CHANGED_AT },
  },
  answer: async ({ db, now }, ask) => {
    const body = { ...ask.body, name: ask.params.name };
    const changed = await transact(db, 'committed', (trx) =>
      changeGroup(trx, body, ask.match, ask.actor(), now()),
    );
    ask.tag(changed.revision);
    return changed;
  },
});

const remove = defineRoute({
  method: 'DELETE',
  path: '/api/v1/groups/:name',
  access: ['operator'],
  tag: 'proposals',
  summary: 'Remove a group; what was proposed to its members stays',
  ifMatch: true,
  params: byName,
  example: { params: { name: 'hospitals' } },
  answer: async ({ db, now }, ask): Promise<undefined> => {
    await transact(db, 'committed', (trx) =>
      removeGroup(trx, ask.params.name, ask.match, ask.actor(), now()),
    );
  },
});

export const GROUP_ROUTES: readonly Route[] = [list, make, one, change, remove];
