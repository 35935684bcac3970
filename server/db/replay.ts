// The audit log put back behind a restored copy of the database: entry by entry as it was, and with each what it took away or let in.
import { digestOfValue } from '../../shared/encoding/digest.ts';
import { instantMs } from '../../shared/encoding/instant.ts';
import type { AuditEntry } from '../../shared/protocol/fleet.ts';
import type { Standing } from '../../shared/protocol/instances.ts';
import { readAuditHead } from './audit-chain.ts';
import { type PublicationEntry, writeChanges } from './changes.ts';
import { writeHalts } from './guard-halts.ts';
import type { Database, DatabaseTransaction } from './tables.ts';
import { transact } from './transact.ts';

export interface Replayed {
  readonly entries: number;
  /** What a person does once more: their effects are in no entry. The first of many. */
  readonly lost: readonly AuditEntry[];
  readonly lostCount: number;
  /** True where an entry does not continue the log: what came after it is left out. */
  readonly isBroken: boolean;
}

/** What a publication of this id brought; null where nobody kept it. */
export type FindPublished = (id: string) => Promise<Pick<PublicationEntry, 'changes' | 'halted'> | null>;

const MOST_NAMED = 1_000;

/** Each entry and its effect in one transaction: what is cut off goes on where it stopped. */
export async function replayAudit(
  db: Database,
  entries: AsyncIterable<AuditEntry>,
  findPublished: FindPublished,
): Promise<Replayed> {
  let head = await readAuditHead(db);
  const lost: AuditEntry[] = [];
  let [count, lostCount] = [0, 0];
  for await (const entry of entries) {
    const { digest, ...content } = entry;
    const follows = entry.sequence === head.count + 1 && entry.previous === head.digest;
    if (!follows || digestOfValue(content) !== digest)
      return { entries: count, lost, lostCount, isBroken: true };
    const isWhole = await transact(db, 'committed', async (trx) => {
      await trx
        .insertInto('audit')
        .values({ ...entry, details: JSON.stringify(entry.details) })
        .execute();
      return await repeat(trx, entry, findPublished);
    });
    head = { count: entry.sequence, digest };
    count++;
    if (isWhole) continue;
    lostCount++;
    if (lost.length < MOST_NAMED) lost.push(entry);
  }
  return { entries: count, lost, lostCount, isBroken: false };
}

type Effect = (trx: DatabaseTransaction, entry: AuditEntry) => Promise<unknown>;

const EFFECTS: Readonly<Record<string, Effect>> = {
  'token.revoked': (trx, { subject, details, at }) => {
    const tokens = trx.updateTable('tokens').set({ revoked_at: at }).where('revoked_at', 'is', null);
    const named =
      typeof details.id === 'string'
        ? tokens.where('id', '=', details.id)
        : tokens.where('name', '=', subject);
    return named.where('created_at', '<=', at).execute();
  },
  'token.rotated': (trx, { details }) =>
    trx
      .updateTable('tokens')
      .set({ expires_at: String(details.until) })
      .where('id', '=', String(details.id))
      .where('expires_at', '>', String(details.until))
      .execute(),
  'customer.removed': async (trx, { subject, at }) => {
    const tokens = trx.updateTable('tokens').set({ revoked_at: at }).where('customer', '=', subject);
    await tokens.where('revoked_at', 'is', null).execute();
    await trx.deleteFrom('enrolments').where('customer', '=', subject).where('used_by', 'is', null).execute();
    await trx.deleteFrom('customers').where('id', '=', subject).execute();
  },
  'enrolment.revoked': (trx, { details }) =>
    trx
      .deleteFrom('enrolments')
      .where('hash', '>=', String(details.id))
      // Behind the last hexadecimal digit.
      .where('hash', '<', `${details.id}g`)
      .where('used_by', 'is', null)
      .execute(),
  'enrolment.redeemed': enrol,
  // Its receiver was told nothing any more, and would be told of the whole fleet again.
  'webhook.removed': (trx, { subject }) => trx.deleteFrom('webhooks').where('id', '=', subject).execute(),
  'webhook.disabled': (trx, { subject, details }) =>
    trx
      .updateTable('webhooks')
      .set({ enabled: 0, disabled_why: String(details.why) })
      .where('id', '=', subject)
      .execute(),
  'instance.isolated': (trx, entry) => stand(trx, entry, 'isolated'),
  'instance.retired': (trx, entry) => stand(trx, entry, 'retired'),
  'instance.restored': (trx, entry) => stand(trx, entry, null),
  'session.ended': (trx, { subject, at }) =>
    trx.deleteFrom('sessions').where('subject', '=', subject).where('created_at', '<=', at).execute(),
};

/** What left nothing but its entry, or what comes again by itself. */
const WITHOUT_EFFECT =
  /^(?:instance\.(?:exported|moved)|identity\.twinned|ledger\.forked|backup\.restored|repository\.pruned|session\.began|(?:pack|patch|sbom)\.received|patch\.enforced|report\.made|rollout\.(?:halted|resumed))$/;

/** False where somebody has to do it once more. */
async function repeat(trx: DatabaseTransaction, entry: AuditEntry, find: FindPublished): Promise<boolean> {
  if (entry.action === 'publication.accepted') {
    const published = await find(entry.subject);
    if (published === null) return false;
    await writeChanges(trx, published.changes, instantMs(entry.at));
    await writeHalts(trx, published.halted ?? []);
    return true;
  }
  const effect = EFFECTS[entry.action];
  await effect?.(trx, entry);
  return effect !== undefined || WITHOUT_EFFECT.test(entry.action);
}

/** An agent that was let in is let in still: its key stands in the entry. The code that it came with is used up. */
async function enrol(trx: DatabaseTransaction, { subject: id, details, at }: AuditEntry): Promise<void> {
  const { name, hostname, publicKey } = details;
  if (typeof publicKey !== 'string' || typeof name !== 'string') return;
  const codes = await trx
    .updateTable('enrolments')
    .set({ used_by: id })
    .where('name', '=', name)
    .where('used_by', 'is', null)
    .where('created_at', '<=', at)
    .returning('customer')
    .execute();
  await trx
    .insertInto('instances')
    .values({
      ...{ id, name, hostname: String(hostname), public_key: publicKey, agent_version: '-', enrolled_at: at },
      ...{ last_sequence: 0, customer: codes[0]?.customer ?? null, revision: 1 },
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}

async function stand(
  trx: DatabaseTransaction,
  { subject, actor, at, details }: AuditEntry,
  standing: Standing | null,
): Promise<void> {
  const set = {
    standing,
    standing_since: standing === null ? null : at,
    standing_by: standing === null ? null : actor,
    standing_reason: standing === null ? null : String(details.reason ?? ''),
  };
  await trx
    .updateTable('instances')
    .set((row) => ({ ...set, revision: row('revision', '+', 1) }))
    .where('id', '=', subject)
    .execute();
}
