// Webhooks: where messages go and which; made, changed and removed by people, disabled by the server once nothing arrives for days.
import { randomBytes, randomUUID } from 'node:crypto';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { formatSecret, SECRET_BYTES } from '../../shared/protocol/standard-webhooks.ts';
import {
  mailAddressIn,
  type WebhookChange,
  type WebhookMade,
  type WebhookModel,
  whoseAddress,
} from '../../shared/protocol/webhooks.ts';
import { NONCE_BYTES, sealSecret } from '../core/seal.ts';
import { appendAudit } from './audit.ts';
import type { WebhookRow } from './outbox-row.ts';
import { cutPart, type Page, type Part } from './page.ts';
import { verifyRoom } from './room.ts';
import type { Database, DatabaseTransaction } from './tables.ts';
import { isPostgres } from './transact.ts';

/** What the server's secrets are sealed with. */
type Master = Uint8Array;

/** The secret is nowhere else but in this answer. Errors: name/taken, request/no-room. */
export async function createWebhook(
  trx: DatabaseTransaction,
  wanted: Omit<WebhookChange, 'enabled'>,
  master: Master,
  actor: string,
  now: EpochMs,
): Promise<WebhookMade> {
  await verifyRoom(trx, 'webhooks', now);
  const at = formatInstantMs(now);
  const id = randomUUID();
  await verifyFree(trx, wanted.name, id);
  const { secret, sealed } = makeSecret(id, master);
  const row: WebhookRow = {
    ...{ id, ...columnsOf({ ...wanted, enabled: true }), disabled_why: null, revision: 1 },
    ...{ sealed, old_sealed: null, old_until: null, created_at: at, updated_at: at },
  };
  await trx.insertInto('webhooks').values(row).execute();
  await note(trx, 'webhook.created', row, actor, now);
  return { ...(await modelOf(trx, row, now)), ...(mailAddressIn(row.url) === null ? { secret } : {}) };
}

/** `match` refuses where the caller means another state. Errors: request/not-found, name/taken, and those of `match`. */
export async function changeWebhook(
  trx: DatabaseTransaction,
  id: string,
  wanted: WebhookChange,
  match: (revision: number) => void,
  actor: string,
  now: EpochMs,
): Promise<WebhookModel> {
  const known = await lockWebhook(trx, id);
  match(known.revision);
  await verifyFree(trx, wanted.name, id);
  const set = {
    ...{ ...columnsOf(wanted), disabled_why: null },
    ...{ revision: known.revision + 1, updated_at: formatInstantMs(now) },
  };
  await trx.updateTable('webhooks').set(set).where('id', '=', id).execute();
  // Whoever mended it wants to see it work, not to wait until its rest is over.
  const rested = { failures: 0, failing_since: null, rest_until: null };
  await trx.updateTable('receivers').set(rested).where('id', '=', id).execute();
  await note(trx, 'webhook.changed', { id, ...set }, actor, now);
  return modelOf(trx, { ...known, ...set }, now);
}

/** The secret before goes on signing for `overlapMs`. Errors: request/not-found, webhook/unsigned. */
export async function rotateSecret(
  trx: DatabaseTransaction,
  id: string,
  overlapMs: number,
  master: Master,
  actor: string,
  now: EpochMs,
): Promise<WebhookMade> {
  const known = await lockWebhook(trx, id);
  if (mailAddressIn(known.url) !== null) throw new FairleadError('webhook/unsigned', { name: known.name });
  const { secret, sealed } = makeSecret(id, master);
  const set = {
    ...{ sealed, old_sealed: known.sealed, old_until: formatInstantMs(now + overlapMs) },
    ...{ revision: known.revision + 1, updated_at: formatInstantMs(now) },
  };
  await trx.updateTable('webhooks').set(set).where('id', '=', id).execute();
  const details = { name: known.name, until: set.old_until };
  await appendAudit(trx, { actor, action: 'webhook.rotated', subject: id, details }, now);
  return { ...(await modelOf(trx, { ...known, ...set }, now)), secret };
}

/** With all that waits for it. Errors: request/not-found, and those of `match`. */
export async function removeWebhook(
  trx: DatabaseTransaction,
  id: string,
  match: (revision: number) => void,
  actor: string,
  now: EpochMs,
): Promise<void> {
  const known = await lockWebhook(trx, id);
  match(known.revision);
  await trx.deleteFrom('deliveries').where('receiver', '=', id).execute();
  await trx.deleteFrom('receivers').where('id', '=', id).execute();
  await trx.deleteFrom('webhooks').where('id', '=', id).execute();
  await note(trx, 'webhook.removed', known, actor, now);
}

