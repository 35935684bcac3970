// Named groups of instances: whom a proposal may be made to at once.
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { sanitizeText } from '../../shared/encoding/text.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { GroupModel } from '../../shared/protocol/fleet-proposals.ts';
import { appendAudit } from './audit.ts';
import { IN_SERVICE } from './instances.ts';
import { cutPart, inParts, type Page, type Part } from './page.ts';
import type { GroupRow } from './proposal-row.ts';
import { verifyRoom } from './room.ts';
import type { Database, DatabaseTransaction } from './tables.ts';
import { isPostgres } from './transact.ts';

export interface GroupBody {
  readonly name: string;
  readonly description?: string | undefined;
  readonly instances: readonly string[];
}

/** Errors: name/taken, request/not-found for an instance that there is not. */
export async function createGroup(
  trx: DatabaseTransaction,
  body: GroupBody,
  actor: string,
  now: EpochMs,
): Promise<GroupModel> {
  await verifyRoom(trx, 'groups', now);
  const at = formatInstantMs(now);
  const { name } = body;
  const row = { name, description: textOf(body), revision: 1, created_at: at, updated_at: at };
  const { numInsertedOrUpdatedRows: made } = await trx
    .insertInto('groups')
    .values(row)
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirstOrThrow();
  if (made === 0n) throw new FairleadError('name/taken', { what: 'group', name });
  return await settle(trx, row, body, { actor, action: 'group.created' }, now);
}

/** `match` refuses where the caller means another state. Errors: request/not-found, and those of `match`. */
export async function changeGroup(
  trx: DatabaseTransaction,
  body: GroupBody,
  match: (revision: number) => void,
  actor: string,
  now: EpochMs,
): Promise<GroupModel> {
  const known = await findRow(trx, body.name, true);
  match(known.revision);
  const set = { description: textOf(body), revision: known.revision + 1, updated_at: formatInstantMs(now) };
  await trx.updateTable('groups').set(set).where('name', '=', body.name).execute();
  return await settle(trx, { ...known, ...set }, body, { actor, action: 'group.changed' }, now);
}

/** What was proposed to its members stays. Errors: request/not-found, and those of `match`. */
export async function removeGroup(
  trx: DatabaseTransaction,
  name: string,
  match: (revision: number) => void,
  actor: string,
  now: EpochMs,
): Promise<void> {
  match((await findRow(trx, name, true)).revision);
  await trx.deleteFrom('group_members').where('group_name', '=', name).execute();
  await trx.deleteFrom('groups').where('name', '=', name).execute();
  await appendAudit(trx, { actor, action: 'group.removed', subject: name }, now);
}

function textOf({ description }: GroupBody): string | null {
  return description === undefined ? null : sanitizeText(description);
}

async function settle(
  trx: DatabaseTransaction,
  row: GroupRow,
  { name, instances }: GroupBody,
  event: { readonly actor: string; readonly action: string },
  now: EpochMs,
): Promise<GroupModel> {
  const ids = [...new Set(instances)].sort();
  await verifyInstances(trx, ids);
  await trx.deleteFrom('group_members').where('group_name', '=', name).execute();
  const members = ids.map((instance) => ({ group_name: name, instance }));
  for (const part of inParts(members)) await trx.insertInto('group_members').values(part).execute();
  await appendAudit(trx, { ...event, subject: name, details: { members: ids.length } }, now);
  return { ...row, members: ids.length };
}

/** In the order given. Error: request/not-found. */
export async function verifyInstances(db: Database, ids: readonly string[]): Promise<void> {
  for (const part of inParts(ids)) {
    const rows = await db.selectFrom('instances').select('id').where('id', 'in', part).execute();
    const known = new Set(rows.map(({ id }) => id));
    const missing = part.find((id) => !known.has(id));
    if (missing !== undefined) throw new FairleadError('request/not-found', { what: `instance ${missing}` });
  }
}

/** Those in service, in the order of their ids. Error: request/not-found. */
export async function listMembers(db: Database, name: string): Promise<readonly string[]> {
  await findRow(db, name, false);
  const rows = await db
    .selectFrom('group_members')
    .innerJoin('instances', 'instances.id', 'group_members.instance')
    .select('group_members.instance')
    .where('group_name', '=', name)
    .where(IN_SERVICE)
    .orderBy('group_members.instance')
    .execute();
  return rows.map(({ instance }) => instance);
}

/** Error: request/not-found. */
export async function findGroup(db: Database, name: string): Promise<GroupModel> {
  const row = await findRow(db, name, false);
  return { ...row, members: (await countMembers(db, [name])).get(name) ?? 0 };
}

/** By name. */
export async function listGroups(
  db: Database,
  { limit, after }: Page<readonly [string]>,
): Promise<Part<GroupModel, readonly [string]>> {
  const rows = await db
    .selectFrom('groups')
    .selectAll()
    .$if(after !== null, (query) => query.where('name', '>', after?.[0] ?? ''))
    .orderBy('name')
    .limit(limit + 1)
    .execute();
  const { entries, next } = cutPart(
    rows,
    limit,
    ({ description }) => 300 + (description?.length ?? 0) * 2,
    ({ name }) => [name] as const,
  );
  const counts = await countMembers(
    db,
    entries.map(({ name }) => name),
  );
  return { entries: entries.map((row) => ({ ...row, members: counts.get(row.name) ?? 0 })), next };
}

async function countMembers(db: Database, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (names.length === 0) return new Map();
  const rows = await db
    .selectFrom('group_members')
    .select((select) => ['group_name', select.fn.countAll().as('members')])
    .where('group_name', 'in', names)
    .groupBy('group_name')
    .execute();
  return new Map(rows.map(({ group_name, members }) => [group_name, Number(members)]));
}

async function findRow(db: Database, name: string, lock: boolean): Promise<GroupRow> {
  const row = await db
    .selectFrom('groups')
    .selectAll()
    .where('name', '=', name)
    .$if(lock && isPostgres(db), (query) => query.forUpdate())
    .executeTakeFirst();
  if (row === undefined) throw new FairleadError('request/not-found', { what: `group ${name}` });
  return row;
}
