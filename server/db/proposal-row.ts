// The rows of proposals and of what they are made from, and what the API tells of them.

import { describeWish } from '../../shared/present/proposals.ts';
import type { ProposalModel, ProposalStatus } from '../../shared/protocol/fleet-proposals.ts';
import type { ProposalAnswer } from '../../shared/protocol/proposal.ts';
import type { Channel } from '../../shared/protocol/report.ts';
import type { ProposalKind } from '../../shared/schema/policy.ts';
import type { Proposal, Wish } from '../../shared/schema/proposal.ts';

export interface ProposalRow {
  readonly id: string;
  readonly instance: string;
  /** Of the group that it was made for, with one for each of its members. */
  readonly group_name: string | null;
  /** The template that it was made from. */
  readonly policy: string | null;
  readonly kind: ProposalKind;
  readonly wish: string;
  readonly status: 'proposed' | 'queued' | 'accepted' | 'ignored' | 'refused' | 'withdrawn';
  readonly revision: number;
  readonly reason: string;
  readonly proposed_by: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly expires_at: string;
  readonly answered_at: string | null;
  readonly answer: string | null;
  /** 1 while the agent has yet to hear that it was withdrawn. */
  readonly untold: number;
}

/** Another number for an instance: there is news for it. */
interface ProposalMarkRow {
  readonly instance: string;
  readonly mark: number;
}

export interface PolicyRow {
  readonly id: string;
  readonly name: string;
  readonly channel: Channel;
  /** 0 or 1. */
  readonly enabled: number;
  readonly description: string | null;
  readonly windows: string | null;
  readonly revision: number;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface GroupRow {
  readonly name: string;
  readonly description: string | null;
  readonly revision: number;
  readonly created_at: string;
  readonly updated_at: string;
}

interface GroupMemberRow {
  readonly group_name: string;
  readonly instance: string;
}

/** A request that may come again under its key. */
interface RepeatRow {
  readonly key: string;
  /** Digest of what was asked. */
  readonly request: string;
  /** Sealed under the key itself, which is kept nowhere. */
  readonly reply: string;
  readonly created_at: string;
}

export interface ProposalTables {
  readonly proposals: ProposalRow;
  readonly proposal_marks: ProposalMarkRow;
  readonly policies: PolicyRow;
  readonly groups: GroupRow;
  readonly group_members: GroupMemberRow;
  readonly repeats: RepeatRow;
}

export const OPEN = ['proposed', 'queued'] as const;

/** By the clock of whoever asks: nothing has to happen for a proposal to end. */
export function statusOf(row: Pick<ProposalRow, 'status' | 'expires_at'>, at: string): ProposalStatus {
  const isOpen = OPEN.some((open) => open === row.status);
  return isOpen && row.expires_at <= at ? 'expired' : row.status;
}

export function modelOf(row: ProposalRow & { readonly instance_name: string }, at: string): ProposalModel {
  const wish = JSON.parse(row.wish) as Wish;
  return {
    id: row.id,
    kind: row.kind,
    instance_id: row.instance,
    instance_name: row.instance_name,
    group: row.group_name,
    policy_id: row.policy,
    status: statusOf(row, at),
    revision: row.revision,
    asks: describeWish(wish),
    wish,
    reason: row.reason,
    proposed_by: row.proposed_by,
    created_at: row.created_at,
    updated_at: row.updated_at,
    expires_at: row.expires_at,
    answered_at: row.answered_at,
    answer: row.answer === null ? null : (JSON.parse(row.answer) as ProposalModel['answer']),
  };
}

/** As its agent gets it. */
export function proposalOf(row: ProposalRow): Proposal | { readonly id: string; readonly withdrawn: true } {
  const { id, revision, reason } = row;
  if (row.status === 'withdrawn') return { id, withdrawn: true };
  return {
    ...{ id, revision, reason, wish: JSON.parse(row.wish) as Wish },
    by: row.proposed_by,
    proposed: row.created_at,
    expires: row.expires_at,
  };
}

export function answerText({ id: _id, ...answer }: ProposalAnswer): string {
  return JSON.stringify(answer);
}