/** By the server itself. What waits goes: nobody wants last week's news at once. */
export async function disableWebhook(
  trx: DatabaseTransaction,
  id: string,
  why: string,
  now: EpochMs,
): Promise<void> {
  const row = await trx
    .updateTable('webhooks')
    .set((set) => ({
      ...{ enabled: 0, disabled_why: why, updated_at: formatInstantMs(now) },
      revision: set('revision', '+', 1),
    }))
    .where('id', '=', id)
    .where('enabled', '=', 1)
    .returning('name')
    .executeTakeFirst();
  if (row === undefined) return;
  const { numDeletedRows } = await trx
    .deleteFrom('deliveries')
    .where('receiver', '=', id)
    .where('state', '=', 'waiting')
    .executeTakeFirstOrThrow();
  await trx
    .updateTable('receivers')
    .set((set) => ({ dropped: set('dropped', '+', Number(numDeletedRows)) }))
    .where('id', '=', id)
    .execute();
  const details = { name: row.name, why, dropped: Number(numDeletedRows) };
  await appendAudit(trx, { actor: 'server', action: 'webhook.disabled', subject: id, details }, now);
}

function makeSecret(id: string, master: Master) {
  const secret = formatSecret(randomBytes(SECRET_BYTES));
  return { secret, sealed: sealSecret(secret, id, master, randomBytes(NONCE_BYTES)) };
}

export function lookUpWebhook(db: Database, id: string): Promise<WebhookRow | undefined> {
  return db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Those that are told what happens. */
export function listEnabled(db: Database): Promise<readonly WebhookRow[]> {
  return db.selectFrom('webhooks').selectAll().where('enabled', '=', 1).orderBy('id').execute();
}

/** Error: request/not-found. */
export async function findWebhook(db: Database, id: string): Promise<WebhookRow> {
  const row = await lookUpWebhook(db, id);
  if (row === undefined) throw new FairleadError('request/not-found', { what: `webhook ${id}` });
  return row;
}

async function lockWebhook(trx: DatabaseTransaction, id: string): Promise<WebhookRow> {
  const row = await trx
    .selectFrom('webhooks')
    .selectAll()
    .where('id', '=', id)
    .$if(isPostgres(trx), (query) => query.forUpdate())
    .executeTakeFirst();
  if (row === undefined) throw new FairleadError('request/not-found', { what: `webhook ${id}` });
  return { ...row, revision: Number(row.revision) };
}

async function verifyFree(trx: DatabaseTransaction, name: string, id: string): Promise<void> {
  const namesake = await trx
    .selectFrom('webhooks')
    .select('id')
    .where('name', '=', name)
    .where('id', '<>', id)
    .executeTakeFirst();
  if (namesake !== undefined) throw new FairleadError('name/taken', { what: 'webhook', name });
}

/** By name. */
export async function listWebhooks(
  db: Database,
  { limit, after }: Page<readonly [string]>,
  now: EpochMs,
): Promise<Part<WebhookModel, readonly [string]>> {
  const rows = await db
    .selectFrom('webhooks')
    .selectAll()
    .$if(after !== null, (query) => query.where('name', '>', after?.[0] ?? ''))
    .orderBy('name')
    .limit(limit + 1)
    .execute();
  const { entries, next } = cutPart(
    rows,
    limit,
    (row) => JSON.stringify(row).length,
    ({ name }) => [name] as const,
  );
  const models: WebhookModel[] = [];
  for (const row of entries) models.push(await modelOf(db, row, now));
  return { entries: models, next };
}

export async function modelOf(db: Database, row: WebhookRow, now: EpochMs): Promise<WebhookModel> {
  const receiver = await db
    .selectFrom('receivers')
    .select(['failing_since', 'dropped'])
    .where('id', '=', row.id)
    .executeTakeFirst();
  const { waiting } = await db
    .selectFrom('deliveries')
    .select((select) => select.fn.countAll().as('waiting'))
    .where('state', '=', 'waiting')
    .where('receiver', '=', row.id)
    .executeTakeFirstOrThrow();
  const { id, name, url, severity, disabled_why, created_at, updated_at } = row;
  return {
    ...{ id, name, url, types: JSON.parse(row.types) as string[], severity },
    ...{ enabled: Number(row.enabled) === 1, disabled_why, revision: Number(row.revision) },
    ...{ failing_since: receiver?.failing_since ?? null, dropped: Number(receiver?.dropped ?? 0) },
    waiting: Number(waiting),
    rotating_until: (row.old_until ?? '') > formatInstantMs(now) ? row.old_until : null,
    ...{ created_at, updated_at },
  };
}

function columnsOf({ name, url, types, severity, enabled }: WebhookChange) {
  return { name, url, types: JSON.stringify(types), severity, enabled: enabled ? 1 : 0 };
}

type Noted = Pick<WebhookRow, 'id' | 'name' | 'url' | 'types' | 'severity' | 'enabled'>;

async function note(
  trx: DatabaseTransaction,
  action: string,
  { id, name, url, types, severity, enabled }: Noted,
  actor: string,
  now: EpochMs,
): Promise<void> {
  const details = { name, origin: whoseAddress(url), types: JSON.parse(types), severity, enabled };
  await appendAudit(trx, { actor, action, subject: id, details }, now);
}
