// The heads of installs' logs, as their reports name them: kept, held against those before, and answered with the head of this server's own log.
import { sql } from 'kysely';
import type { Digest } from '../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../shared/encoding/instant.ts';
import {
  findRestore,
  type LedgerClaim,
  type LedgerHead,
  type Witnessed,
} from '../../shared/protocol/receipt.ts';
import { appendAudit } from './audit.ts';
import { digestsAt, readAuditHead } from './audit-chain.ts';
import { readBackupMark } from './backup-marks.ts';
import { appendEvents, type NewEvent } from './events.ts';
import {
  DAY_LENGTH,
  KEPT_HEAD_DAYS,
  MOST_BRANCHES,
  NEWEST,
  placeAfter,
  WHOLE_HEAD_DAYS,
} from './ledger-kept.ts';
import { asInserted, elementsOf, inParts, isAmong } from './page.ts';
import type { ReceivedReport } from './records.ts';
import type { DatabaseTransaction, LedgerHeadRow } from './tables.ts';

interface Claiming {
  readonly report: ReceivedReport;
  readonly claim: LedgerClaim;
}

/**
 * Of those that name the head of their log; the rows of their instances are locked. Refuses nothing: a log that is another than it
 * was, this server's too, is an event. A few statements however many there are.
 */
export async function witnessLedgers(
  trx: DatabaseTransaction,
  kept: readonly ReceivedReport[],
): Promise<ReadonlyMap<ReceivedReport, Witnessed>> {
  const claiming = kept.flatMap((report) =>
    report.rows.ledger === null ? [] : [{ report, claim: report.rows.ledger }],
  );
  if (claiming.length === 0) return new Map();
  const received = Math.max(...claiming.map(({ report }) => report.received));
  for (const { isNoted, ...event } of await keepHeads(trx, claiming)) {
    // The entry tells the event as well.
    if (isNoted) await appendAudit(trx, { ...event, action: event.kind }, received);
    else await appendEvents(trx, [event], received);
  }
  const { answers, disputed } = await answerAll(trx, claiming);
  await appendEvents(trx, disputed, received);
  return answers;
}

/** `isNoted`: it goes into the audit log, which no install may fill. */
type Forked = Omit<NewEvent, 'instance'> & { readonly instance: string; readonly isNoted: boolean };

async function keepHeads(
  trx: DatabaseTransaction,
  claiming: readonly Claiming[],
): Promise<readonly Forked[]> {
  const newest = await readNewest(trx, claiming);
  const last = await readLastPlaces(trx, claiming);
  const rows = new Map<string, LedgerHeadRow>();
  const grown = new Set<string>();
  const events: Forked[] = [];
  for (const { report, claim } of claiming) {
    const { instance } = report;
    const before = newest.get(instance);
    if (before?.entries === claim.count && before.digest === claim.digest) continue;
    const isForked = before !== undefined && claim.count <= before.entries;
    const row = headRow(report, claim, before, isForked);
    const taken = last.get(instance) ?? null;
    const place = placeAfter(taken, row.branch, row.at);
    if (taken?.slice(0, DAY_LENGTH) !== place.slice(0, DAY_LENGTH)) grown.add(instance);
    newest.set(instance, row);
    last.set(instance, place);
    rows.set(`${instance} ${NEWEST}`, row).set(`${instance} ${place}`, { ...row, place });
    if (isForked) events.push(forkedEvent(instance, before, claim));
  }
  const inOrder = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  for (const part of inParts(inOrder)) await upsert(trx, part);
  await pruneHeads(trx, [...grown]);
  return events;
}

async function readNewest(
  trx: DatabaseTransaction,
  claiming: readonly Claiming[],
): Promise<Map<string, LedgerHeadRow>> {
  const ids = claiming.map(({ report }) => report.instance);
  const rows = await trx
    .selectFrom('ledger_heads')
    .selectAll()
    .where('place', '=', NEWEST)
    .where(isAmong(trx, 'instance', ids))
    .execute();
  return new Map(
    rows.map((row) => [row.instance, { ...row, entries: Number(row.entries), branch: Number(row.branch) }]),
  );
}

