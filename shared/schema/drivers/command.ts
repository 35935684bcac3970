// The vendor's own commands. `status` exits with 0 while the service runs and with 1, 2 or 3 when it does not.
import { z } from 'zod';
import { durationMs } from '../../encoding/instant.ts';
import { argv, duration } from '../common.ts';
import { between } from '../time-bounds.ts';
import { commandWords, driverKind, environment, filled, noBlueGreen, user } from './driver-kind.ts';

export const commandDriver = driverKind({
  name: 'command',
  schema: z.strictObject({
    driver: z.literal('command'),
    start: argv,
    stop: argv,
    status: argv,
    env: environment.default({}),
    user,
    startTimeout: duration.default('PT1M'),
    stopTimeout: duration.default('PT30S'),
    statusTimeout: duration.default('PT10S'),
    blueGreen: noBlueGreen,
  }),
  words: {
    'service.start': commandWords(
      'Starts it and returns with 0; does no harm when it runs.',
      '["bin/ctl", "start"]',
    ),
    'service.stop': commandWords('Returns when it has stopped.', '["bin/ctl", "stop"]'),
    'service.status': commandWords(
      'Exits with 0 while it runs, with 1, 2 or 3 when it does not.',
      '["bin/ctl", "status"]',
    ),
    'service.statusTimeout': {
      form: between('statusTimeout'),
      about: 'How long `status` may take.',
      example: '"PT5S"',
    },
  },
  commands: ['start', 'stop', 'status'],
  render: (service, places) => ({
    kind: 'command' as const,
    start: filled(places, service.start, 'start'),
    stop: filled(places, service.stop, 'stop'),
    status: filled(places, service.status, 'status'),
    startTimeoutMs: durationMs(service.startTimeout),
    statusTimeoutMs: durationMs(service.statusTimeout),
  }),
  trial: ({ start, startTimeoutMs, stop }) => ({ kind: 'commands', start, startTimeoutMs, stop }),
});
