// Proposals read back by people and programs: which were made, and what became of them.
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { ProposalModel, ProposalStatus } from '../../shared/protocol/fleet-proposals.ts';
import type { ProposalKind } from '../../shared/schema/policy.ts';
import { cutPart, type Page, type Part } from './page.ts';
import { modelOf, OPEN, type ProposalRow } from './proposal-row.ts';
import type { Database } from './tables.ts';

/** When it was made, and its id. */
export type ProposalKey = readonly [string, string];

export interface ProposalFilter extends Page<ProposalKey> {
  readonly instance?: string | undefined;
  readonly group?: string | undefined;
  readonly kind?: ProposalKind | undefined;
  readonly status?: ProposalStatus | undefined;
  readonly ids?: readonly string[];
}

/** Newest first. */
export async function listProposals(
  db: Database,
  filter: ProposalFilter,
  now: EpochMs,
): Promise<Part<ProposalModel, ProposalKey>> {
  const at = formatInstantMs(now);
  const { instance, group, kind, status, ids, after, limit } = filter;
  const rows = await db
    .selectFrom('proposals as p')
    .innerJoin('instances as i', 'i.id', 'p.instance')
    .selectAll('p')
    .select('i.name as instance_name')
    .$if(instance !== undefined, (query) => query.where('p.instance', '=', instance ?? ''))
    .$if(group !== undefined, (query) => query.where('p.group_name', '=', group ?? ''))
    .$if(kind !== undefined, (query) => query.where('p.kind', '=', kind ?? 'deploy'))
    .$if(ids !== undefined, (query) => query.where('p.id', 'in', ids ?? []))
    .$if(status !== undefined, (query) => {
      if (status === 'expired') return query.where('p.status', 'in', OPEN).where('p.expires_at', '<=', at);
      const told = query.where('p.status', '=', status ?? 'proposed');
      return status === 'proposed' || status === 'queued' ? told.where('p.expires_at', '>', at) : told;
    })
    .$if(after !== null, (query) =>
      query.where((where) =>
        where(where.refTuple('p.created_at', 'p.id'), '<', where.tuple(...(after ?? NOWHERE))),
      ),
    )
    .orderBy('p.created_at', 'desc')
    .orderBy('p.id', 'desc')
    .limit(limit + 1)
    .execute();
  const part = cutPart(rows, limit, sizeOf, ({ created_at, id }): ProposalKey => [created_at, id]);
  return { entries: part.entries.map((row) => modelOf(row, at)), next: part.next };
}

const NOWHERE: ProposalKey = ['', ''];

export function sizeOf({ wish, reason, answer }: Pick<ProposalRow, 'wish' | 'reason' | 'answer'>): number {
  return 800 + wish.length * 2 + reason.length + (answer?.length ?? 0);
}

/** Error: request/not-found. */
export async function findProposal(db: Database, id: string, now: EpochMs): Promise<ProposalModel> {
  const [found] = (await listProposals(db, { ids: [id], limit: 1, after: null }, now)).entries;
  if (found !== undefined) return found;
  throw new FairleadError('request/not-found', { what: `proposal ${id}` });
}
