// Security patches: every advisory, and who runs an affected version.
import { z } from 'zod';
import { FairleadError } from '../../../shared/errors/error.ts';
import {
  type ExposedComponent,
  enforceReply,
  enforceRequest,
  patchesReply,
  patchReply,
} from '../../../shared/protocol/fleet.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import type { Context } from '../../context.ts';
import { enforcePatch } from '../../db/enforcement.ts';
import {
  listAffected,
  listRunning,
  listSomeRunning,
  type RunningVersion,
  selectAffected,
} from '../../db/exposure.ts';
import { transactOnce } from '../../db/once.ts';
import { cutPart, inParts, MAX_PART_BYTES, type Part } from '../../db/page.ts';
import { readAdvisory } from '../../repository/public-files.ts';
import type { AdvisoryRef } from '../../repository/state.ts';
import { NOTHING_PROPOSED, PATCH } from '../examples.ts';
import { formatCursor, pageIn, pageOf } from '../page.ts';
import { defineRoute, type Route } from '../route.ts';

/** Beside each advisory of the list; its own address lists them all. */
const SOME_EXPOSED = 20;

const patches = defineRoute({
  method: 'GET',
  path: '/api/v1/security/patches',
  access: ['viewer'],
  ofCustomers: true,
  tag: 'fleet',
  summary: 'Every advisory with the number of affected components on instances, and some of them',
  query: z.strictObject(pageOf(z.tuple([z.string()]))),
  reply: patchesReply,
  example: { reply: { patches: [PATCH] } },
  answer: async (context, { query, customer, continueAt }) => {
    const { limit, after } = pageIn(query);
    const rest = context.publisher.published().advisories.filter(({ id }) => after === null || id > after[0]);
    const { entries, next } = await readPart(context, rest, limit);
    const running = await listAffected(context.db, entries, customer());
    const affected: (readonly RunningVersion[])[] = [];
    for (const advisory of entries) affected.push(await selectAffected(advisory, running));
    const exposed = await listSomeRunning(context.db, affected, SOME_EXPOSED, customer());
    continueAt(formatCursor(next));
    return { patches: entries.map((advisory, i) => patchOf(advisory, affected[i] ?? [], exposed[i] ?? [])) };
  },
});

const patch = defineRoute({
  method: 'GET',
  path: '/api/v1/security/patches/:advisory',
  access: ['viewer'],
  ofCustomers: true,
  tag: 'fleet',
  summary: 'One advisory, and page by page every affected component on every instance',
  params: z.strictObject({ advisory: z.string().max(100) }),
  query: z.strictObject(pageOf(z.tuple([z.string(), z.string()]))),
  reply: patchReply,
  example: { params: { advisory: PATCH.advisory.id }, reply: PATCH },
  answer: async (context, { params, query, customer, continueAt }) => {
    const { advisory, affected } = await look(context, params.advisory, customer());
    const { entries, next } = await listRunning(context.db, affected, pageIn(query), customer());
    continueAt(formatCursor(next));
    return patchOf(advisory, affected, entries);
  },
});

const enforce = defineRoute({
  method: 'POST',
  path: '/api/v1/security/enforce',
  access: ['security', 'operator'],
  tag: 'proposals',
  summary:
    'Bring the fix to every exposed instance: what no signed order forces is proposed to them, as far as it is not already',
  repeats: 'by-key',
  body: enforceRequest,
  reply: enforceReply,
  example: {
    body: { advisory: PATCH.advisory.id, reason: 'exploited since this morning' },
    reply: { advisory: PATCH.advisory.id, ordered: true, exposed_count: 1, ...NOTHING_PROPOSED },
  },
  answer: async (context, { body, mark, actor }) => {
    const { db, publisher, notices, now } = context;
    const { advisory, affected } = await look(context, body.advisory);
    const released = new Set(
      publisher.published().releases.map(({ component, version }) => `${component}@${version}`),
    );
    const exposed = patchOf(advisory, affected, []).exposedCount;
    const said = { advisory: advisory.id, ordered: advisory.order !== undefined, exposed_count: exposed };
    const wanted = { advisory, affected, released, reason: body.reason, actor: actor() };
    const outcome = await transactOnce(db, mark, now(), (trx) => enforcePatch(trx, wanted, now()));
    await notices.tell(`advisory ${advisory.id}`);
    return { ...said, ...outcome };
  },
});

export const SECURITY_ROUTES: readonly Route[] = [patches, patch, enforce];

/** One advisory, and which of the versions that run somewhere it is about. Error: request/not-found. */
async function look(context: Context, wanted: string, customer?: string) {
  const ref = context.publisher.published().advisories.find(({ id }) => id === wanted);
  if (ref === undefined) throw new FairleadError('request/not-found', { what: `advisory ${wanted}` });
  const advisory = await readAdvisory(context.store, ref);
  const running = await listAffected(context.db, [advisory], customer);
  return { advisory, affected: await selectAffected(advisory, running) };
}

/** Of documents, which are signed one by one and so far smaller than a part. */
const READ_AT_ONCE = 8;

/** As many as one answer holds; few of those behind them are read. */
async function readPart(
  { store }: Context,
  refs: readonly AdvisoryRef[],
  limit: number,
): Promise<Part<Advisory, readonly [string]>> {
  const read: Advisory[] = [];
  let bytes = 0;
  for (const some of inParts(refs.slice(0, limit + 1), READ_AT_ONCE)) {
    const advisories = await Promise.all(some.map((ref) => readAdvisory(store, ref)));
    read.push(...advisories);
    bytes += advisories.reduce((sum, advisory) => sum + sizeOf(advisory), 0);
    if (bytes > MAX_PART_BYTES) break;
  }
  const { entries, next } = cutPart(read, limit, sizeOf, ({ id }) => [id] as const);
  const last = entries.at(-1);
  return { entries, next: next ?? (last !== undefined && entries.length < refs.length ? [last.id] : null) };
}

function sizeOf(advisory: Advisory): number {
  return JSON.stringify(advisory).length;
}

function patchOf(
  advisory: Advisory,
  affected: readonly RunningVersion[],
  exposed: readonly ExposedComponent[],
) {
  const exposedCount = affected.reduce((sum, { instances }) => sum + instances, 0);
  return { advisory, exposedCount, exposed: [...exposed] };
}
