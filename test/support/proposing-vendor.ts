// A server that proposes, in memory: what it offers the agent, and what the agent answered.
import type { AnswersReply, MinesReply, ProposalAnswer } from '../../shared/protocol/proposal.ts';
import type { PolicyTemplate, Proposal, Wish } from '../../shared/schema/proposal.ts';

export type ProposingVendor = ReturnType<typeof createProposingVendor>;

export function createProposingVendor() {
  let count = 0;
  const vendor = {
    /** As the answer to a report carries it; null as a server that proposes nothing. */
    mark: null as number | null,
    /** Anything, as a hostile server might send it. */
    open: [] as unknown[],
    answers: [] as ProposalAnswer[],
    /** Thrown at the agent's next requests. */
    error: null as Error | null,
    fetches: 0,
    /** What the server says of a proposal when an answer comes, where it is not the answer itself. */
    statuses: new Map<string, string>(),
    idOf: (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    propose(wish: Wish | object, overrides: Partial<Proposal> = {}): Proposal {
      count += 1;
      const proposal = {
        id: vendor.idOf(count),
        revision: 1,
        wish,
        reason: 'it is certified',
        by: 'token fleet',
        proposed: '2026-01-01T00:00:00Z',
        expires: '2036-01-01T00:00:00Z',
        ...overrides,
      } as Proposal;
      vendor.offer(proposal);
      return proposal;
    },
    offer(...sent: readonly unknown[]): void {
      vendor.open.push(...sent);
      vendor.mark = (vendor.mark ?? 0) + 1;
    },
    async proposals(after: string | null): Promise<MinesReply> {
      vendor.fetches += 1;
      if (vendor.error !== null) throw vendor.error;
      const from = Number(after ?? 0);
      const next = from + 20 < vendor.open.length ? String(from + 20) : null;
      return { mark: vendor.mark ?? 0, proposals: vendor.open.slice(from, from + 20), next };
    },
    async answerProposals(answers: readonly ProposalAnswer[]): Promise<AnswersReply> {
      if (vendor.error !== null) throw vendor.error;
      vendor.answers.push(...answers);
      return {
        answers: answers.map(({ id, answer }) => ({ id, status: vendor.statuses.get(id) ?? answer })),
      };
    },
    async template(name: string): Promise<PolicyTemplate> {
      if (vendor.error !== null) throw vendor.error;
      return { name, channel: 'manual' };
    },
    /** What the agent last answered to a proposal. */
    lastOf: ({ id }: Pick<Proposal, 'id'>) => vendor.answers.findLast((one) => one.id === id),
  };
  return vendor;
}
