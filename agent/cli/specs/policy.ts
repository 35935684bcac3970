// The operator's standing decisions as commands: channel, pins, holds, windows.
import {
  PIN_VERSION,
  parseCapability,
  parseCron,
  parseField,
  parseIsoDuration,
  parseLine,
  parseName,
  parsePath,
  parsePinVersion,
  parseSpan,
  parseZone,
} from '../../../shared/cli/values.ts';
import { CHANNELS } from '../../../shared/protocol/report.ts';
import { REACHES } from '../../../shared/schema/drivers/confined-keys.ts';
import { reach } from '../../../shared/schema/instance.ts';
import { FIXES_FROM } from '../../../shared/schema/policy.ts';
import { parseTime } from '../times.ts';
import { type AgentCommand, COMPONENT, PASSPHRASE, REASON, YES } from './common.ts';

const CHANNEL: readonly AgentCommand[] = [
  {
    name: 'channel set',
    about: 'say what becomes of an update: auto, manual or frozen',
    example: 'channel set manual --reason "audited from now on"',
    arguments: [{ name: '<channel>', about: 'what becomes of an update', choices: CHANNELS }],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/policy.ts')).setChannel,
  },
  {
    name: 'security from',
    about: 'say which fixes come by themselves on every channel, inside windows and behind pins',
    example: 'security from high --reason "fixes by themselves, features when we ask"',
    arguments: [
      { name: '<severity>', about: 'this and above; critical: those that are forced', choices: FIXES_FROM },
    ],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/policy.ts')).setFixesFrom,
  },
  {
    name: 'policy show',
    about: 'print it',
    example: 'policy show',
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/policy.ts')).policy,
  },
  {
    name: 'policy check',
    about: 'exit 0 when it can be read and satisfied: a file by its own soak, as no agent’s --soak is known',
    example: 'policy check',
    arguments: [{ name: '[file]', about: 'a policy to check instead of the one in force', parse: parsePath }],
    answer: async () => (await import('../commands/policy.ts')).policyCheckAnswer,
    load: async () => (await import('../commands/policy.ts')).checkPolicy,
  },
];

const PINS: readonly AgentCommand[] = [
  {
    name: 'pin add',
    about: 'keep a component at a version or in a range',
    example: 'pin add core/auth "~1.2" --reason "certified" --expires 2027-01-31T00:00:00Z',
    arguments: [COMPONENT, { name: '<version>', about: PIN_VERSION, parse: parsePinVersion }],
    options: [
      REASON,
      { flags: '--expires <time>', about: 'such as 2027-01-31T00:00:00Z', parse: parseTime },
      YES,
    ],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/policy.ts')).addPin,
  },
  {
    name: 'pin remove',
    about: 'let it move again',
    example: 'pin remove core/auth --reason "certified again"',
    arguments: [COMPONENT],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/policy.ts')).removePin,
  },
  {
    name: 'pin list',
    about: 'every pin, what it does now, its end and its reason',
    example: 'pin list',
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/policy.ts')).listPins,
  },
];

const HOLDS: readonly AgentCommand[] = [
  {
    name: 'hold',
    about: 'change nothing for a while',
    example: 'hold 4h --reason "an audit is under way"',
    arguments: [{ name: '[span]', about: 'such as 4h or 3d', parse: parseSpan }],
    options: [
      { flags: '--until <time>', about: 'such as "mon 08:00"', parse: parseTime },
      REASON,
      { flags: '--emergency', about: 'hold forced patches too, for at most 72 hours' },
      {
        flags: '--key <file>',
        about: 'sign it: needed with --emergency where approvers have keys',
        parse: parsePath,
      },
      PASSPHRASE,
      YES,
    ],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/hold.ts')).hold,
  },
  {
    name: 'release',
    about: 'end a hold',
    example: 'release --reason "the audit is over"',
    options: [REASON, { flags: '--emergency', about: 'end the hold of forced patches' }, YES],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/hold.ts')).release,
  },
];

