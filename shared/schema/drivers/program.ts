// One program that stays in the foreground: run by the agent itself, or by the system's service manager.
import { z } from 'zod';
import { durationMs } from '../../encoding/instant.ts';
import { argv, duration, name } from '../common.ts';
import type { Words } from '../words.ts';
import { commandWords, driverKind, environment, filled, type ServicePlaces, user } from './driver-kind.ts';

const LONGEST_DRAIN_MS = 86_400_000;

/**
 * Two versions side by side while one takes over from the other. `public` and `slots` name integer settings that hold ports:
 * traffic comes in on the public one, and a version is told one of the slots' in its place, in `${settings.…}` everywhere.
 */
const blueGreen = z.strictObject({
  public: name,
  slots: z.tuple([name, name]),
  /** Where the public port is open: this machine alone, or all its addresses. */
  address: z.enum(['127.0.0.1', '0.0.0.0']).default('127.0.0.1'),
  /** How long connections to the version before may last once this one is committed; only then is it asked to stop. */
  drain: duration
    .refine((text) => !(durationMs(text) > LONGEST_DRAIN_MS), { error: 'a duration of at most "P1D"' })
    .default('PT30S'),
});

export type BlueGreen = z.output<typeof blueGreen>;

const keys = {
  exec: argv,
  env: environment.default({}),
  user,
  stopTimeout: duration.default('PT30S'),
  blueGreen: blueGreen.optional(),
};

const words: Words = {
  'service.exec': commandWords(
    'The program, in the foreground, and its words. `./serve` is the one in the tree; a name without a slash is looked for on the `PATH`. For `agent` it is one program of the tree, without words.',
    '["node", "server.js"]',
  ),
  'service.blueGreen': { about: 'Two versions side by side while one takes over from the other.' },
  'service.blueGreen.public': {
    form: 'name of an integer setting',
    about: 'The port that clients use.',
    example: '"port"',
  },
  'service.blueGreen.slots': {
    form: 'two names of integer settings',
    about: 'The ports of the two versions behind it.',
    example: '["blue-port", "green-port"]',
  },
  'service.blueGreen.address': {
    about: 'Where the public port is open: on this machine alone, or on all its addresses.',
  },
  'service.blueGreen.drain': {
    form: 'duration up to `P1D`',
    about: 'How long connections to the version before may last once the new one is committed.',
    example: '"PT10M"',
  },
};

function programKind<const Name extends 'process' | 'systemd'>(driver: Name) {
  return driverKind({
    name: driver,
    schema: z.strictObject({ driver: z.literal(driver), ...keys }),
    words,
    commands: ['exec'],
    render: ({ exec }, places: ServicePlaces) => ({ kind: driver, exec: filled(places, exec, 'exec') }),
    trial: ({ exec }) => ({ kind: 'program', exec }),
  });
}

/** A program the agent runs itself. */
export const processDriver = programKind('process');
/** The same program run by the system's service manager. */
export const systemdDriver = programKind('systemd');
