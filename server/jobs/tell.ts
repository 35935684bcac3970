// From the events to the outbox: what is new makes alerts and waits for each webhook that wants it, in one transaction with how far that went.
import { durationMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { isAtLeast } from '../../shared/protocol/alerts.ts';
import type { FleetEvent } from '../../shared/protocol/events.ts';
import { formatMessage } from '../../shared/protocol/standard-webhooks.ts';
import type { Context } from '../context.ts';
import { advisoriesIn, alarmOf, alarmOfAdvisory, type FindRelease, type Published } from '../core/alerts.ts';
import { tallyDeployments } from '../core/deployment-tallies.ts';
import { foldAlarms, type NewAlarm } from '../db/alerts.ts';
import { enqueue, type NewDelivery } from '../db/deliveries.ts';
import { placeBefore, readEvents, settleEvents } from '../db/events.ts';
import { addToTallies } from '../db/fleet-metrics.ts';
import type { WebhookRow } from '../db/outbox-row.ts';
import type { DatabaseTransaction } from '../db/tables.ts';
import { transact } from '../db/transact.ts';
import { listEnabled } from '../db/webhooks.ts';
import { readAdvisory } from '../repository/public-files.ts';

/** What happened longer before there was an outbox is no news. */
const FIRST_LOOK_MS = durationMs('PT1H');

/** All that nobody was told of yet. */
export async function tellNews(context: Context, stopping: AbortSignal): Promise<void> {
  const { db } = context;
  const place = await readPlace(context);
  const bounds = await settleEvents(db, place);
  if (bounds === null) return;
  for (let after = place; after < bounds.newest && !stopping.aborted; ) {
    const { events, reached } = await readEvents(db, { after, upTo: bounds.newest });
    const known = { advisories: await readAdvisories(context, events), find: createFinder(context) };
    const isOurs = await transact(db, 'committed', async (trx) => {
      if (!(await moveOn(trx, after, reached))) return false;
      await tell(trx, events, known, context.now());
      return true;
    });
    // Another process was given the job meanwhile.
    if (!isOurs) return;
    after = reached;
  }
}

async function readPlace({ db, now }: Context): Promise<number> {
  const row = await db.selectFrom('outbox').select('event').executeTakeFirst();
  if (row !== undefined) return Number(row.event);
  const event = await placeBefore(db, now() - FIRST_LOOK_MS);
  await db
    .insertInto('outbox')
    .values({ id: 1, event })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
  return event;
}

async function moveOn(trx: DatabaseTransaction, from: number, to: number): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('outbox')
    .set({ event: to })
    .where('event', '=', from)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** How grave they are stands in the documents. */
async function readAdvisories(
  { publisher, store }: Context,
  events: readonly FleetEvent[],
): Promise<ReadonlyMap<string, Published>> {
  const wanted = new Set(events.flatMap(advisoriesIn));
  const refs = publisher.published().advisories.filter(({ id }) => wanted.has(id));
  const read = await Promise.all(refs.map((ref) => readAdvisory(store, ref)));
  return new Map(read.filter(({ withdrawn }) => !withdrawn).map((one) => [one.id, one]));
}

function createFinder({ publisher }: Context): FindRelease {
  const { releases } = publisher.published();
  return (wanted) => {
    const found = releases.find(({ sha256 }) => sha256 === wanted);
    return found === undefined ? undefined : `${found.component}@${found.version}`;
  };
}

/** What events name by path or digest alone. */
interface Known {
  readonly advisories: ReadonlyMap<string, Published>;
  readonly find: FindRelease;
}

async function tell(
  trx: DatabaseTransaction,
  events: readonly FleetEvent[],
  known: Known,
  now: number,
): Promise<void> {
  await addToTallies(trx, tallyDeployments(events));
  const alarms = events.flatMap((event) => alarmsOf(event, known));
  const alerts = await foldAlarms(trx, alarms, now);
  const webhooks = await listEnabled(trx);
  const at = formatInstantMs(now);
  const deliveries = webhooks.flatMap((webhook): readonly NewDelivery[] => {
    const wants = wantsOf(webhook);
    const to = (type: string, when: string, data: object) =>
      wants.has(type) ? [{ receiver: webhook.id, type, body: formatMessage(type, when, data) }] : [];
    return [
      ...events.flatMap((event) => to(event.kind, event.at, event)),
      ...alerts
        .filter(({ severity }) => isAtLeast(severity, webhook.severity))
        .flatMap((alert) => to(`alert.${alert.kind}`, at, alert)),
    ];
  });
  await enqueue(trx, deliveries, now);
}

function wantsOf({ types }: WebhookRow): ReadonlySet<string> {
  return new Set(JSON.parse(types) as readonly string[]);
}

function alarmsOf(event: FleetEvent, { advisories, find }: Known): readonly NewAlarm[] {
  const { text, instance } = event;
  const alarm = alarmOf(event, find);
  const ofAdvisories = advisoriesIn(event).flatMap((id): readonly NewAlarm[] => {
    const advisory = advisories.get(id);
    const said = advisory === undefined ? null : alarmOfAdvisory(advisory);
    return advisory === undefined || said === null
      ? []
      : [{ ...said, text: `${id} (${advisory.severity}): ${advisory.title}`, instance: null }];
  });
  return [...(alarm === null ? [] : [{ ...alarm, text, instance }]), ...ofAdvisories];
}
