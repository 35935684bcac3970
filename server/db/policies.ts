// Templates of policies: what an install may be proposed, as long as they are enabled.
import { randomUUID } from 'node:crypto';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { sanitizeText } from '../../shared/encoding/text.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { PolicyBody, PolicyModel } from '../../shared/protocol/fleet-proposals.ts';
import type { PolicyTemplate, Wish } from '../../shared/schema/proposal.ts';
import { appendAudit } from './audit.ts';
import { cutPart, type Page, type Part } from './page.ts';
import { OPEN, type PolicyRow } from './proposal-row.ts';
import { withdrawProposals } from './proposals.ts';
import { verifyRoom } from './room.ts';
import type { Database, DatabaseTransaction } from './tables.ts';
import { isPostgres } from './transact.ts';

/** Error: name/taken. */
export async function createPolicy(
  trx: DatabaseTransaction,
  body: PolicyBody,
  actor: string,
  now: EpochMs,
): Promise<PolicyModel> {
  await verifyRoom(trx, 'policies', now);
  const at = formatInstantMs(now);
  const row = { id: randomUUID(), ...columnsOf(body), revision: 1, created_at: at, updated_at: at };
  await verifyFree(trx, body.name, row.id);
  await trx.insertInto('policies').values(row).execute();
  await note(trx, 'policy.created', row, actor, now);
  return modelOf(row);
}

/**
 * `match` refuses where the caller means another state. What was proposed of it stays as it was proposed, but for a
 * template that is disabled: that is withdrawn. Errors: request/not-found, name/taken, and those of `match`.
 */
export async function changePolicy(
  trx: DatabaseTransaction,
  id: string,
  body: PolicyBody,
  match: (revision: number) => void,
  actor: string,
  now: EpochMs,
): Promise<PolicyModel> {
  const known = await find(trx, id, true);
  match(known.revision);
  await verifyFree(trx, body.name, id);
  const set = { ...columnsOf(body), revision: known.revision + 1, updated_at: formatInstantMs(now) };
  await trx.updateTable('policies').set(set).where('id', '=', id).execute();
  await note(trx, 'policy.changed', { id, ...set }, actor, now);
  if (!body.enabled) await withdrawAll(trx, id, actor, now);
  return modelOf({ ...known, ...set });
}

async function withdrawAll(
  trx: DatabaseTransaction,
  policy: string,
  actor: string,
  now: EpochMs,
): Promise<void> {
  const open = await trx
    .selectFrom('proposals')
    .selectAll()
    .where('policy', '=', policy)
    .where('status', 'in', OPEN)
    .where('expires_at', '>', formatInstantMs(now))
    .orderBy('id')
    .$if(isPostgres(trx), (query) => query.forUpdate())
    .execute();
  await withdrawProposals(trx, open, actor, now);
}

/** What a proposal of it carries. Errors: request/not-found, proposal/policy-disabled. */
export async function readTemplate(trx: DatabaseTransaction, id: string): Promise<Wish> {
  return { kind: 'policy', template: templateOf(modelOf(await find(trx, id, true))) };
}

/** By its name. Errors: request/not-found, proposal/policy-disabled. */
export async function findTemplate(db: Database, name: string): Promise<PolicyTemplate> {
  const row = await db.selectFrom('policies').selectAll().where('name', '=', name).executeTakeFirst();
  if (row === undefined) throw new FairleadError('request/not-found', { what: `policy ${name}` });
  return templateOf(modelOf(row));
}

/** Error: proposal/policy-disabled. */
function templateOf({ name, channel, enabled, windows }: PolicyModel): PolicyTemplate {
  if (!enabled) throw new FairleadError('proposal/policy-disabled', { name });
  return { name, channel, ...(windows === null ? {} : { windows }) };
}

/** Error: request/not-found. */
export async function findPolicy(db: Database, id: string): Promise<PolicyModel> {
  return modelOf(await find(db, id, false));
}

/** By name. */
export async function listPolicies(
  db: Database,
  { limit, after }: Page<readonly [string]>,
): Promise<Part<PolicyModel, readonly [string]>> {
  const rows = await db
    .selectFrom('policies')
    .selectAll()
    .$if(after !== null, (query) => query.where('name', '>', after?.[0] ?? ''))
    .orderBy('name')
    .limit(limit + 1)
    .execute();
  const { entries, next } = cutPart(rows, limit, sizeOf, ({ name }) => [name] as const);
  return { entries: entries.map(modelOf), next };
}

function sizeOf({ description, windows }: PolicyRow): number {
  return 400 + (description?.length ?? 0) * 2 + (windows?.length ?? 0);
}

async function find(db: Database, id: string, lock: boolean): Promise<PolicyRow> {
  const row = await db
    .selectFrom('policies')
    .selectAll()
    .where('id', '=', id)
    .$if(lock && isPostgres(db), (query) => query.forUpdate())
    .executeTakeFirst();
  if (row === undefined) throw new FairleadError('request/not-found', { what: `policy ${id}` });
  return row;
}

/** The column is unique besides: of two at once the second fails. Error: name/taken. */
async function verifyFree(trx: DatabaseTransaction, name: string, id: string): Promise<void> {
  const other = await trx.selectFrom('policies').select('id').where('name', '=', name).executeTakeFirst();
  if (other !== undefined && other.id !== id) {
    throw new FairleadError('name/taken', { what: 'policy', name });
  }
}

function columnsOf({ name, channel, enabled, description, windows }: PolicyBody) {
  return {
    ...{ name, channel, enabled: enabled ? 1 : 0 },
    description: description === undefined ? null : sanitizeText(description),
    windows: windows === undefined ? null : JSON.stringify(windows),
  };
}

function modelOf(row: PolicyRow): PolicyModel {
  const { enabled, windows, ...rest } = row;
  return {
    ...rest,
    enabled: enabled === 1,
    windows: windows === null ? null : (JSON.parse(windows) as PolicyModel['windows']),
  };
}

async function note(
  trx: DatabaseTransaction,
  action: string,
  { id, name, channel, enabled, windows }: Pick<PolicyRow, 'id' | 'name' | 'channel' | 'enabled' | 'windows'>,
  actor: string,
  now: EpochMs,
): Promise<void> {
  const details = { name, channel, enabled: enabled === 1, windows };
  await appendAudit(trx, { actor, action, subject: id, details }, now);
}