/** Where the last head of each lies; by the primary key, one step for each. */
async function readLastPlaces(
  trx: DatabaseTransaction,
  claiming: readonly Claiming[],
): Promise<Map<string, string>> {
  const ids = claiming.map(({ report }) => report.instance);
  const { rows } = await sql<{ readonly instance: string; readonly last: string }>`
    select instance, (
      select max(kept.place) from ledger_heads as kept
      where kept.instance = ledger_heads.instance and kept.place < ${NEWEST}
    ) as last from ledger_heads where place = ${NEWEST} and ${isAmong(trx, 'instance', ids)}`.execute(trx);
  return new Map(rows.map(({ instance, last }) => [instance, last]));
}

function headRow(
  { instance, received }: ReceivedReport,
  { count: entries, digest }: LedgerClaim,
  before: LedgerHeadRow | undefined,
  isForked: boolean,
): LedgerHeadRow {
  const branch = Math.min(MOST_BRANCHES, (before?.branch ?? 0) + (isForked ? 1 : 0));
  return { instance, place: NEWEST, branch, entries, digest, at: formatInstantMs(received) };
}

function forkedEvent(instance: string, before: LedgerHeadRow, claim: LedgerClaim): Forked {
  const details = {
    ...{ side: 'install', restored: claim.restored === true },
    ...{ kept: before.entries, keptDigest: before.digest, keptAt: before.at },
    ...{ said: claim.count, saidDigest: claim.digest },
  };
  const event = { kind: 'ledger.forked', instance, subject: instance, details } as const;
  return { ...event, actor: `instance ${instance}`, isNoted: before.branch < MOST_BRANCHES };
}

async function upsert(trx: DatabaseTransaction, rows: readonly LedgerHeadRow[]): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  await trx
    .insertInto('ledger_heads')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['instance', 'place']).doUpdateSet(asInserted(first)))
    .execute();
}

/** The oldest days go, and of others all but the first and the last; `newest` sorts behind every one of them. */
async function pruneHeads(trx: DatabaseTransaction, instances: readonly string[]): Promise<void> {
  if (instances.length === 0) return;
  const { rows } = await sql<{ readonly instance: string; readonly place: string }>`
    select instance, place from (
      select instance, place,
        dense_rank() over (partition by instance order by substr(place, 1, ${sql.lit(DAY_LENGTH)}) desc) as day,
        row_number() over (partition by instance, substr(place, 1, ${sql.lit(DAY_LENGTH)}) order by place) as nth,
        row_number() over (partition by instance, substr(place, 1, ${sql.lit(DAY_LENGTH)}) order by place desc) as back
      from ledger_heads where ${isAmong(trx, 'instance', instances)} and place <> ${NEWEST}
    ) as ranked
    where day > ${KEPT_HEAD_DAYS} or (day > ${WHOLE_HEAD_DAYS} and nth > 1 and back > 1)`.execute(trx);
  for (const part of inParts(rows)) {
    const gone = elementsOf(
      trx,
      part.map(({ instance, place }) => [instance, place]),
    );
    await sql`
      delete from ledger_heads where (instance, place) in (
        select gone.value->>0, gone.value->>1 from ${gone} as gone
      )`.execute(trx);
  }
}

/** What each is told of this server's log, and the events of those whom it once told something else. */
async function answerAll(trx: DatabaseTransaction, claiming: readonly Claiming[]) {
  const { count, digest } = await readAuditHead(trx);
  const answers = new Map<ReceivedReport, Witnessed>();
  const disputed: NewEvent[] = [];
  // Every fleet begins with the entry of its administrator.
  if (digest === null) return { answers, disputed };
  const restores = (await readBackupMark(trx, 'restores')) ?? [];
  const found = await digestsAt(
    trx,
    claiming.flatMap(({ claim: { seen } }) => (seen === null ? [] : [seen.count])),
  );
  for (const { report, claim } of claiming) {
    const { seen } = claim;
    const now = seen === null ? null : (found.get(seen.count) ?? null);
    if (seen !== null && now !== seen.digest && findRestore(restores, seen) === null)
      disputed.push(disputedEvent(report.instance, seen, now));
    answers.set(report, {
      agent: { count: claim.count, digest: claim.digest },
      server: { count, digest },
      seen: seen === null ? null : { count: seen.count, digest: now },
      ...(restores.length === 0 ? {} : { restored: restores }),
    });
  }
  return { answers, disputed };
}

function disputedEvent(instance: string, seen: LedgerHead, now: Digest | null): NewEvent {
  const details = { side: 'server', kept: seen.count, keptDigest: seen.digest, saidDigest: now };
  return { kind: 'ledger.forked', instance, actor: `instance ${instance}`, subject: instance, details };
}
