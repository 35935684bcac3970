// The commands that move an install: forward, back, and again to what was signed.
import { parseAdvisoryId, parseCapability, parseLine, parseRollbackTo } from '../../../shared/cli/values.ts';
import { OVERRIDES } from '../../../shared/protocol/admin.ts';
import { type AgentCommand, REASON, YES } from './common.ts';

export const ACTS: readonly AgentCommand[] = [
  {
    name: 'apply',
    about: 'apply what is on offer now, and follow it to its end',
    example: 'apply --now --override window --reason "the vendor’s call"',
    options: [
      { flags: '--now', about: 'at once; outside the windows with --override window' },
      {
        flags: '--override <what...>',
        about: 'pass over these rules, on the record; never over signatures',
        choices: OVERRIDES,
      },
      {
        flags: '--accept-drift',
        about: 'go on though files of what runs are damaged and cannot be mended, as --override drift',
      },
      { flags: '--reason <text>', about: 'why; recorded', parse: parseLine },
      YES,
    ],
    answer: async () => (await import('../../../shared/protocol/admin.ts')).changeReply,
    load: async () => (await import('../commands/apply.ts')).apply,
  },
  {
    name: 'rollback',
    about: 'return to an earlier generation; needs no network',
    example: 'rollback --to core/auth@1.0.0 --reason "errors on login"',
    options: [
      {
        flags: '--to <target>',
        about:
          'a generation, or a version such as core/auth@1.0.0; by default the previous healthy generation',
        parse: parseRollbackTo,
      },
      REASON,
      {
        flags: '--accept-risk <advisory...>',
        about: 'critical advisories the older version is open to',
        parse: parseAdvisoryId,
      },
      {
        flags: '--rehearse',
        about: 'try what can be tried without stopping anything, and say what it would cost',
        implies: { reason: 'a rehearsal' },
      },
      YES,
    ],
    answer: async () => (await import('../commands/apply.ts')).rollbackAnswer,
    load: async () => (await import('../commands/apply.ts')).rollback,
  },
  {
    name: 'verify',
    about: 'hash every live file and compare it with what was signed',
    example: 'verify --repair --reason "edited by hand"',
    options: [
      {
        flags: '--repair',
        about: 'make the files again what was signed; restarts what may have loaded others',
      },
      { flags: '--remove-added', about: 'with --repair: what stands beside the signed files goes, too' },
      { flags: '--reason <text>', about: 'why; recorded with a repair', parse: parseLine },
    ],
    answer: async () => (await import('../commands/verify.ts')).verifyAnswer,
    load: async () => (await import('../commands/verify.ts')).verify,
  },
  {
    name: 'quarantine lift',
    about: 'let a release that failed be tried again',
    example: 'quarantine lift core/auth --reason "the disk was full"',
    arguments: [{ name: '<component>', about: 'such as core/auth', parse: parseCapability }],
    options: [REASON, YES],
    answer: async () => (await import('../commands/quarantine.ts')).liftAnswer,
    load: async () => (await import('../commands/quarantine.ts')).liftQuarantine,
  },
  {
    name: 'stage',
    about: 'fetch what is on offer now; nothing is applied',
    example: 'stage',
    answer: async () => (await import('../../../shared/protocol/upkeep.ts')).stageReply,
    load: async () => (await import('../commands/stage.ts')).stage,
  },
];
