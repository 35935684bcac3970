// One program that stays in the foreground: run by the agent itself, or by the system's service manager.
import { z } from 'zod';
import { argv, duration } from '../common.ts';
import type { Words } from '../words.ts';
import { BLUE_GREEN_WORDS, blueGreen } from './blue-green.ts';
import { commandWords, driverKind, environment, filled, type ServicePlaces, user } from './driver-kind.ts';

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
  ...BLUE_GREEN_WORDS,
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
