// The commands that ask: what is the case, what would happen, and why.
import { parseCapability, parseNumber, parseTarget } from '../../../shared/cli/values.ts';
import { ASSUMPTIONS } from '../../../shared/protocol/admin.ts';
import { parseSince, parseTime } from '../times.ts';
import { type AgentCommand, WATCH } from './common.ts';

export const QUESTIONS: readonly AgentCommand[] = [
  {
    name: 'status',
    about: 'the verdict, what needs attention, and what runs',
    example: 'status',
    options: [
      WATCH('look again until interrupted, and print what changed'),
      { flags: '--brief', about: 'one line, and only where a person is needed', excludes: ['watch'] },
    ],
    answer: async () => (await import('../commands/status.ts')).statusAnswer,
    load: async () => (await import('../commands/status.ts')).status,
  },
  {
    name: 'sbom',
    about: 'what this install is made of, as a CycloneDX document',
    example: 'sbom > install.cdx.json',
    answer: async () => (await import('../commands/sbom.ts')).sbomAnswer,
    load: async () => (await import('../commands/sbom.ts')).sbom,
  },
  {
    name: 'check',
    about: 'ask the server for news; exit 0 none, 10 available, 20 blocked',
    example: 'check',
    answer: async () => (await import('../../../shared/protocol/admin.ts')).explanationReply,
    load: async () => (await import('../commands/explain.ts')).check,
  },
  {
    name: 'plan',
    about: 'what the update on offer would change, or what would lead to a release',
    example: 'plan core/auth@1.0.1',
    arguments: [
      {
        name: '[target]',
        about: 'platform@2.5.0, core@1.2.0 or core/auth@1.0.1; exit 4 when nothing leads there',
        parse: parseTarget,
      },
    ],
    answer: async () => (await import('../commands/plan.ts')).planAnswer,
    load: async () => (await import('../commands/plan.ts')).plan,
  },
  {
    name: 'explain',
    about: 'every reason for what happens, or does not',
    example: 'explain --at "sat 02:00" --assume approved',
    options: [
      { flags: '--at <time>', about: 'as if it were then, such as "sat 02:00"', parse: parseTime },
      {
        flags: '--assume <what...>',
        about: 'as if every approval were given, a window open, …',
        choices: ASSUMPTIONS,
      },
    ],
    answer: async () => (await import('../../../shared/protocol/admin.ts')).explanationReply,
    load: async () => (await import('../commands/explain.ts')).explain,
  },
  {
    name: 'changes',
    about: 'every deployment of this install',
    example: 'changes',
    answer: async () => (await import('../../../shared/protocol/admin.ts')).changesReply,
    load: async () => (await import('../commands/changes.ts')).changes,
  },
  {
    name: 'change',
    about: 'one deployment: what, when, why, and how it ended',
    example: 'change 7',
    arguments: [{ name: '<id>', about: 'its number', parse: parseNumber }],
    options: [WATCH('follow it to its end first')],
    answer: async () => (await import('../../../shared/protocol/admin.ts')).changeReply,
    load: async () => (await import('../commands/changes.ts')).change,
  },
  {
    name: 'logs',
    about: 'what a service wrote last, whichever driver runs it',
    example: 'logs core/auth --follow',
    arguments: [{ name: '<component>', about: 'such as core/auth', parse: parseCapability }],
    options: [
      {
        flags: '--change <id>',
        about: 'what a deployment that failed left of it',
        parse: parseNumber,
        excludes: ['since', 'follow'],
      },
      {
        flags: '--since <time>',
        about: 'what came since, such as 1h or "sat 02:00": all of it, up to a mebibyte',
        parse: parseSince,
      },
      { flags: '--lines <count>', about: 'how many; 100 unless --since is given', parse: parseNumber },
      { flags: '--follow', about: 'go on until interrupted' },
    ],
    answer: async () => (await import('../../../shared/protocol/upkeep.ts')).logsReply,
    load: async () => (await import('../commands/logs.ts')).logs,
  },
  {
    name: 'advisories',
    about: 'security advisories, and whether they affect what runs',
    example: 'advisories',
    answer: async () => (await import('../../../shared/protocol/admin.ts')).advisoriesReply,
    load: async () => (await import('../commands/advisories.ts')).advisories,
  },
];
