// How each advisory read from when on: what the repository forgets, a report about a month that is past needs.
import type { Kysely } from 'kysely';
import { fromUtf8, utf8 } from '../../shared/encoding/bytes.ts';
import type { Digest } from '../../shared/encoding/digest.ts';
import { type EpochMs, formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import { type Advisory, advisory } from '../../shared/schema/advisory.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import type { AdvisoryRevisionRow } from './span-row.ts';
import { columnTypesOf, type Database } from './tables.ts';

export async function addAdvisoryRevisions(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypesOf(db);
  await db.schema
    .createTable('advisory_revisions')
    .addColumn('advisory', text, (c) => c.notNull())
    .addColumn('revision', integer, (c) => c.notNull())
    .addColumn('digest', text, (c) => c.notNull())
    .addColumn('at', text, (c) => c.notNull())
    .addColumn('metadata', integer, (c) => c.notNull())
    .addColumn('entry', integer)
    .addColumn('body', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('advisory_revisions_pk', ['advisory', 'revision'])
    .execute();
}

/** What is published now. */
export interface PublishedAdvisories {
  /** Of the timestamp. */
  readonly version: number;
  readonly advisories: readonly { readonly id: string; readonly path: string; readonly digest: Digest }[];
  /** Null where it was published anew meanwhile, and pruned. */
  read(path: string, digest: Digest): Promise<Uint8Array | null>;
}

/** Those that read otherwise than what is known of them; by whichever process, once. Errors: those of store and database. */
export async function noteAdvisories(
  db: Database,
  { version, advisories, read }: PublishedAdvisories,
  now: EpochMs,
): Promise<void> {
  const known = await newestRevisions(db);
  // Another process published meanwhile, and noted it: what this one has read is older.
  if ([...known.values()].some(({ metadata }) => metadata > version)) return;
  const changed = advisories.filter(({ id, digest }) => known.get(id)?.digest !== digest);
  if (changed.length === 0) return;
  const { first, last } = await readPublications(db, known.size === 0);
  for (const { id, path, digest } of changed) {
    const bytes = await read(path, digest);
    if (bytes === null) continue;
    const before = known.get(id);
    const document = parseDocumentBytes(advisory, bytes, path);
    // Amended before anything was noted, it was published all the same when it first was.
    const entry = (before === undefined ? first : last).get(path);
    const row: AdvisoryRevisionRow = {
      ...{ advisory: id, revision: (before?.revision ?? 0) + 1, digest, metadata: version },
      at: entry?.at ?? firstSeen(document, before === undefined, now),
      ...{ entry: entry?.sequence ?? null, body: fromUtf8(bytes) },
    };
    await db
      .insertInto('advisory_revisions')
      .values(row)
      .onConflict((conflict) => conflict.columns(['advisory', 'revision']).doNothing())
      .execute();
  }
}

/** What nobody noted when it came has its own word for it, where that is not of a time to come. */
function firstSeen({ published }: Advisory, isFirst: boolean, now: EpochMs): string {
  return formatInstantMs(isFirst ? Math.min(instantMs(published), now) : now);
}

async function newestRevisions(db: Database) {
  const rows = await db
    .selectFrom('advisory_revisions')
    .select(['advisory', 'revision', 'digest', 'metadata'])
    .orderBy('advisory')
    .orderBy('revision')
    .execute();
  return new Map(
    rows.map((row) => [
      row.advisory,
      { ...row, revision: Number(row.revision), metadata: Number(row.metadata) },
    ]),
  );
}

/** Of publications that are further back another look has noted what they brought. */
const PUBLICATIONS = 500;

/** Which entry first named each document, and which last: of all where nothing is noted yet, as after an update of the server. */
async function readPublications(db: Database, isFirst: boolean) {
  const rows = await db
    .selectFrom('audit')
    .select(['sequence', 'at', 'details'])
    .where('action', '=', 'publication.accepted')
    .orderBy('sequence', 'desc')
    .$if(!isFirst, (query) => query.limit(PUBLICATIONS))
    .execute();
  const first = new Map<string, { readonly sequence: number; readonly at: string }>();
  const last = new Map(first);
  for (const { sequence, at, details } of rows.reverse()) {
    const { documents } = JSON.parse(details) as { readonly documents?: readonly string[] };
    for (const path of documents ?? []) {
      const entry = { sequence: Number(sequence), at };
      if (!first.has(path)) first.set(path, entry);
      last.set(path, entry);
    }
  }
  return { first, last };
}

export interface Revision extends Omit<AdvisoryRevisionRow, 'body'> {
  readonly document: Advisory;
}

/** Up to a moment, of one advisory or all: by id, then in their order. */
export async function listRevisions(
  db: Database,
  until: EpochMs,
  wanted?: string,
): Promise<readonly Revision[]> {
  const rows = await db
    .selectFrom('advisory_revisions')
    .selectAll()
    .where('at', '<', formatInstantMs(until))
    .$if(wanted !== undefined, (query) => query.where('advisory', '=', wanted ?? ''))
    .orderBy('advisory')
    .orderBy('revision')
    .execute();
  return rows.map(({ body, ...row }) => ({
    ...{ ...row, revision: Number(row.revision), metadata: Number(row.metadata) },
    entry: row.entry === null ? null : Number(row.entry),
    document: parseDocumentBytes(advisory, utf8(body), row.advisory),
  }));
}
