// Making and changing proposals, whichever route asks for it: to one instance or to everybody in a group.
import { FairleadError } from '../../shared/errors/error.ts';
import type { ProposalModel, ProposalsMade, RequestedWish } from '../../shared/protocol/fleet-proposals.ts';
import type { Wish } from '../../shared/schema/proposal.ts';
import { componentNameOf, parseRef } from '../../shared/schema/release-ref.ts';
import type { Context } from '../context.ts';
import { listMembers, verifyInstances } from '../db/groups.ts';
import { type Mark, transactOnce } from '../db/once.ts';
import { readTemplate } from '../db/policies.ts';
import { findProposal, listProposals } from '../db/proposal-lists.ts';
import { changeProposal, createProposals, lockProposal, withdrawProposals } from '../db/proposals.ts';
import type { Database, DatabaseTransaction } from '../db/tables.ts';
import { transact } from '../db/transact.ts';

interface Asked {
  readonly mark: Mark | null;
  actor(): string;
  match(revision: number): void;
}

/** One who creates is told where what was created stands. */
interface Creating extends Asked {
  created(path: string): void;
  tag(revision: number): void;
}

interface Addressed {
  readonly instance_id?: string | undefined;
  readonly group?: string | undefined;
  readonly reason: string;
  readonly expires_at?: string | undefined;
}

/** A group may have thousands of members: these are shown, the others listed. */
const SHOWN = 100;

/** Errors: request/not-found, request/invalid, proposal/too-many, proposal/nobody, proposal/policy-disabled, request/key-reused. */
export async function propose(
  context: Context,
  ask: Creating,
  to: Addressed,
  asked: RequestedWish,
  place: 'deployments' | 'proposals' = 'proposals',
): Promise<ProposalsMade> {
  const made = await proposeOnce(context, ask, to, asked);
  const [first] = made.proposals;
  if (made.count === 1 && first !== undefined) {
    ask.created(`/api/v1/${place}/${first.id}`);
    ask.tag(first.revision);
  }
  return made;
}

async function proposeOnce(
  context: Context,
  { mark, actor }: Asked,
  to: Addressed,
  asked: RequestedWish,
): Promise<ProposalsMade> {
  const now = context.now();
  const made = await transactOnce(context.db, mark, now, async (trx) => {
    const instances = await addressees(trx, to);
    const { wish, policy } = await complete(context, trx, asked);
    const group = to.group ?? null;
    const wanted = {
      instances,
      group,
      wish,
      policy,
      reason: to.reason,
      expires: to.expires_at,
      actor: actor(),
    };
    const ids = await createProposals(trx, wanted, now);
    const page = { ids: ids.slice(0, SHOWN), limit: SHOWN, after: null };
    const { entries } = await listProposals(trx, page, now);
    return { count: ids.length, proposals: [...entries] };
  });
  await context.notices.tell(
    to.instance_id === undefined ? `group ${to.group}` : `instance ${to.instance_id}`,
  );
  return made;
}

async function addressees(db: Database, { instance_id, group }: Addressed): Promise<readonly string[]> {
  if (instance_id !== undefined) {
    await verifyInstances(db, [instance_id]);
    return [instance_id];
  }
  const members = await listMembers(db, group ?? '');
  if (members.length === 0) throw new FairleadError('proposal/nobody', { group: group ?? '' });
  return members;
}

/** A template goes along as it is now. What nobody has released is a slip, told to whoever makes it. */
async function complete(
  { publisher }: Context,
  trx: DatabaseTransaction,
  asked: RequestedWish,
): Promise<{ readonly wish: Wish; readonly policy: string | null }> {
  if (asked.kind === 'policy') {
    return { wish: await readTemplate(trx, asked.policy_id), policy: asked.policy_id };
  }
  if (asked.kind === 'deploy' && asked.release !== undefined) {
    const ref = parseRef(asked.release);
    const component = componentNameOf(ref);
    const isReleased = publisher
      .published()
      .releases.some((one) => one.component === component && one.version === ref.version);
    if (!isReleased) throw new FairleadError('request/not-found', { what: `release ${asked.release}` });
  }
  return { wish: asked, policy: null };
}

interface Change {
  readonly reason: string;
  readonly expires_at?: string | undefined;
}

/** Errors: request/not-found, request/outdated, request/invalid for another kind, proposal/answered, proposal/policy-disabled. */
export async function changeProposed(
  context: Context,
  { actor, match }: Asked,
  id: string,
  { reason, expires_at }: Change,
  asked: RequestedWish,
): Promise<ProposalModel> {
  const now = context.now();
  const changed = await transact(context.db, 'committed', async (trx) => {
    // A template before what was made of it: one order of locks for everybody.
    const { wish, policy } = await complete(context, trx, asked);
    const row = await lockProposal(trx, id);
    if (row.kind !== wish.kind) {
      throw new FairleadError('request/invalid', { problem: `proposal ${id} is of the kind ${row.kind}` });
    }
    match(Number(row.revision));
    await changeProposal(trx, row, { wish, policy, reason, expires: expires_at, actor: actor() }, now);
    return await findProposal(trx, id, now);
  });
  await context.notices.tell(`instance ${changed.instance_id}`);
  return changed;
}

/** Errors: request/not-found, request/outdated, proposal/answered. */
export async function withdrawProposed(
  { db, now, notices }: Context,
  { actor, match }: Asked,
  id: string,
  kind?: Wish['kind'],
): Promise<void> {
  const instance = await transact(db, 'committed', async (trx) => {
    const row = await lockProposal(trx, id);
    if (kind !== undefined && row.kind !== kind) {
      throw new FairleadError('request/not-found', { what: `${kind} ${id}` });
    }
    match(Number(row.revision));
    await withdrawProposals(trx, [row], actor(), now());
    return row.instance;
  });
  await notices.tell(`instance ${instance}`);
}
