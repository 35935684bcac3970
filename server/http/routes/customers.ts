// Customers: made, changed and removed by those who look after the fleet.
import { z } from 'zod';
import {
  customerChange,
  customerId,
  customerModel,
  customerRequest,
  customersList,
} from '../../../shared/protocol/customers.ts';
import {
  changeCustomer,
  createCustomer,
  findCustomer,
  listCustomers,
  removeCustomer,
} from '../../db/customers.ts';
import { transactOnce } from '../../db/once.ts';
import { transact } from '../../db/transact.ts';
import { CHANGED_AT, CUSTOMER, FORMER_CUSTOMER, INSTANCE, MADE_AT, NEW_ID } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, MEMBERS_BYTES, type Route } from '../route.ts';

const byId = z.strictObject({ id: customerId });
const HOSPITALS = {
  ...{ id: CUSTOMER, name: 'Harbour hospitals', instances: 1, revision: 1 },
  ...{ created_at: MADE_AT, updated_at: MADE_AT },
};
const FORMER = { ...HOSPITALS, id: FORMER_CUSTOMER, name: 'Old mill clinic', instances: 0 };

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/customers',
  access: ['viewer'],
  tag: 'fleet',
  summary: 'Customers by name, with the number of their instances',
  query: z.strictObject(pageOf(z.tuple([z.string(), z.string()]))),
  reply: customersList,
  example: { reply: { customers: [HOSPITALS, FORMER] } },
  answer: async ({ db }, { query, continueAt }) => {
    const { entries, next } = await listCustomers(db, pageIn(query));
    continueAt(formatCursor(next));
    return { customers: [...entries] };
  },
});

const one = defineRoute({
  method: 'GET',
  path: '/api/v1/customers/:id',
  access: ['viewer'],
  tag: 'fleet',
  summary: 'One customer',
  params: byId,
  reply: customerModel,
  example: { params: { id: CUSTOMER }, reply: HOSPITALS },
  answer: async ({ db }, { params: { id }, tag }) => {
    const found = await findCustomer(db, id);
    tag(found.revision);
    return found;
  },
});

const make = defineRoute({
  method: 'POST',
  path: '/api/v1/customers',
  access: ['operator'],
  tag: 'fleet',
  summary: 'Make a customer; its instances come with enrolment codes that name it, or by a change',
  status: 201,
  repeats: 'by-key',
  body: customerRequest,
  reply: customerModel,
  example: {
    body: { name: 'Mountain clinics' },
    reply: { ...HOSPITALS, id: NEW_ID, name: 'Mountain clinics', instances: 0 },
  },
  answer: async ({ db, now }, ask) => {
    const made = await transactOnce(db, ask.mark, now(), (trx) =>
      createCustomer(trx, ask.body.name, ask.actor(), now()),
    );
    ask.created(`/api/v1/customers/${made.id}`);
    ask.tag(made.revision);
    return made;
  },
});

const change = defineRoute({
  method: 'PUT',
  path: '/api/v1/customers/:id',
  access: ['operator'],
  tag: 'fleet',
  summary: 'Change a customer’s name, and which instances are its own',
  ifMatch: true,
  maxBytes: MEMBERS_BYTES,
  params: byId,
  body: customerChange,
  reply: customerModel,
  example: {
    params: { id: CUSTOMER },
    body: { name: 'Harbour hospitals', instances: [INSTANCE] },
    reply: { ...HOSPITALS, revision: 2, updated_at: CHANGED_AT },
  },
  answer: async ({ db, now }, ask) => {
    const wanted = { ...ask.body, id: ask.params.id };
    const changed = await transact(db, 'committed', (trx) =>
      changeCustomer(trx, wanted, ask.match, ask.actor(), now()),
    );
    ask.tag(changed.revision);
    return changed;
  },
});

const remove = defineRoute({
  method: 'DELETE',
  path: '/api/v1/customers/:id',
  access: ['operator'],
  tag: 'fleet',
  summary: 'Remove a customer that has no instance; its tokens and unused codes end',
  keeps: true,
  ifMatch: true,
  params: byId,
  example: { params: { id: FORMER_CUSTOMER } },
  answer: async ({ db, now }, ask): Promise<undefined> => {
    await transact(db, 'committed', (trx) =>
      removeCustomer(trx, ask.params.id, ask.match, ask.actor(), now()),
    );
  },
});

export const CUSTOMER_ROUTES: readonly Route[] = [list, make, one, change, remove];
