// The commands by which people say yes or no, and who may.
import type { ArgumentSpec } from '../../../shared/cli/command.ts';
import {
  parseDigest,
  parseField,
  parseLine,
  parseName,
  parseNumber,
  parsePath,
} from '../../../shared/cli/values.ts';
import { instanceId } from '../../../shared/protocol/report.ts';
import { type AgentCommand, PASSPHRASE, REASON, YES } from './common.ts';

const PLAN: ArgumentSpec = {
  name: '<plan>',
  about: 'the digest that fairlead plan shows',
  parse: parseDigest,
};

const NAME: ArgumentSpec = { name: '<name>', about: 'such as alice', parse: parseName };

const ANSWER = {
  arguments: [PLAN],
  options: [
    REASON,
    { flags: '--ticket <id>', about: 'your change ticket', parse: parseLine },
    { flags: '--key <file>', about: 'sign it with an approver’s key', parse: parsePath },
    { flags: '--out <file>', about: 'write the signed answer here; no agent is needed', parse: parsePath },
    {
      flags: '--instance <id>',
      about: 'let it count on this instance only',
      parse: parseField(instanceId, 'the id of an instance, as fairlead status --json shows it'),
    },
    YES,
    PASSPHRASE,
  ],
};

export const APPROVALS: readonly AgentCommand[] = [
  {
    name: 'approve',
    about: 'a yes to one plan; it is applied when the policy allows',
    example: 'approve sha256:… --reason "tested on staging" --ticket OPS-7',
    ...ANSWER,
    answer: async () => (await import('../commands/approvals.ts')).approvalAnswer,
    load: async () => (await import('../commands/approvals.ts')).approve,
  },
  {
    name: 'deny',
    about: 'a final no to one plan',
    example: 'deny sha256:… --reason "breaks the import"',
    ...ANSWER,
    answer: async () => (await import('../commands/approvals.ts')).approvalAnswer,
    load: async () => (await import('../commands/approvals.ts')).deny,
  },
  {
    name: 'approvals list',
    about: 'every answer, and what has become of it',
    example: 'approvals list',
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).approvalsReply,
    load: async () => (await import('../commands/approvals.ts')).listApprovals,
  },
  {
    name: 'approvals import',
    about: 'hand in an answer that was signed on another machine',
    example: 'approvals import yes.json',
    arguments: [{ name: '<file>', about: 'a signed answer from fairlead approve --out', parse: parsePath }],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).approvalsReply,
    load: async () => (await import('../commands/approvals.ts')).importApproval,
  },
  {
    name: 'approver create',
    about: 'make a key, on the approver’s own machine',
    example: 'approver create alice --key alice.json',
    arguments: [NAME],
    options: [
      { flags: '--key <file>', about: 'where to write it', required: true, parse: parsePath },
      PASSPHRASE,
    ],
    answer: async () => (await import('../commands/approver.ts')).approverAnswer,
    load: async () => (await import('../commands/approver.ts')).createApprover,
  },
  {
    name: 'approver trust',
    about: 'let a key’s signed yes count',
    example: 'approver trust alice alice.json --reason "on call"',
    arguments: [
      NAME,
      { name: '<key>', about: 'the public key, or the path of a key file', parse: parsePath },
    ],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/approver.ts')).trustApprover,
  },
  {
    name: 'approver remove',
    about: 'let it count no more',
    example: 'approver remove alice --reason "left"',
    arguments: [NAME],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/approver.ts')).removeApprover,
  },
  {
    name: 'approver require',
    about: 'how many approvers must say yes',
    example: 'approver require 2 --reason "four eyes"',
    arguments: [{ name: '<count>', about: 'such as 2', parse: parseNumber }],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/approver.ts')).requireApprovals,
  },
  {
    name: 'approver list',
    about: 'whose yes counts, and how many are needed',
    example: 'approver list',
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/approver.ts')).listApprovers,
  },
];
