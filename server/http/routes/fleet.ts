// The fleet, read: instances, their deployments, and who is exposed to which advisory.

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { isAffected } from '../../../shared/compile/exposure.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import {
  deploymentsReply,
  type InstanceReply,
  instanceReply,
  instancesReply,
  type PatchesReply,
  patchesReply,
} from '../../../shared/protocol/fleet.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import type { Context } from '../../context.ts';
import { listDeployments } from '../../db/deployments.ts';
import { findInstance, listInstances, listReported, type ReportedInstance } from '../../db/instances.ts';
import { readAdvisories } from '../../repository/advisories.ts';
import { parseParams, parseQuery } from '../bodies.ts';
import { describeRoute } from '../description.ts';
import { page } from '../page.ts';

const instanceId = z.string().regex(/^[0-9a-f-]{36}$/, { error: 'an instance id' });

const instanceParams = z.strictObject({ id: instanceId });
const deploymentsQuery = z.strictObject({
  instance: instanceId.optional(),
  change: z.string().max(32).optional(),
  ...page,
});
const historyQuery = z.strictObject(page);
const instancesQuery = z.strictObject({ named: z.string().max(300).optional(), ...page });

export function addFleetRoutes(app: FastifyInstance, context: Context): void {
  addInstanceRoutes(app, context);
  addDeploymentRoutes(app, context);
  const patches = describeRoute({
    summary: 'Every advisory, and the instances that run an affected version by their last report',
    tag: 'fleet',
    reply: patchesReply,
  });
  app.get('/api/v1/security/patches', { schema: patches }, async (): Promise<PatchesReply> => {
    const state = context.publisher.state();
    const advisories = state === null ? [] : await readAdvisories(context.config.layout, state);
    const instances = await listReported(context.db);
    return {
      patches: advisories.map((advisory) => ({ advisory, exposed: exposedTo(advisory, instances) })),
    };
  });
}

function addInstanceRoutes(app: FastifyInstance, { db }: Context): void {
  const list = describeRoute({
    summary: 'Enrolled instances by name; with `named` only those of this id or name',
    tag: 'fleet',
    query: instancesQuery,
    reply: instancesReply,
  });
  app.get('/api/v1/instances', { schema: list }, async (request) => ({
    instances: await listInstances(db, parseQuery(instancesQuery, request)),
  }));

  const one = describeRoute({
    summary: 'One instance with its newest report',
    tag: 'fleet',
    params: instanceParams,
    reply: instanceReply,
  });
  app.get('/api/v1/instances/:id', { schema: one }, async (request): Promise<InstanceReply> => {
    const { id } = parseParams(instanceParams, request);
    const instance = await findInstance(db, id);
    if (instance === null) throw new FairleadError('request/not-found', { what: `instance ${id}` });
    return instance;
  });
}

function addDeploymentRoutes(app: FastifyInstance, { db }: Context): void {
  const list = describeRoute({
    summary: 'Deployments, newest first',
    tag: 'fleet',
    query: deploymentsQuery,
    reply: deploymentsReply,
  });
  app.get('/api/v1/deployments', { schema: list }, async (request) => ({
    deployments: await listDeployments(db, parseQuery(deploymentsQuery, request)),
  }));

  const history = describeRoute({
    summary: 'Deployments that went back, by themselves or by hand, newest first',
    tag: 'fleet',
    query: historyQuery,
    reply: deploymentsReply,
  });
  app.get('/api/v1/rollback/history', { schema: history }, async (request) => ({
    deployments: await listDeployments(db, { ...parseQuery(historyQuery, request), rollbacksOnly: true }),
  }));
}

function exposedTo(
  advisory: Advisory,
  instances: readonly ReportedInstance[],
): PatchesReply['patches'][number]['exposed'] {
  if (advisory.withdrawn) return [];
  return instances.flatMap(({ id, name, components }) =>
    components
      .filter(({ component, version }) => isAffected(advisory, component, version))
      .map(({ component, version }) => ({ instance: id, name, component, version })),
  );
}
