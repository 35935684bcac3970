// Installs with what became of each hole on them in a period: read in parts, judged by what they said then.
import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Digest } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import type { ComplianceInstall } from '../../shared/protocol/compliance.ts';
import { type Affects, createAffects, judgeInstall } from '../core/compliance.ts';
import {
  atIn,
  CANDIDATE,
  type Candidate,
  type ComplianceQuestion,
  partsOf,
  type Stay,
  saidSpanOf,
  silencesOf,
  spansIn,
  stayOf,
  timeIn,
} from './compliance-parts.ts';
import { NEWEST } from './ledger-kept.ts';
import { elementsOf, isAmong, MAX_PART_BYTES, type Page, type Part } from './page.ts';
import type { SpanRow } from './span-row.ts';
import type { Database, LedgerHeadRow, Tables } from './tables.ts';

/** Read together: of those that do not go into an answer any more few are read. */
const READ_AT_ONCE = 50;

/** By id. One that was this customer's twice in the period stands there twice. */
export async function listCompliance(
  db: Database,
  question: ComplianceQuestion,
  { limit, after }: Page<string>,
): Promise<Part<ComplianceInstall, string>> {
  const affects = createAffects();
  const entries: ComplianceInstall[] = [];
  const size = Math.min(READ_AT_ONCE, limit);
  let [last, bytes] = [after ?? '', 0];
  for (;;) {
    const candidates = await candidatesAfter(db, question, last, size);
    const about = await readAbout(db, question, candidates);
    for (const one of candidates) {
      const judged = judgeCandidate(one, about, question, affects);
      bytes += judged.reduce(
        (sum, { cases, reasons }) => sum + 500 + 600 * cases.length + 500 * reasons.length,
        0,
      );
      const isFull = entries.length + judged.length > limit || bytes > MAX_PART_BYTES;
      if (isFull && entries.length > 0) return { entries, next: last };
      entries.push(...judged);
      last = one.id;
    }
    if (candidates.length < size) return { entries, next: null };
    // Others have a turn between two parts.
    await setImmediate();
  }
}

function candidatesAfter(
  db: Database,
  { from, to, customer }: ComplianceQuestion,
  after: string,
  limit: number,
): Promise<readonly Candidate[]> {
  return db
    .selectFrom('instances as i')
    .select(CANDIDATE)
    .where('i.id', '>', after)
    .where('i.enrolled_at', '<', formatInstantMs(to))
    .$if(customer !== undefined, (query) =>
      query.where((where) =>
        where.or([
          where('i.customer', '=', customer ?? ''),
          where.exists(
            where
              .selectFrom('spans as s')
              .select('s.instance')
              .whereRef('s.instance', '=', 'i.id')
              .where('s.kind', '=', 'owned')
              .where('s.subject', '=', customer ?? '')
              .where('s.until', '>', formatInstantMs(from)),
          ),
        ]),
      ),
    )
    .orderBy('i.id')
    .limit(limit)
    .execute();
}

/** What is known of several installs, by their ids. */
interface About {
  readonly spans: ReadonlyMap<string, readonly SpanRow[]>;
  /** From when on what they said is kept. */
  readonly known: ReadonlyMap<string, string>;
  readonly heads: ReadonlyMap<string, LedgerHeadRow>;
  readonly acts: ReadonlyMap<string, readonly Tables['audit'][]>;
}

async function readAbout(
  db: Database,
  { from, to, advisories }: ComplianceQuestion,
  candidates: readonly Candidate[],
): Promise<About> {
  const ids = candidates.map(({ id }) => id);
  const oldest = Math.min(from, ...advisories.map(({ published }) => published));
  const components = new Set(
    advisories.flatMap(({ document }) => document.affected.map(({ component }) => component)),
  );
  const named = elementsOf(
    db,
    [...components].map((component) => [component]),
  );
  const spans = await db
    .selectFrom('spans')
    .selectAll()
    .where(isAmong(db, 'instance', ids))
    .where('since', '<', formatInstantMs(to))
    .where((where) => where.or([where('until', 'is', null), where('until', '>', formatInstantMs(oldest))]))
    .where(sql<boolean>`(kind <> 'runs' or subject in (select named.value->>0 from ${named} as named))`)
    .orderBy('instance')
    .orderBy('since')
    .execute();
  return { spans: Map.groupBy(spans, ({ instance }) => instance), ...(await readBeside(db, ids)) };
}

