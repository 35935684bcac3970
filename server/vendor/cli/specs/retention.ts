// The commands about how long releases are mended, and how long they stay to be had.
import { parseInstant, parseLine, parseNumber, parseRelease } from '../../../../shared/cli/values.ts';
import { REASON, type VendorCommand, WHY } from '../command.ts';

export const RETENTION: readonly VendorCommand[] = [
  {
    name: 'support',
    about: 'sign until when a platform release is mended; installs are told before it ends',
    example: 'support platform@2.5.0 --until 2031-12-31T00:00:00Z',
    kind: 'signs',
    arguments: [{ name: '<release>', about: 'such as platform@2.5.0', parse: parseRelease }],
    options: [
      { flags: '--until <instant>', about: 'when it ends', required: true, parse: parseInstant },
      { flags: '--reason <text>', about: 'why, where it ends earlier than was promised', parse: parseLine },
    ],
    load: async () => (await import('../commands/support.ts')).support,
  },
  {
    name: 'retention show',
    about: 'how long releases stay to be had, by the policy, and until when each',
    example: 'retention show',
    kind: 'reads',
    load: async () => (await import('../commands/retention.ts')).show,
  },
  {
    name: 'retention set',
    about:
      'sign for how many years releases stay to be had; a day that was signed never becomes an earlier one',
    example: 'retention set 10',
    kind: 'signs',
    arguments: [{ name: '<years>', about: 'from 1 to 100; ten where nothing was set', parse: parseNumber }],
    options: [WHY],
    load: async () => (await import('../commands/retention.ts')).set,
  },
  {
    name: 'retire',
    about:
      'list releases no longer whose time is over, so that a server may remove them; installs keep what they have',
    example: 'retire core/auth@1.0.0 --reason "out of support for years"',
    kind: 'signs',
    arguments: [{ name: '<release...>', about: 'such as core/auth@1.0.0', parse: parseRelease }],
    options: [REASON('why; kept in the audit')],
    load: async () => (await import('../commands/retention.ts')).retire,
  },
];
