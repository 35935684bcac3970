// Security patches: every advisory, and who runs an affected version.
import { z } from 'zod';
import { isAffected } from '../../../shared/compile/exposure.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { patchesReply, patchReply } from '../../../shared/protocol/fleet.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import type { Context } from '../../context.ts';
import { listRunning, listRunningVersions, type RunningVersion } from '../../db/exposure.ts';
import { cutPart, type Page } from '../../db/page.ts';
import { readAdvisories } from '../../repository/advisories.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

/** Beside each advisory of the list; its own address lists them all. */
const FIRST_EXPOSED = 20;

const patches = defineRoute({
  method: 'GET',
  path: '/api/v1/security/patches',
  access: ['viewer'],
  tag: 'fleet',
  summary: 'Every advisory with the number of affected components on instances, and the first of them',
  query: z.strictObject(pageOf(z.tuple([z.string()]))),
  reply: patchesReply,
  answer: async (context, { query, continueAt }) => {
    const { limit, after } = pageIn(query);
    const rest = (await published(context)).filter(({ id }) => after === null || id > after[0]);
    const { entries, next } = cutPart(
      rest.slice(0, limit + 1),
      limit,
      (advisory) => JSON.stringify(advisory).length,
      ({ id }) => [id] as const,
    );
    const running = await listRunningVersions(context.db);
    const first = { limit: FIRST_EXPOSED, after: null };
    const found = [];
    for (const advisory of entries) found.push((await exposedTo(context, advisory, running, first)).patch);
    continueAt(formatCursor(next));
    return { patches: found };
  },
});

const patch = defineRoute({
  method: 'GET',
  path: '/api/v1/security/patches/:advisory',
  access: ['viewer'],
  tag: 'fleet',
  summary: 'One advisory, and page by page every affected component on every instance',
  params: z.strictObject({ advisory: z.string().max(100) }),
  query: z.strictObject(pageOf(z.tuple([z.string(), z.string(), z.string()]))),
  reply: patchReply,
  example: { params: { advisory: 'FL-2026-0003' } },
  answer: async (context, { params, query, continueAt }) => {
    const advisory = (await published(context)).find(({ id }) => id === params.advisory);
    if (advisory === undefined) {
      throw new FairleadError('request/not-found', { what: `advisory ${params.advisory}` });
    }
    const running = await listRunningVersions(context.db);
    const { patch, next } = await exposedTo(context, advisory, running, pageIn(query));
    continueAt(formatCursor(next));
    return patch;
  },
});

export const SECURITY_ROUTES: readonly Route[] = [patches, patch];

/** By id. */
async function published({ publisher, config }: Context): Promise<readonly Advisory[]> {
  const state = publisher.state();
  const advisories = state === null ? [] : await readAdvisories(config.layout, state);
  return advisories.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

async function exposedTo(
  { db }: Context,
  advisory: Advisory,
  running: readonly RunningVersion[],
  page: Page<readonly [string, string, string]>,
) {
  const affected = advisory.withdrawn
    ? []
    : running.filter(({ component, version }) => isAffected(advisory, component, version));
  const { entries, next } = await listRunning(db, affected, page);
  const exposedCount = affected.reduce((sum, { instances }) => sum + instances, 0);
  return { patch: { advisory, exposedCount, exposed: [...entries] }, next };
}
