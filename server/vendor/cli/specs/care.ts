// The commands beside the stages: advisories, new installs, signatures and keys, and the state of the workspace.
import { z } from 'zod';
import {
  AGAINST,
  parseCheckpoint,
  parseField,
  parseLine,
  parseNumber,
  parsePath,
} from '../../../../shared/cli/values.ts';
import { OFFLINE_ROLES, ONLINE_ROLES } from '../../core/roles.ts';
import { PASSPHRASE, PATCHES, type VendorCommand } from '../command.ts';
import { ADVISORIES } from './advisories.ts';
import { MIRRORS } from './mirrors.ts';
import { RETENTION } from './retention.ts';

const ENROLMENTS: readonly VendorCommand[] = [
  {
    name: 'enrolment create',
    about: 'a single-use enrolment string for one new install',
    example: 'enrolment create --name "Example Ltd, Oslo"',
    kind: 'writes',
    options: [
      {
        flags: '--name <text>',
        about: 'the install, as the fleet list shall show it',
        required: true,
        parse: parseLine,
      },
    ],
    load: async () => (await import('../commands/enrolment.ts')).create,
  },
];

const SIGNATURES: readonly VendorCommand[] = [
  {
    name: 'sign',
    about: 'add signatures to the metadata that waits for them',
    example: 'sign --key /media/usb/releases-2.json',
    kind: 'signs',
    options: [{ flags: '--discard', about: 'give up what waits, with the signatures it has' }],
    load: async () => (await import('../commands/sign.ts')).sign,
  },
  {
    name: 'renew',
    about: 'sign roles anew: the named ones, else those that expire within 30 days',
    example: 'renew releases security',
    kind: 'signs',
    arguments: [{ name: '[roles...]', about: 'whose metadata', choices: OFFLINE_ROLES }],
    load: async () => (await import('../commands/sign.ts')).renew,
  },
];

const KEYS: readonly VendorCommand[] = [
  {
    name: 'key list',
    about: 'every role with its keys, its threshold and the key files at hand',
    example: 'key list',
    kind: 'reads',
    load: async () => (await import('../commands/key.ts')).list,
  },
  {
    name: 'key create',
    about: 'a new key for one person, in a file of its own, to be added with `key rotate`',
    example: 'key create /media/usb/releases-anna.json --role releases --label anna',
    kind: 'reads',
    arguments: [{ name: '<file>', about: 'where to write it', parse: parsePath }],
    options: [
      {
        flags: '--role <role>',
        about: 'the role it is meant for',
        required: true,
        choices: OFFLINE_ROLES,
      },
      { flags: '--label <text>', about: 'whose key it is', required: true, parse: parseLine },
      PASSPHRASE('its passphrase'),
    ],
    load: async () => (await import('../commands/key.ts')).create,
  },
  {
    name: 'key rotate',
    about: 'exchange keys of a role; for snapshot and timestamp, take the keys the server has now',
    example: 'key rotate releases --add anna.json --remove 3fe1c2a9 --threshold 2',
    kind: 'signs',
    arguments: [{ name: '<role>', about: 'whose keys', choices: [...OFFLINE_ROLES, ...ONLINE_ROLES] }],
    options: [
      {
        flags: '--add <file>',
        about: 'key file whose public half is added',
        repeatable: true,
        parse: parsePath,
      },
      {
        flags: '--remove <keyid>',
        about: 'key to take away, by the first digits of its id',
        repeatable: true,
        parse: parseField(
          z.string().regex(/^[0-9a-f]{1,64}$/),
          'the first digits of a key id, as key list shows it',
        ),
      },
      { flags: '--threshold <k>', about: 'how many of the keys must sign', parse: parseNumber },
      {
        flags: '--add-server',
        about: 'add the server’s own key to halts, so that it stops a rollout that goes wrong by itself',
      },
    ],
    load: async () => (await import('../commands/key.ts')).rotate,
  },
];

export const CARE: readonly VendorCommand[] = [
  ...ADVISORIES,
  ...ENROLMENTS,
  ...SIGNATURES,
  ...KEYS,
  ...MIRRORS,
  ...RETENTION,
  {
    name: 'publish',
    about: 'send the server what it lacks of the signed repository',
    example: 'publish',
    kind: 'writes',
    options: PATCHES,
    load: async () => (await import('../commands/publish.ts')).publish,
  },
  {
    name: 'status',
    about: 'roles and their expiry, signatures that are waited for, open changes',
    example: 'status',
    kind: 'reads',
    load: async () => (await import('../commands/status.ts')).status,
  },
  {
    name: 'audit verify',
    about: 'the log of every act here: its chain, its end, and a checkpoint to keep elsewhere',
    example:
      'audit verify --checkpoint 12:sha256:9f1c2ab5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081',
    kind: 'reads',
    arguments: [
      {
        name: '[file]',
        about: 'an exported log in place of the workspace’s; of an install or a server too',
        parse: parsePath,
      },
    ],
    options: [
      {
        flags: '--checkpoint <checkpoint>',
        about: 'one that an earlier run printed; the log must still hold it',
        parse: parseCheckpoint,
      },
      ...AGAINST,
    ],
    load: async () => (await import('../commands/audit.ts')).verify,
  },
];