const WINDOWS: readonly AgentCommand[] = [
  {
    name: 'window add',
    about: 'open one on a schedule, or forbid one with --deny',
    example: 'window add night --cron "0 2 * * sat" --duration 4h --reason "agreed with the shops"',
    arguments: [{ name: '<name>', about: 'such as night', parse: parseName }],
    options: [
      {
        flags: '--cron <expression>',
        about: 'when it opens, such as "0 2 * * sat"',
        required: true,
        parse: parseCron,
      },
      {
        flags: '--duration <duration>',
        about: 'how long it stays open, such as 4h or PT4H',
        required: true,
        parse: parseIsoDuration,
      },
      {
        flags: '--zone <zone>',
        about: 'whose wall clock; this terminal’s by default',
        parse: parseZone,
      },
      { flags: '--deny', about: 'nothing starts inside it' },
      REASON,
      YES,
    ],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/windows.ts')).addWindow,
  },
  {
    name: 'window remove',
    about: 'take one away',
    example: 'window remove night --reason "agreed with the shops"',
    arguments: [{ name: '<name>', about: 'as window list shows it', parse: parseLine }],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/windows.ts')).removeWindow,
  },
  {
    name: 'window list',
    about: 'every window, and when the next ones open',
    example: 'window list',
    answer: async () => (await import('../../../shared/protocol/admin-policy.ts')).policyReply,
    load: async () => (await import('../commands/windows.ts')).listWindows,
  },
];

const CAPABILITY = { name: '<component>', about: 'such as core/auth', parse: parseCapability };

const SETTINGS: readonly AgentCommand[] = [
  {
    name: 'settings list',
    about: 'every setting of what runs and of what is on offer, its value, and what is wrong with it',
    example: 'settings list core/auth',
    arguments: [
      { name: '[component]', about: 'such as core/auth; all of them by default', parse: parseCapability },
    ],
    answer: async () => (await import('../../../shared/protocol/settings.ts')).settingsReply,
    load: async () => (await import('../commands/settings.ts')).listSettings,
  },
  {
    name: 'settings set',
    about: 'give a setting a value, checked against the release that asks for it',
    example: 'settings set core/auth secret \'${file:/etc/auth/secret}\' --reason "new in 1.1.0"',
    arguments: [
      CAPABILITY,
      { name: '<key>', about: 'as settings list shows it', parse: parseLine },
      { name: '<value>', about: "a value, '${file:PATH}' or '${env:NAME}'" },
    ],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/settings.ts')).settingsReply,
    load: async () => (await import('../commands/settings.ts')).setSetting,
  },
  {
    name: 'settings unset',
    about: 'take a value away: the default of the release counts, where it has one',
    example: 'settings unset core/auth port --reason "the default will do"',
    arguments: [CAPABILITY, { name: '<key>', about: 'as settings list shows it', parse: parseLine }],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/settings.ts')).settingsReply,
    load: async () => (await import('../commands/settings.ts')).unsetSetting,
  },
];

const REACH = {
  name: '<reach>',
  about: `a directory such as /srv/media, a network such as network:shared, or one of ${REACHES.join(', ')}`,
  parse: parseField(reach, 'a directory, a network such as network:shared, or a key that may be allowed'),
};

const ALLOWANCES: readonly AgentCommand[] = [
  {
    name: 'allow add',
    about: 'let containers of a component reach a part of this machine, from the next deployment on',
    example: 'allow add core/media /srv/media --reason "our films"',
    arguments: [CAPABILITY, REACH],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/settings.ts')).allowancesReply,
    load: async () => (await import('../commands/allow.ts')).allow,
  },
  {
    name: 'allow remove',
    about: 'take it back',
    example: 'allow remove core/media /srv/media --reason "moved away"',
    arguments: [CAPABILITY, REACH],
    options: [REASON, YES],
    answer: async () => (await import('../../../shared/protocol/settings.ts')).allowancesReply,
    load: async () => (await import('../commands/allow.ts')).disallow,
  },
  {
    name: 'allow list',
    about: 'everything that containers may reach',
    example: 'allow list',
    answer: async () => (await import('../../../shared/protocol/settings.ts')).allowancesReply,
    load: async () => (await import('../commands/allow.ts')).listAllowed,
  },
];

export const POLICY: readonly AgentCommand[] = [
  ...CHANNEL,
  ...SETTINGS,
  ...ALLOWANCES,
  ...PINS,
  ...HOLDS,
  ...WINDOWS,
];
