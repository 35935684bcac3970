// Versions: what was released and how many installs run it, and pins proposed to them.
import { z } from 'zod';
import {
  pinRequest,
  pinsMade,
  unpinRequest,
  versionsList,
} from '../../../shared/protocol/fleet-proposals.ts';
import { levelOf, pinOf } from '../../core/founding-models.ts';
import { listRunningVersions } from '../../db/exposure.ts';
import { INSTANCE, NEW_ID, PINNING } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { propose } from '../propose.ts';
import { defineRoute, type Route } from '../route.ts';

const PINNED = pinOf({ ...PINNING, id: NEW_ID, status: 'proposed' });

const versions = defineRoute({
  method: 'GET',
  path: '/api/v1/versions',
  access: ['viewer'],
  ofCustomers: true,
  tag: 'fleet',
  summary: 'Every released version by component, the newest first, and how many instances run it',
  query: z.strictObject({
    component: z.string().max(129).optional(),
    ...pageOf(z.tuple([z.string(), z.string()])),
  }),
  reply: versionsList,
  example: {
    query: { component: 'core/auth' },
    reply: {
      versions: [
        { component: 'core/auth', level: 'capability', version: '1.2.1', instances: 0 },
        { component: 'core/auth', level: 'capability', version: '1.2.0', instances: 1 },
      ],
    },
  },
  answer: async ({ db, publisher }, { query, customer, continueAt }) => {
    const { limit, after } = pageIn(query);
    const { component } = query;
    const released = publisher.published().releases;
    const all = component === undefined ? released : released.filter((one) => one.component === component);
    const last =
      after === null ? -1 : all.findIndex((one) => one.component === after[0] && one.version === after[1]);
    const page = all.slice(last + 1, last + 1 + limit);
    const components = [...new Set(page.map((one) => one.component))];
    const running = await listRunningVersions(db, components, customer());
    const counts = new Map(running.map((one) => [`${one.component}@${one.version}`, one.instances]));
    const end = page.at(-1);
    const isLast = last + 1 + limit >= all.length;
    continueAt(formatCursor(isLast || end === undefined ? null : [end.component, end.version]));
    return {
      versions: page.map(({ component: name, version }) => ({
        ...{ component: name, version, level: levelOf(name) },
        instances: counts.get(`${name}@${version}`) ?? 0,
      })),
    };
  },
});

const pin = defineRoute({
  method: 'POST',
  path: '/api/v1/versions/pin',
  access: ['operator'],
  tag: 'proposals',
  summary: 'Propose to an instance or a group to stay on a version or in a range',
  status: 201,
  repeats: 'by-key',
  body: pinRequest,
  reply: pinsMade,
  example: {
    body: { instance_id: INSTANCE, component: 'core/auth', version: '~1.2', reason: 'certified with 1.2' },
    reply: { count: 1, pins: [PINNED] },
  },
  answer: async (context, ask) => {
    const { component, version, pin_expires_at: expires } = ask.body;
    const wish = { kind: 'pin' as const, component, version, ...(expires === undefined ? {} : { expires }) };
    const { count, proposals } = await propose(context, ask, ask.body, wish);
    return { count, pins: proposals.map(pinOf) };
  },
});

const unpin = defineRoute({
  method: 'POST',
  path: '/api/v1/versions/unpin',
  access: ['operator'],
  tag: 'proposals',
  summary: 'Propose to an instance or a group to take a pin away',
  status: 201,
  repeats: 'by-key',
  body: unpinRequest,
  reply: pinsMade,
  example: {
    body: { group: 'hospitals', component: 'core/auth', reason: '1.3 is certified' },
    reply: { count: 1, pins: [{ ...PINNED, version: null, reason: '1.3 is certified' }] },
  },
  answer: async (context, ask) => {
    const wish = { kind: 'unpin' as const, component: ask.body.component };
    const { count, proposals } = await propose(context, ask, ask.body, wish);
    return { count, pins: proposals.map(pinOf) };
  },
});

export const VERSION_ROUTES: readonly Route[] = [versions, pin, unpin];
