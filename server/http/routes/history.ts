// What happened and why: change records with their fate on the fleet, and the audit log.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { FairleadError } from '../../../shared/errors/error.ts';
import { auditReply, type ChangeReply, changeReply, changesReply } from '../../../shared/protocol/fleet.ts';
import { changeRef } from '../../../shared/schema/common.ts';
import type { Context } from '../../context.ts';
import { readAudit } from '../../db/audit.ts';
import { findChange, listChanges } from '../../db/changes.ts';
import { countDeployments, listDeployments } from '../../db/deployments.ts';
import { parseParams, parseQuery } from '../bodies.ts';
import { describeRoute } from '../description.ts';
import { page } from '../page.ts';

const MAX_DEPLOYMENTS = 1000;

const changesQuery = z.strictObject(page);
const changeParams = z.strictObject({ id: changeRef.shape.id });
const auditQuery = z.strictObject({ after: z.coerce.number().int().min(0).default(0), limit: page.limit });

export function addHistoryRoutes(app: FastifyInstance, { db }: Context): void {
  const changes = describeRoute({
    summary: 'Change records, last published first',
    tag: 'fleet',
    query: changesQuery,
    reply: changesReply,
  });
  app.get('/api/v1/changes', { schema: changes }, async (request) => ({
    changes: await listChanges(db, parseQuery(changesQuery, request)),
  }));

  const change = describeRoute({
    summary: 'One change, how it fares on the fleet, and its deployments',
    tag: 'fleet',
    params: changeParams,
    reply: changeReply,
  });
  app.get('/api/v1/changes/:id', { schema: change }, async (request): Promise<ChangeReply> => {
    const { id } = parseParams(changeParams, request);
    const record = await findChange(db, id);
    if (record === null) throw new FairleadError('request/not-found', { what: `change ${id}` });
    const deployments = await listDeployments(db, { change: id, limit: MAX_DEPLOYMENTS, offset: 0 });
    return { change: record, counts: await countDeployments(db, id), deployments: [...deployments] };
  });

  const audit = describeRoute({
    summary: 'The audit log, oldest first; each entry carries the digest of the one before',
    tag: 'fleet',
    query: auditQuery,
    reply: auditReply,
  });
  app.get('/api/v1/audit', { schema: audit }, async (request) => {
    const { after, limit: count } = parseQuery(auditQuery, request);
    return { entries: await readAudit(db, after, count) };
  });
}
