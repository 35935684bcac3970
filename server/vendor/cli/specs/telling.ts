// The commands about who is told what happens in the fleet, and what somebody should hear of.
import { z } from 'zod';
import type { ArgumentSpec, OptionSpec } from '../../../../shared/cli/command.ts';
import {
  parseField,
  parseIsoDuration,
  parseLine,
  parsePath,
  parseUrl,
} from '../../../../shared/cli/values.ts';
import { SEVERITIES } from '../../../../shared/protocol/alerts.ts';
import { MESSAGE_TYPES } from '../../../../shared/protocol/webhooks.ts';
import { mailAddress } from '../../../../shared/schema/mail.ts';
import type { VendorCommand } from '../command.ts';

const A_WEBHOOK: ArgumentSpec = {
  name: '<webhook>',
  about: 'its name, or its id as `webhooks` lists it',
  parse: parseLine,
};

const SECRET_FILE: OptionSpec = {
  flags: '--file <file>',
  about: 'where its secret goes, for this account alone',
  parse: parsePath,
};

export const TELLING: readonly Omit<VendorCommand, 'kind'>[] = [
  {
    name: 'alerts',
    about: 'what somebody should hear of; many events about one thing are one, with a count',
    example: 'alerts',
    load: async () => (await import('../commands/webhooks.ts')).listAlerts,
  },
  {
    name: 'webhooks',
    about: 'who is told what happens, and how it goes with each; takes the role operator',
    example: 'webhooks',
    load: async () => (await import('../commands/webhooks.ts')).list,
  },
  {
    name: 'webhooks add',
    about: 'tell an address what happens, signed, or somebody by mail; takes the role admin',
    example: 'webhooks add --name on-call --url https://on-call.example/fairlead --file on-call.secret',
    options: [
      { flags: '--name <text>', about: 'what it is called', required: true, parse: parseLine },
      { flags: '--url <url>', about: 'where it goes, https', excludes: ['mail'], parse: parseUrl },
      {
        flags: '--mail <address>',
        about: 'tell this address by mail instead, where the server has a relay; mail has no secret',
        parse: parseField(mailAddress, 'one address such as ops@example.com'),
      },
      {
        flags: '--type <message>',
        about: 'what it is told; all alerts unless given',
        repeatable: true,
        parse: parseField(z.enum(MESSAGE_TYPES), 'such as alert.rollback or instance.retired'),
      },
      {
        flags: '--severity <severity>',
        about: 'of alerts, those of this severity and graver',
        choices: SEVERITIES,
        fallback: 'warning',
      },
      { ...SECRET_FILE, excludes: ['mail'] },
    ],
    load: async () => (await import('../commands/webhooks.ts')).add,
  },
  {
    name: 'webhooks test',
    about: 'send one a message at once, and say what came of it; takes the role operator',
    example: 'webhooks test on-call',
    arguments: [A_WEBHOOK],
    load: async () => (await import('../commands/webhooks.ts')).test,
  },
  {
    name: 'webhooks rotate',
    about: 'give one a new secret; the one before signs a while longer; takes the role admin',
    example: 'webhooks rotate on-call --overlap P1D --file on-call.secret',
    arguments: [A_WEBHOOK],
    options: [
      {
        flags: '--overlap <duration>',
        about: 'how long the secret before signs beside it, at most P7D',
        fallback: 'P1D',
        parse: parseIsoDuration,
      },
      { ...SECRET_FILE, required: true },
    ],
    load: async () => (await import('../commands/webhooks.ts')).rotate,
  },
  {
    name: 'webhooks enable',
    about: 'tell one again that was disabled, from now on; takes the role admin',
    example: 'webhooks enable on-call',
    arguments: [A_WEBHOOK],
    load: async () => (await import('../commands/webhooks.ts')).enable,
  },
  {
    name: 'webhooks remove',
    about: 'one is told nothing any more, and what waits for it goes; takes the role admin',
    example: 'webhooks remove on-call',
    arguments: [A_WEBHOOK],
    load: async () => (await import('../commands/webhooks.ts')).remove,
  },
];
