// The commands around an install: the outbox, the audit log, the doctor.
import { parseCheckpoint, parsePath } from '../../../shared/cli/values.ts';
import { type AgentCommand, REASON, YES } from './common.ts';

export const TOOLS: readonly AgentCommand[] = [
  {
    name: 'outbox',
    about: 'everything that leaves this machine for the vendor, byte by byte, and what waits to',
    example: 'outbox',
    answer: async () => (await import('../commands/outbox.ts')).outboxAnswer,
    load: async () => (await import('../commands/outbox.ts')).outbox,
  },
  {
    name: 'reporting set',
    about: 'say whether anything about this install is told to the vendor; updates go on either way',
    example: 'reporting set off --reason "no data leaves this site"',
    arguments: [{ name: '<reporting>', about: 'on or off', choices: ['on', 'off'] }],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/sent.ts')).reportingReply,
    load: async () => (await import('../commands/outbox.ts')).setReporting,
  },
  {
    name: 'doctor',
    about: 'look at everything that could keep this install from updating; exit 1 when something does',
    example: 'doctor',
    answer: async () => (await import('../commands/doctor.ts')).doctorAnswer,
    load: async () => (await import('../commands/doctor.ts')).doctor,
  },
  {
    name: 'audit verify',
    about: 'check that no entry was changed, added or removed',
    example: 'audit verify',
    arguments: [
      { name: '[file]', about: 'an exported log to check instead of this instance’s', parse: parsePath },
    ],
    options: [
      {
        flags: '--checkpoint <text>',
        about: 'as an earlier verification printed it: betrays a log that was rewritten',
        parse: parseCheckpoint,
      },
    ],
    answer: async () => (await import('../commands/audit.ts')).auditVerifiedAnswer,
    load: async () => (await import('../commands/audit.ts')).verifyAudit,
  },
  {
    name: 'audit export',
    about: 'one JSON object a line; from the disk while no agent runs',
    example: 'audit export audit.jsonl',
    arguments: [{ name: '[file]', about: 'where to; standard output by default', parse: parsePath }],
    answer: async () => (await import('../commands/audit.ts')).auditExportedAnswer,
    load: async () => (await import('../commands/audit.ts')).exportAudit,
  },
];
