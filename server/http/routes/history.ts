// What happened and why: change records with their fate on the fleet, and the audit log.
import { z } from 'zod';
import { FairleadError } from '../../../shared/errors/error.ts';
import { auditReply, changeReply, changesReply } from '../../../shared/protocol/fleet.ts';
import { changeRef } from '../../../shared/schema/common.ts';
import { readAudit } from '../../db/audit.ts';
import { findChange, listChanges } from '../../db/changes.ts';
import { listDeployments } from '../../db/deployments.ts';
import { countDeployments } from '../../db/fleet-counts.ts';
import { COMMITTED, changed, DIGEST, MADE_AT, TREE } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

/** With a change; the list of deployments has them all. */
const NEWEST_DEPLOYMENTS = 100;

const changes = defineRoute({
  method: 'GET',
  path: '/api/v1/changes',
  access: ['viewer'],
  tag: 'fleet',
  summary: 'Change records, last published first',
  query: z.strictObject(pageOf(z.tuple([z.string(), z.string()]))),
  reply: changesReply,
  example: { query: { limit: 1 }, reply: { changes: [changed(42, '1.2.1', `sha256:${TREE}`)] } },
  answer: async ({ db }, { query, continueAt }) => {
    const { entries, next } = await listChanges(db, pageIn(query));
    continueAt(formatCursor(next));
    return { changes: [...entries] };
  },
});

const change = defineRoute({
  method: 'GET',
  path: '/api/v1/changes/:id',
  access: ['viewer'],
  tag: 'fleet',
  summary: 'One change, how it fares on the fleet, and its newest deployments',
  params: z.strictObject({ id: changeRef.shape.id }),
  reply: changeReply,
  example: {
    params: { id: 'CHG-41' },
    reply: {
      change: changed(41, '1.2.0', DIGEST),
      counts: { committed: 1, rolledBack: 0, inProgress: 0, failed: 0 },
      deployments: [COMMITTED],
    },
  },
  answer: async ({ db, now }, { params: { id } }) => {
    const record = await findChange(db, id);
    if (record === null) throw new FairleadError('request/not-found', { what: `change ${id}` });
    const { entries } = await listDeployments(db, { change: id, limit: NEWEST_DEPLOYMENTS, after: null });
    return { change: record, counts: await countDeployments(db, id, now()), deployments: [...entries] };
  },
});

const audit = defineRoute({
  method: 'GET',
  path: '/api/v1/audit',
  access: ['viewer'],
  tag: 'fleet',
  summary: 'The audit log, oldest first; each entry carries the digest of the one before',
  query: z.strictObject({
    after: z.coerce.number().int().min(0).default(0),
    ...pageOf(z.tuple([z.int().min(0)])),
  }),
  reply: auditReply,
  example: {
    query: { after: 2, limit: 1 },
    reply: {
      entries: [
        {
          ...{ sequence: 3, at: MADE_AT, actor: 'test', action: 'token.created', subject: 'admin' },
          details: { role: 'admin', expires: '2026-11-20T13:01:00.000Z' },
          ...{ previous: DIGEST, digest: DIGEST },
        },
      ],
    },
  },
  answer: async ({ db }, { query, continueAt }) => {
    const from = query.cursor?.[0] ?? query.after;
    const { entries, next } = await readAudit(db, from, query.limit);
    continueAt(formatCursor(next === null ? null : [next]));
    return { entries: [...entries] };
  },
});

export const HISTORY_ROUTES: readonly Route[] = [changes, change, audit];
