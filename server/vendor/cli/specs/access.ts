// The commands about who may come in: tokens of people and programs, customers, and groups of installs.
import { z } from 'zod';
import type { ArgumentSpec, OptionSpec } from '../../../../shared/cli/command.ts';
import {
  parseField,
  parseIsoDuration,
  parseLine,
  parseName,
  parsePath,
} from '../../../../shared/cli/values.ts';
import { customerId } from '../../../../shared/protocol/customers.ts';
import { TOKEN_ROLES } from '../../../../shared/protocol/fleet.ts';
import type { VendorCommand } from '../command.ts';

type AccessCommand = Omit<VendorCommand, 'kind'>;

const A_TOKEN: ArgumentSpec = {
  name: '<id>',
  about: 'as `tokens` lists it',
  parse: parseField(z.uuid(), 'a token’s id, as tokens lists it'),
};

/** Nobody who reads along on a terminal, or in the log of a job, reads a token. */
const NEW_TEXT: readonly OptionSpec[] = [
  {
    flags: '--valid-for <duration>',
    about: 'how long it counts, at most P395D',
    fallback: 'P90D',
    parse: parseIsoDuration,
  },
  {
    flags: '--file <file>',
    about: 'where its text goes, for this account alone',
    required: true,
    parse: parsePath,
  },
];

const TOKENS: readonly AccessCommand[] = [
  {
    name: 'tokens',
    about: 'tokens of people and programs, never their texts; takes the role admin',
    example: 'tokens',
    load: async () => (await import('../commands/access.ts')).listTokens,
  },
  {
    name: 'tokens create',
    about: 'a token for a person or a program; takes the role admin',
    example: 'tokens create --name ci --role publisher --valid-for P90D --file ci.token',
    options: [
      { flags: '--name <text>', about: 'whose it is', required: true, parse: parseLine },
      {
        flags: '--role <role>',
        about: 'what it may do; every role reads',
        required: true,
        choices: TOKEN_ROLES,
      },
      {
        flags: '--customer <id>',
        about: 'sees the installs of this customer alone; a viewer',
        parse: parseField(customerId, 'a customer’s id, as customers lists it'),
      },
      ...NEW_TEXT,
    ],
    load: async () => (await import('../commands/tokens.ts')).create,
  },
  {
    name: 'tokens rotate',
    about: 'give a token a new text; the old one counts a while longer; takes the role admin',
    example: 'tokens rotate a3c1f0de-52c7-4a55-8d34-0f6f3f1b8c44 --overlap 1d --file ci.token',
    arguments: [A_TOKEN],
    options: [
      {
        flags: '--overlap <duration>',
        about: 'how long the old text counts beside it, at most P7D',
        fallback: 'PT1H',
        parse: parseIsoDuration,
      },
      ...NEW_TEXT,
    ],
    load: async () => (await import('../commands/tokens.ts')).rotate,
  },
  {
    name: 'tokens revoke',
    about: 'a token is worth nothing from now on; takes the role admin',
    example: 'tokens revoke a3c1f0de-52c7-4a55-8d34-0f6f3f1b8c44',
    arguments: [A_TOKEN],
    load: async () => (await import('../commands/access.ts')).revokeToken,
  },
];

export const ACCESS: readonly AccessCommand[] = [
  ...TOKENS,
  {
    name: 'customers',
    about: 'customers, and how many installs each has',
    example: 'customers',
    load: async () => (await import('../commands/access.ts')).listCustomers,
  },
  {
    name: 'customers create',
    about: 'a customer, whose installs come with enrolment codes that name it',
    example: 'customers create "Harbour hospitals"',
    arguments: [{ name: '<customer>', about: 'its name', parse: parseLine }],
    load: async () => (await import('../commands/access.ts')).createCustomer,
  },
  {
    name: 'groups',
    about: 'groups of installs that something can be proposed to',
    example: 'groups',
    load: async () => (await import('../commands/access.ts')).listGroups,
  },
  {
    name: 'groups create',
    about: 'a group of installs',
    example: 'groups create pilots --instance "Example Ltd, Oslo" --description "see everything first"',
    arguments: [{ name: '<group>', about: 'its name', parse: parseName }],
    options: [
      {
        flags: '--instance <install>',
        about: 'who is in it, by name or id',
        required: true,
        repeatable: true,
        parse: parseLine,
      },
      { flags: '--description <text>', about: 'what it is for', parse: parseLine },
    ],
    load: async () => (await import('../commands/access.ts')).createGroup,
  },
];
