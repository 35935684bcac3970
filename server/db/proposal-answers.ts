// Proposals as their agents see them: what waits for an instance, and what it answered.
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { sanitizeLine } from '../../shared/encoding/text.ts';
import { MAX_PROPOSALS_BYTES, PROPOSALS_PAGE, type ProposalAnswer } from '../../shared/protocol/proposal.ts';
import type { Proposal } from '../../shared/schema/proposal.ts';
import { appendAudit } from './audit.ts';
import { cutPart, isAmong, type Part } from './page.ts';
import { type ProposalKey, sizeOf } from './proposal-lists.ts';
import { answerText, OPEN, type ProposalRow, proposalOf } from './proposal-row.ts';
import { pruneProposals } from './proposals.ts';
import type { Database, DatabaseTransaction } from './tables.ts';
import { isPostgres } from './transact.ts';

/** Marks of those instances that anything was ever proposed to. */
export async function listMarks(
  db: Database,
  instances: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (instances.length === 0) return new Map();
  const rows = await db
    .selectFrom('proposal_marks')
    .select(['instance', 'mark'])
    .where(isAmong(db, 'instance', instances))
    .execute();
  return new Map(rows.map(({ instance, mark }) => [instance, Number(mark)]));
}

type Sent = Proposal | { readonly id: string; readonly withdrawn: true };

/** Oldest first: what is open, and what was withdrawn and the agent has yet to hear of. */
export async function listMine(
  db: Database,
  instance: string,
  after: ProposalKey | null,
  now: EpochMs,
): Promise<Part<Sent, ProposalKey>> {
  const at = formatInstantMs(now);
  const rows = await db
    .selectFrom('proposals')
    .selectAll()
    .where('instance', '=', instance)
    .where('expires_at', '>', at)
    .where((where) => where.or([where('status', 'in', OPEN), where('untold', '=', 1)]))
    .$if(after !== null, (query) =>
      query.where((where) =>
        where(where.refTuple('created_at', 'id'), '>', where.tuple(...(after ?? ['', '']))),
      ),
    )
    .orderBy('created_at')
    .orderBy('id')
    .limit(PROPOSALS_PAGE + 1)
    .execute();
  const part = cutPart(
    rows,
    PROPOSALS_PAGE,
    sizeOf,
    ({ created_at, id }): ProposalKey => [created_at, id],
    MAX_PROPOSALS_BYTES * 0.75,
  );
  return { entries: part.entries.map(proposalOf), next: part.next };
}

export interface TakenAnswer {
  readonly id: string;
  /** What became of the proposal; `unknown` for one that is none of this instance. */
  readonly status: string;
}

/** Each under its row’s lock, in one order for everybody; only what says something new is written. */
export async function takeAnswers(
  trx: DatabaseTransaction,
  instance: string,
  answers: readonly ProposalAnswer[],
  now: EpochMs,
): Promise<readonly TakenAnswer[]> {
  const known = await lockRows(trx, instance, answers);
  const taken: TakenAnswer[] = [];
  let closed = 0;
  for (const answer of answers) {
    const row = known.get(answer.id);
    if (row === undefined) taken.push({ id: answer.id, status: 'unknown' });
    else {
      const status = await takeAnswer(trx, row, answer, now);
      if (status !== row.status) closed += 1;
      known.set(row.id, { ...row, status, answer: row.answer });
      taken.push({ id: row.id, status });
    }
  }
  if (closed > 0) await pruneProposals(trx, [instance], now);
  return taken;
}

async function lockRows(
  trx: DatabaseTransaction,
  instance: string,
  answers: readonly ProposalAnswer[],
): Promise<Map<string, ProposalRow>> {
  const rows = await trx
    .selectFrom('proposals')
    .selectAll()
    .where('instance', '=', instance)
    .where('id', 'in', [...new Set(answers.map(({ id }) => id))])
    .orderBy('id')
    .$if(isPostgres(trx), (query) => query.forUpdate())
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** What happened, happened: also where it was withdrawn meanwhile. What only waits gives way to what the vendor wants now. */
async function takeAnswer(
  trx: DatabaseTransaction,
  row: ProposalRow,
  answer: ProposalAnswer,
  now: EpochMs,
): Promise<ProposalRow['status']> {
  const isOpen = OPEN.some((open) => open === row.status);
  const isStale = answer.revision !== row.revision && answer.answer !== 'accepted';
  const isLate = row.status === 'withdrawn' && answer.answer !== 'accepted';
  if (isLate && row.untold === 1 && answer.answer !== 'queued') {
    await trx.updateTable('proposals').set({ untold: 0 }).where('id', '=', row.id).execute();
  }
  if (isStale || isLate || (!isOpen && row.status !== 'withdrawn')) return row.status;
  const kept = answerText({
    ...answer,
    text: sanitizeLine(answer.text, 300),
    by: sanitizeLine(answer.by, 300),
  });
  if (kept === row.answer) return row.status;
  const isFinal = answer.answer !== 'queued';
  await trx
    .updateTable('proposals')
    .set({
      ...{ status: answer.answer, answer: kept, untold: 0 },
      ...(isFinal ? { answered_at: formatInstantMs(now) } : {}),
      updated_at: formatInstantMs(now),
    })
    .where('id', '=', row.id)
    .execute();
  if (isFinal || row.status !== 'queued') await noteAnswer(trx, row, answer, now);
  return answer.answer;
}

async function noteAnswer(
  trx: DatabaseTransaction,
  { id, instance }: ProposalRow,
  { answer, code, text, by, change, revision }: ProposalAnswer,
  now: EpochMs,
): Promise<void> {
  const details = {
    answer,
    code,
    text: sanitizeLine(text, 300),
    by: sanitizeLine(by, 300),
    change,
    revision,
  };
  await appendAudit(
    trx,
    { actor: `instance ${instance}`, action: 'proposal.answered', subject: id, instance, details },
    now,
  );
}
