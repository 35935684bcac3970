// Reads how an offer fares: every install that it is for, part by part, by columns that reports fill, never by their texts.
import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import { isSurroundings } from '../../shared/change/change.ts';
import { type Judgement, judgeRollout, toleranceOf, trialsOf } from '../../shared/change/judge.ts';
import { type NextWave, suggestWave } from '../../shared/change/next-wave.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { ClassFacts } from '../../shared/schema/classes.ts';
import { isFinal } from '../../shared/schema/deployment.ts';
import { evidenceSince, type Stopped, stoppedBy } from '../core/guard.ts';
import { surveyedOf } from '../core/outcome.ts';
import { allowanceOf, createSurvey, type Hearing, type Survey } from '../core/survey.ts';
import { findChange } from './changes.ts';
import { listHalts, ownHaltOf } from './guard-halts.ts';
import { IN_SERVICE } from './instances.ts';
import { inParts, isAmong } from './page.ts';
import { readRollbacks } from './rollbacks.ts';
import type { Database } from './tables.ts';

/** What is surveyed: whom it is for, what comes with it, and when it reaches whom. */
export interface SurveyedOffer {
  /** Null for every track. */
  readonly track: string | null;
  /** For installs that run one of these; null for every install. */
  readonly scope: string | null;
  readonly members: readonly {
    readonly component: string;
    readonly version: string;
    readonly change: string;
  }[];
  /** What began before does not count. */
  readonly since: EpochMs;
  readonly stopped: Stopped | null;
  /** Whether silence says something. */
  readonly isHearing: boolean;
  reaches(instance: string, facts: ClassFacts): EpochMs;
}

/** What is judged, by the digest of its release and by the change that says how much is tolerated. */
export interface JudgedOffer {
  readonly digest: string;
  readonly change: string;
  readonly start: EpochMs;
  readonly surveyed: Omit<SurveyedOffer, 'since' | 'stopped' | 'isHearing'>;
}

export interface Judged {
  /** What began before does not count. */
  readonly since: EpochMs;
  readonly survey: Survey;
  readonly judged: Judgement;
  /** How far the next wave may go. */
  readonly next: NextWave;
}

interface Judging {
  readonly db: Database;
  readonly hearing: Hearing;
}

export async function judgeOffer(
  { db, hearing }: Judging,
  offer: JudgedOffer,
  now: EpochMs,
): Promise<Judged> {
  await noteHeard(db, hearing, now);
  const own = (await listHalts(db, offer.digest)).map(ownHaltOf);
  const since = evidenceSince(own, offer.start);
  const scope = { since, stopped: stoppedBy(own, now), isHearing: hearing.isSure(now) };
  const survey = await surveyOffer(db, { ...offer.surveyed, ...scope }, now);
  const change = await findChange(db, offer.change);
  const tolerance = toleranceOf(change ?? {});
  const trials = trialsOf(survey.fare.counts);
  return {
    ...{ since, survey, judged: judgeRollout(tolerance, survey.fare, survey.classes) },
    next: suggestWave({ trials, tolerance, eligible: survey.eligible }),
  };
}

/** Whoever it was. */
export async function noteHeard(db: Database, hearing: Hearing, now: EpochMs): Promise<void> {
  const { newest } = await db
    .selectFrom('instances')
    .select((select) => select.fn.max('last_seen').as('newest'))
    .executeTakeFirstOrThrow();
  hearing.note(newest === null ? null : Date.parse(newest), now);
}

const PART = 1_000;

/** Between parts others have a turn. */
export async function surveyOffer(db: Database, offer: SurveyedOffer, now: EpochMs): Promise<Survey> {
  const survey = createSurvey({ ...offer, now });
  const newest = await readDeployments(db, offer);
  const running = await readRunning(db, offer);
  const left = await readRollbacks(db, offer.members, offer.since);
  const ended = [...newest.values()].filter(({ state }) => isFinal(state));
  const allowanceMs = allowanceOf(
    ended.map((one) => Date.parse(one.updated_at) - Date.parse(one.started_at)),
  );
  const facts = createFactReader();
  for (let after = ''; ; ) {
    const rows = await readInstances(db, offer, after);
    const reasons = await readReasons(
      db,
      rows.map(({ id }) => id),
    );
    for (const row of rows) {
      const deployment = newest.get(row.id);
      const install = {
        ...{ ...row, facts: facts(row.facts), deployment },
        byMachine: isSurroundings(deployment?.failure_code ?? ''),
        ...{ runs: running.has(row.id), left: left.get(row.id) ?? 0, said: reasons.get(row.id) ?? [] },
      };
      survey.add(surveyedOf(install, { ...offer, now, allowanceMs }));
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PART) return survey.result();
    after = last.id;
    await setImmediate();
  }
}

