// Security patches: every advisory, and who runs an affected version.
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { isAffected } from '../../../shared/compile/exposure.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { type ExposedComponent, patchesReply, patchReply } from '../../../shared/protocol/fleet.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import type { Context } from '../../context.ts';
import { listRunning, listRunningVersions, listSomeRunning, type RunningVersion } from '../../db/exposure.ts';
import { cutPart, MAX_PART_BYTES, type Part } from '../../db/page.ts';
import { readAdvisory } from '../../repository/public-files.ts';
import type { AdvisoryRef } from '../../repository/state.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

/** Beside each advisory of the list; its own address lists them all. */
const SOME_EXPOSED = 20;

const patches = defineRoute({
  method: 'GET',
  path: '/api/v1/security/patches',
  access: ['viewer'],
  tag: 'fleet',
  summary: 'Every advisory with the number of affected components on instances, and some of them',
  query: z.strictObject(pageOf(z.tuple([z.string()]))),
  reply: patchesReply,
  answer: async (context, { query, continueAt }) => {
    const { limit, after } = pageIn(query);
    const rest = context.publisher.published().advisories.filter(({ id }) => after === null || id > after[0]);
    const { entries, next } = await readPart(context, rest, limit);
    const running = await listAffected(context.db, entries);
    const affected: (readonly RunningVersion[])[] = [];
    for (const advisory of entries) affected.push(await selectAffected(advisory, running));
    const exposed = await listSomeRunning(context.db, affected, SOME_EXPOSED);
    continueAt(formatCursor(next));
    return { patches: entries.map((advisory, i) => patchOf(advisory, affected[i] ?? [], exposed[i] ?? [])) };
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
    const ref = context.publisher.published().advisories.find(({ id }) => id === params.advisory);
    if (ref === undefined) {
      throw new FairleadError('request/not-found', { what: `advisory ${params.advisory}` });
    }
    const advisory = await readAdvisory(context.config.layout, ref);
    const running = await listAffected(context.db, [advisory]);
    const affected = await selectAffected(advisory, running);
    const { entries, next } = await listRunning(context.db, affected, pageIn(query));
    continueAt(formatCursor(next));
    return patchOf(advisory, affected, entries);
  },
});

export const SECURITY_ROUTES: readonly Route[] = [patches, patch];

/** As many as one answer holds; those behind them are not read. */
async function readPart(
  { config }: Context,
  refs: readonly AdvisoryRef[],
  limit: number,
): Promise<Part<Advisory, readonly [string]>> {
  const read: Advisory[] = [];
  let bytes = 0;
  for (const ref of refs.slice(0, limit + 1)) {
    const advisory = await readAdvisory(config.layout, ref);
    read.push(advisory);
    bytes += sizeOf(advisory);
    if (bytes > MAX_PART_BYTES) break;
  }
  const { entries, next } = cutPart(read, limit, sizeOf, ({ id }) => [id] as const);
  const last = entries.at(-1);
  return { entries, next: next ?? (last !== undefined && entries.length < refs.length ? [last.id] : null) };
}

function sizeOf(advisory: Advisory): number {
  return JSON.stringify(advisory).length;
}

async function listAffected(
  db: Context['db'],
  advisories: readonly Advisory[],
): Promise<readonly RunningVersion[]> {
  const components = advisories.flatMap(({ affected }) => affected.map(({ component }) => component));
  return listRunningVersions(db, [...new Set(components)]);
}

function patchOf(
  advisory: Advisory,
  affected: readonly RunningVersion[],
  exposed: readonly ExposedComponent[],
) {
  const exposedCount = affected.reduce((sum, { instances }) => sum + instances, 0);
  return { advisory, exposedCount, exposed: [...exposed] };
}

/** What runs out there, and how an advisory names it, is for others to say: between so many comparisons others have a turn. */
const COMPARISONS_A_TURN = 2_000;

async function selectAffected(
  advisory: Advisory,
  running: readonly RunningVersion[],
): Promise<readonly RunningVersion[]> {
  if (advisory.withdrawn) return [];
  const affected: RunningVersion[] = [];
  let comparisons = 0;
  for (const one of running) {
    comparisons += advisory.affected.length;
    if (comparisons > COMPARISONS_A_TURN) {
      comparisons = 0;
      await setImmediate();
    }
    if (isAffected(advisory, one.component, one.version)) affected.push(one);
  }
  return affected;
}
