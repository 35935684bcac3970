// What reports changed, as events: deployments that begin and end, installs that need somebody, what is ill; and the lack of reports.
import { sql } from 'kysely';
import { durationMs, type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import type { JsonObject } from '../../shared/encoding/json.ts';
import { type DeploymentRecord, isFinal } from '../../shared/schema/deployment.ts';
import { POSTPONED } from '../core/alerts.ts';
import { appendEvents, type NewEvent } from './events.ts';
import type { KnownRow } from './instance-row.ts';
import type { ReceivedReport } from './records.ts';
import type { DatabaseTransaction } from './tables.ts';

/** Of one report: an agent that was cut off for a month tells history, not news; the lists have it all. */
const MOST_TOLD = 20;

/** To be asked before the rows are written: what they say now is what was known before. `kept` in the order of their numbers. */
export async function selectEvents(
  trx: DatabaseTransaction,
  known: ReadonlyMap<string, KnownRow>,
  kept: readonly ReceivedReport[],
): Promise<readonly NewEvent[]> {
  const states = await readStates(trx, kept);
  const before = new Map<string, Before>(known);
  return kept.flatMap((report) => {
    const { instance, rows } = report;
    const was = before.get(instance);
    before.set(instance, rows.instance);
    const told = [
      ...(was === undefined ? [] : changesOf(was, report)),
      ...rows.records.slice(-MOST_TOLD).flatMap((row) => deploymentEvents(instance, row, states)),
    ];
    return told.map((event) => ({ actor: `instance ${instance}`, instance, subject: instance, ...event }));
  });
}

type Told = Pick<NewEvent, 'kind' | 'details'>;
type Before = Pick<KnownRow, 'verdict' | 'blocked' | 'unhealthy' | 'last_seen'>;

/** Somebody has to do something there; all others pass by themselves. */
const NEEDS_SOMEBODY = new Set(['ask', 'held', 'blocked']);

function changesOf(
  was: Before,
  { rows: { instance: is, blockers, postponed }, received }: ReceivedReport,
): readonly Told[] {
  const events: Told[] = [];
  if (was.last_seen !== null && received - Date.parse(was.last_seen) > SILENT_MS) {
    events.push({ kind: 'instance.heard', details: { since: was.last_seen } });
  }
  const needs = NEEDS_SOMEBODY.has(is.verdict ?? '');
  const isAnother = was.verdict !== is.verdict || (needs && was.blocked !== is.blocked);
  if (isAnother && (needs || NEEDS_SOMEBODY.has(was.verdict ?? ''))) {
    const named = blockers.map(([owner, code]) => `${code} (${owner})`);
    events.push({
      kind: 'instance.decided',
      details: { verdict: is.verdict, before: was.verdict, blockers: named },
    });
  }
  // Once each time that it begins: what was blocked before says whether it stood already.
  if (postponed !== null && was.blocked?.includes(`"${POSTPONED}"`) !== true) {
    events.push({
      kind: 'order.postponed',
      details: { ...postponed, advisories: [...postponed.advisories] },
    });
  }
  // An install of which nothing was known is not healthy "again".
  if ((was.unhealthy ?? 0) > 0 !== is.unhealthy > 0) {
    events.push({ kind: 'instance.health', details: { unhealthy: is.unhealthy } });
  }
  return events;
}

type States = Map<string, string>;
const keyOf = (instance: string, record: number) => `${instance} ${record}`;

async function readStates(trx: DatabaseTransaction, kept: readonly ReceivedReport[]): Promise<States> {
  const told = kept.flatMap(({ instance, rows: { records } }) =>
    records.slice(-MOST_TOLD).map(({ record }) => ({ instance, record })),
  );
  if (told.length === 0) return new Map();
  const rows = await trx
    .selectFrom('deployments')
    .select(['instance', 'record', 'state'])
    .where('instance', 'in', [...new Set(told.map(({ instance }) => instance))])
    .where('record', 'in', [...new Set(told.map(({ record }) => record))])
    .execute();
  return new Map(rows.map(({ instance, record, state }) => [keyOf(instance, Number(record)), state]));
}

/** Which states it goes through is for the list; here it begins, and it ends. */
function deploymentEvents(
  instance: string,
  { record: id, state, body }: ReceivedReport['rows']['records'][number],
  states: States,
): readonly Told[] {
  const before = states.get(keyOf(instance, id));
  states.set(keyOf(instance, id), state);
  const ends = isFinal(state) && before !== state;
  if (before !== undefined && !ends) return [];
  return [{ kind: ends ? 'deployment.ended' : 'deployment.began', details: detailsOf(JSON.parse(body)) }];
}

function detailsOf({ id, state, reason, steps, failure, stages, fix }: DeploymentRecord): JsonObject {
  const [first, last] = [stages[0], stages.at(-1)];
  const tookMs = first === undefined || last === undefined ? 0 : instantMs(last.at) - instantMs(first.at);
  return {
    ...{ record: id, state, reason: reason.kind, seconds: Math.max(0, Math.round(tookMs / 1_000)) },
    ...(fix === undefined ? {} : { fix: fix.advisories.slice(0, MOST_TOLD) }),
    steps: steps.map(({ component, from, to }) => `${component} ${from ?? '-'} → ${to ?? '-'}`),
    changes: [...new Set(steps.flatMap(({ change }) => change ?? []))],
    failure: failure?.code ?? null,
  };
}

/** Agents report every quarter of an hour; a day holds the night of a site that is switched off. */
export const SILENT_MS = durationMs('P1D');
/** Of one run; the next one goes on. */
const MOST_AT_ONCE = 500;

/** Those that are isolated, retired or have gone are not expected to speak. */
export async function noteSilence(trx: DatabaseTransaction, now: EpochMs): Promise<void> {
  const heard = sql<string>`coalesce(i.last_seen, i.enrolled_at)`;
  const rows = await trx
    .selectFrom('instances as i')
    .select(['i.id', heard.as('since')])
    .where('i.standing', 'is', null)
    .where('i.moved_to', 'is', null)
    .where(heard, '<', formatInstantMs(now - SILENT_MS))
    .where((where) =>
      where.not(
        where.exists(
          where
            .selectFrom('events as e')
            .select('e.id')
            .whereRef('e.instance', '=', 'i.id')
            .where('e.kind', '=', 'instance.silent')
            .where('e.at', '>', heard),
        ),
      ),
    )
    .orderBy('i.id')
    .limit(MOST_AT_ONCE)
    .execute();
  const events = rows.map(
    ({ id, since }): NewEvent => ({
      ...{ kind: 'instance.silent', instance: id, actor: 'server', subject: id, details: { since } },
    }),
  );
  await appendEvents(trx, events, now);
}
