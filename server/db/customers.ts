// Customers: whose the instances are. A token of one sees its own and nothing else.
import { randomUUID } from 'node:crypto';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { CustomerModel } from '../../shared/protocol/customers.ts';
import { appendAudit } from './audit.ts';
import { IN_SERVICE } from './instances.ts';
import { writeOwned } from './owned-spans.ts';
import { cutPart, inParts, type Page, type Part } from './page.ts';
import { verifyRoom } from './room.ts';
import type { CustomerRow, Database, DatabaseTransaction } from './tables.ts';
import { isPostgres } from './transact.ts';

/** Its name and id. */
export type CustomerKey = readonly [string, string];

/** Error: name/taken. */
export async function createCustomer(
  trx: DatabaseTransaction,
  name: string,
  actor: string,
  now: EpochMs,
): Promise<CustomerModel> {
  await verifyRoom(trx, 'customers', now);
  const at = formatInstantMs(now);
  const row = { id: randomUUID(), name, revision: 1, created_at: at, updated_at: at };
  const { numInsertedOrUpdatedRows: made } = await trx
    .insertInto('customers')
    .values(row)
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirstOrThrow();
  if (made === 0n) throw taken(name);
  await appendAudit(trx, { actor, action: 'customer.created', subject: row.id, details: { name } }, now);
  return { ...row, instances: 0 };
}

export interface CustomerChange {
  readonly id: string;
  readonly name: string;
  /** All that are its own from now on. */
  readonly instances: readonly string[];
}

/** `match` refuses where the caller means another state. Errors: request/not-found, name/taken, customer/owned, and those of `match`. */
export async function changeCustomer(
  trx: DatabaseTransaction,
  { id, name, instances }: CustomerChange,
  match: (revision: number) => void,
  actor: string,
  now: EpochMs,
): Promise<CustomerModel> {
  const known = await lockCustomer(trx, id);
  match(known.revision);
  const namesake = await trx.selectFrom('customers').select('id').where('name', '=', name).executeTakeFirst();
  if (namesake !== undefined && namesake.id !== id) throw taken(name);
  const set = { name, revision: known.revision + 1, updated_at: formatInstantMs(now) };
  await trx.updateTable('customers').set(set).where('id', '=', id).execute();
  const ids = [...new Set(instances)].sort();
  const before = await trx
    .selectFrom('instances')
    .select(['id', 'enrolled_at'])
    .where('customer', '=', id)
    .execute();
  await trx.updateTable('instances').set({ customer: null }).where('customer', '=', id).execute();
  for (const part of inParts(ids)) await own(trx, id, part);
  await writeOwned(trx, id, { before, ids }, now);
  const details = { name, instances: ids.length };
  await appendAudit(trx, { actor, action: 'customer.changed', subject: id, details }, now);
  return { ...known, ...set, instances: ids.length };
}

/** Errors: request/not-found, customer/owned. */
async function own(trx: DatabaseTransaction, customer: string, ids: readonly string[]): Promise<void> {
  const owned = await trx
    .updateTable('instances')
    .set({ customer })
    .where('id', 'in', ids)
    .where('customer', 'is', null)
    .returning('id')
    .execute();
  const done = new Set(owned.map(({ id }) => id));
  const other = ids.find((id) => !done.has(id));
  if (other === undefined) return;
  const there = await trx.selectFrom('instances').select('id').where('id', '=', other).executeTakeFirst();
  if (there === undefined) throw new FairleadError('request/not-found', { what: `instance ${other}` });
  throw new FairleadError('customer/owned', { instance: other });
}

/**
 * Its tokens end with it, and so do codes that nobody has redeemed. Errors: request/not-found, customer/has-instances,
 * and those of `match`.
 */
export async function removeCustomer(
  trx: DatabaseTransaction,
  id: string,
  match: (revision: number) => void,
  actor: string,
  now: EpochMs,
): Promise<void> {
  const { revision, name } = await lockCustomer(trx, id);
  match(revision);
  // Before they are counted: a code that is being redeemed is waited for, and its instance is seen.
  await trx.deleteFrom('enrolments').where('customer', '=', id).where('used_by', 'is', null).execute();
  const instances = (await countOwned(trx, [id])).get(id) ?? 0;
  if (instances > 0) throw new FairleadError('customer/has-instances', { name, count: instances });
  await trx
    .updateTable('tokens')
    .set({ revoked_at: formatInstantMs(now) })
    .where('customer', '=', id)
    .where('revoked_at', 'is', null)
    .execute();
  await trx.deleteFrom('customers').where('id', '=', id).execute();
  await appendAudit(trx, { actor, action: 'customer.removed', subject: id, details: { name } }, now);
}

/** Who gives it something waits for whoever removes it, and the other way round. Error: request/not-found. */
export async function lockCustomer(trx: DatabaseTransaction, id: string): Promise<CustomerRow> {
  const row = await trx
    .selectFrom('customers')
    .selectAll()
    .where('id', '=', id)
    .$if(isPostgres(trx), (query) => query.forUpdate())
    .executeTakeFirst();
  if (row === undefined) throw new FairleadError('request/not-found', { what: `customer ${id}` });
  return row;
}

/** Error: request/not-found. */
export async function findCustomer(db: Database, id: string): Promise<CustomerModel> {
  const row = await db.selectFrom('customers').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw new FairleadError('request/not-found', { what: `customer ${id}` });
  return { ...row, instances: (await countOwned(db, [id], true)).get(id) ?? 0 };
}

/** By name. */
export async function listCustomers(
  db: Database,
  { limit, after }: Page<CustomerKey>,
): Promise<Part<CustomerModel, CustomerKey>> {
  const rows = await db
    .selectFrom('customers')
    .selectAll()
    .$if(after !== null, (query) =>
      query.where((where) => where(where.refTuple('name', 'id'), '>', where.tuple(...(after ?? ['', ''])))),
    )
    .orderBy('name')
    .orderBy('id')
    .limit(limit + 1)
    .execute();
  const keyOf = ({ name, id }: CustomerRow): CustomerKey => [name, id];
  const { entries, next } = cutPart(rows, limit, ({ name }) => 300 + name.length, keyOf);
  const counts = await countOwned(
    db,
    entries.map(({ id }) => id),
    true,
  );
  return { entries: entries.map((row) => ({ ...row, instances: counts.get(row.id) ?? 0 })), next };
}

/** For people those in service; whoever removes a customer asks for the retired ones too. */
async function countOwned(
  db: Database,
  ids: readonly string[],
  inService = false,
): Promise<ReadonlyMap<string, number>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('instances')
    .select((select) => ['customer', select.fn.countAll().as('owned')])
    .where('customer', 'in', ids)
    .$if(inService, (query) => query.where(IN_SERVICE))
    .groupBy('customer')
    .execute();
  return new Map(rows.map(({ customer, owned }) => [customer ?? '', Number(owned)]));
}

function taken(name: string): FairleadError {
  return new FairleadError('name/taken', { what: 'customer', name });
}