/** What people did about an install, and what its agent said when it left. */
const ACTS = [
  'instance.retired',
  'instance.isolated',
  'instance.restored',
  'instance.moved',
  'identity.twinned',
];

async function readBeside(db: Database, ids: readonly string[]): Promise<Omit<About, 'spans'>> {
  const { rows: known } = await sql<{ readonly instance: string; readonly since: string }>`
    select instance, max(since) as since from (
      select instance, min(since) as since from spans
      where ${isAmong(db, 'instance', ids)} and kind not in ('owned', 'forgotten') group by instance
      union all
      select instance, until from spans where ${isAmong(db, 'instance', ids)} and kind = 'forgotten'
    ) as known group by instance`.execute(db);
  const heads = await db
    .selectFrom('ledger_heads')
    .selectAll()
    .where(isAmong(db, 'instance', ids))
    .where('place', '=', NEWEST)
    .execute();
  const acts = await db
    .selectFrom('audit')
    .selectAll()
    .where('action', 'in', ACTS)
    .where('subject', 'in', ids.length === 0 ? [''] : [...ids])
    .orderBy('sequence')
    .execute();
  return {
    known: new Map(known.map(({ instance, since }) => [instance, since])),
    heads: new Map(heads.map((head) => [head.instance, head])),
    acts: Map.groupBy(acts, ({ subject }) => subject),
  };
}

function judgeCandidate(
  one: Candidate,
  about: About,
  question: ComplianceQuestion,
  affects: Affects,
): readonly ComplianceInstall[] {
  const rows = about.spans.get(one.id) ?? [];
  const stay = stayOf(one, about.acts.get(one.id) ?? [], question.to);
  const spans = rows.map(saidSpanOf);
  const head = about.heads.get(one.id);
  return partsOf(one, stay, rows, question).map((part) => {
    const silences = silencesOf(one, rows, part.to)
      .filter(({ to }) => to === null || instantMs(to) > part.from)
      .map(({ from, to }) => ({ from: formatInstantMs(Math.max(instantMs(from), part.theirs)), to }));
    const known = about.known.get(one.id) ?? null;
    const silentSince = silences.find(({ to }) => to === null)?.from ?? null;
    const judged = judgeInstall(
      {
        ...{
          spans: spansIn(spans, part),
          there: part.there,
          from: part.from,
          to: part.to,
          hasLeft: part.left !== null,
        },
        silentSince: silentSince === null ? null : instantMs(silentSince),
        ...{ isIsolated: isIsolatedAt(stay, part.to), cloned: stay.cloned },
      },
      question.advisories,
      affects,
    );
    return {
      ...{ id: one.id, name: one.name, customer: question.customer ?? one.customer },
      ...{ from: formatInstantMs(part.from), to: formatInstantMs(part.to) },
      ...{ enrolled: one.enrolled_at, lastSeen: atIn(one.last_seen, part) },
      known: known === null ? null : formatInstantMs(Math.max(instantMs(known), part.theirs)),
      left: part.left,
      cloned: timeIn(stay.cloned, part),
      silent: silences,
      head:
        head === undefined || atIn(head.at, part) === null
          ? null
          : { count: Number(head.entries), digest: head.digest as Digest, at: head.at },
      ...{ reasons: [...judged.reasons], cases: [...judged.cases] },
    };
  });
}

function isIsolatedAt({ isolated }: Stay, at: EpochMs): boolean {
  return isolated.some(({ from, to }) => from <= at && to >= at);
}