/** Who never reported may be of any track. */
function readInstances(db: Database, { track, scope }: SurveyedOffer, after: string) {
  return db
    .selectFrom('instances')
    .select(['id', 'last_seen', 'standing', 'moved_to', 'facts', 'ill', 'channel'])
    .where(IN_SERVICE)
    .where('id', '>', after)
    .$if(track !== null, (query) =>
      query.where((where) => where.or([where('track', '=', track), where('track', 'is', null)])),
    )
    .$if(scope !== null, (query) =>
      query.where((where) =>
        where.or([
          where('last_seen', 'is', null),
          where.exists(
            where
              .selectFrom('instance_components as c')
              .select('c.instance')
              .whereRef('c.instance', '=', 'instances.id')
              .where('c.component', scope?.endsWith('/%') === true ? 'like' : '=', scope ?? ''),
          ),
        ]),
      ),
    )
    .orderBy('id')
    .limit(PART)
    .execute();
}

type DeploymentRow = Awaited<ReturnType<typeof selectDeployments>>[number];

/** In the order of the key of one change: the next part is found, not sorted for. */
function selectDeployments(db: Database, change: string, since: EpochMs, after: readonly [string, number]) {
  return db
    .selectFrom('deployment_changes as c')
    .innerJoin('deployments as d', (join) =>
      join.onRef('d.instance', '=', 'c.instance').onRef('d.record', '=', 'c.record'),
    )
    .select(['d.instance', 'd.record', 'd.state', 'd.failure_code', 'd.started_at', 'd.updated_at'])
    .select(['d.ill_before', sql<string>`coalesce(d.heard_at, d.started_at)`.as('heard')])
    .where('c.change', '=', change)
    .where(sql`coalesce(d.heard_at, d.started_at)`, '>=', formatInstantMs(since))
    .where((where) => where(where.refTuple('c.instance', 'c.record'), '>', where.tuple(...after)))
    .orderBy('c.instance')
    .orderBy('c.record')
    .limit(PART)
    .execute();
}

/** Of each instance the newest. */
async function readDeployments(
  db: Database,
  { members, since }: SurveyedOffer,
): Promise<ReadonlyMap<string, DeploymentRow>> {
  const newest = new Map<string, DeploymentRow>();
  for (const change of new Set(members.map((one) => one.change))) {
    for (let after: readonly [string, number] | null = ['', 0]; after !== null; ) {
      const rows: readonly DeploymentRow[] = await selectDeployments(db, change, since, after);
      for (const row of rows) {
        if (Number(row.record) >= Number(newest.get(row.instance)?.record ?? 0))
          newest.set(row.instance, row);
      }
      const last = rows.at(-1);
      after = last === undefined || rows.length < PART ? null : [last.instance, Number(last.record)];
      await setImmediate();
    }
  }
  return newest;
}

async function readRunning(db: Database, { members }: SurveyedOffer): Promise<ReadonlySet<string>> {
  const running = new Set<string>();
  for (const { component, version } of members) {
    const rows = await db
      .selectFrom('instance_components')
      .select('instance')
      .where('component', '=', component)
      .where('version', '=', version)
      .execute();
    for (const { instance } of rows) running.add(instance);
  }
  return running;
}

async function readReasons(
  db: Database,
  instances: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const reasons = new Map<string, string[]>();
  for (const part of inParts(instances)) {
    const rows = await db
      .selectFrom('instance_blockers')
      .select(['instance', 'code'])
      .where(isAmong(db, 'instance', part))
      .orderBy('code')
      .execute();
    for (const { instance, code } of rows) reasons.set(instance, [...(reasons.get(instance) ?? []), code]);
  }
  return reasons;
}

/** Thousands have the same facts in the same words. */
function createFactReader(): (text: string | null) => ClassFacts {
  const known = new Map<string, ClassFacts>();
  return (text) => {
    if (text === null) return {};
    const facts = known.get(text) ?? (JSON.parse(text) as ClassFacts);
    if (known.size < PART) known.set(text, facts);
    return facts;
  };
}
