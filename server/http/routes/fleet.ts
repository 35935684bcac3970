// The fleet, read: instances, and what each last reported.

import { z } from 'zod';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { customerId } from '../../../shared/protocol/customers.ts';
import { instanceReply, instancesReply } from '../../../shared/protocol/fleet.ts';
import { STANDINGS } from '../../../shared/protocol/instances.ts';
import { headsReply } from '../../../shared/protocol/receipt.ts';
import { instanceId } from '../../../shared/protocol/report.ts';
import { findInstance, listInstances } from '../../db/instances.ts';
import { listHeads } from '../../db/ledger-kept.ts';
import { HOSPITAL, HOSPITAL_SUMMARY, INSTANCE } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

const instanceKey = z.tuple([z.string(), z.string()]);

const instances = defineRoute({
  method: 'GET',
  path: '/api/v1/instances',
  access: ['viewer'],
  ofCustomers: true,
  tag: 'fleet',
  summary:
    'Enrolled instances by name; with `named` only those of this id or name, with `customer` only its own. Retired ones are listed with `standing=retired` or `any`',
  query: z.strictObject({
    named: z.string().max(300).optional(),
    customer: customerId.optional(),
    standing: z.enum([...STANDINGS, 'any']).optional(),
    ...pageOf(instanceKey),
  }),
  reply: instancesReply,
  example: {
    query: { named: 'Harbour hospital' },
    reply: { instances: [HOSPITAL_SUMMARY] },
  },
  answer: async ({ db }, { query, customer, continueAt }) => {
    const { named, standing } = query;
    const filter = { ...pageIn(query), named, standing, customer: customer() ?? query.customer };
    const { entries, next } = await listInstances(db, filter);
    continueAt(formatCursor(next));
    return { instances: [...entries] };
  },
});

const instance = defineRoute({
  method: 'GET',
  path: '/api/v1/instances/:id',
  access: ['viewer'],
  ofCustomers: true,
  tag: 'fleet',
  summary: 'One instance with its newest report',
  params: z.strictObject({ id: instanceId }),
  reply: instanceReply,
  example: { params: { id: INSTANCE }, reply: HOSPITAL },
  answer: async ({ db }, { params: { id }, customer, tag }) => {
    const found = await findInstance(db, id, customer());
    if (found === null) throw new FairleadError('request/not-found', { what: `instance ${id}` });
    tag(found.revision ?? 1);
    return found;
  },
});

const heads = defineRoute({
  method: 'GET',
  path: '/api/v1/instances/:id/heads',
  access: ['viewer'],
  ofCustomers: true,
  tag: 'fleet',
  summary:
    'Where the audit log of an instance ended when it said so: every head of the last days on which it moved, of those before the first and the last, the newest first',
  params: z.strictObject({ id: instanceId }),
  query: z.strictObject(pageOf(z.tuple([z.string()]))),
  reply: headsReply,
  example: { params: { id: INSTANCE }, reply: { heads: [] } },
  answer: async ({ db }, { params: { id }, query, customer, continueAt }) => {
    if ((await findInstance(db, id, customer())) === null)
      throw new FairleadError('request/not-found', { what: `instance ${id}` });
    const { limit, after } = pageIn(query);
    const { entries, next } = await listHeads(db, id, { limit, after: after?.[0] ?? null });
    continueAt(formatCursor(next === null ? null : [next]));
    return {
      heads: entries.map(({ entries: count, digest, at }) => ({ count, digest: digest as Digest, at })),
    };
  },
});

export const FLEET_ROUTES: readonly Route[] = [instances, instance, heads];
