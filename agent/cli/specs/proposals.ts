// The commands about what the vendor's server proposes, which is nobody's order.
import { parseName, parseNumber } from '../../../shared/cli/values.ts';
import { PROPOSAL_KINDS, STANDINGS } from '../../../shared/schema/policy.ts';
import { type AgentCommand, REASON, YES } from './common.ts';

const NUMBER = { name: '<number>', about: 'as fairlead proposals shows it', parse: parseNumber };

export const PROPOSALS: readonly AgentCommand[] = [
  {
    name: 'proposals',
    about: 'what the vendor’s server wishes that this install did, and what has become of it',
    example: 'proposals',
    answer: async () => (await import('../../../shared/protocol/proposal.ts')).proposalsReply,
    load: async () => (await import('../commands/proposals.ts')).proposals,
  },
  {
    name: 'accept',
    about: 'do what a proposal asks for, behind every gate of the command that would do the same',
    example: 'accept 3 --reason "agreed on the phone"',
    arguments: [NUMBER],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/proposal.ts')).verdictReply,
    load: async () => (await import('../commands/proposals.ts')).accept,
  },
  {
    name: 'decline',
    about: 'a final no to a proposal; the vendor is told the reason',
    example: 'decline 3 --reason "not before the audit"',
    arguments: [NUMBER],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/proposal.ts')).verdictReply,
    load: async () => (await import('../commands/proposals.ts')).decline,
  },
  {
    name: 'policy adopt',
    about: 'take over channel and windows of a template that the vendor offers',
    example: 'policy adopt careful --reason "as agreed"',
    arguments: [{ name: '<template>', about: 'as the vendor calls it, such as careful', parse: parseName }],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/proposals.ts')).adoptPolicy,
  },
  {
    name: 'remote set',
    about: 'say what becomes of the vendor’s proposals: ignore, propose or accept',
    example: 'remote set propose --kind deploy pin --reason "the vendor may ask"',
    arguments: [{ name: '<standing>', about: 'what becomes of them', choices: STANDINGS }],
    options: [
      { flags: '--kind <kind...>', about: 'of these alone; of all by default', choices: PROPOSAL_KINDS },
      REASON,
      YES,
    ],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/proposals.ts')).setRemote,
  },
];
