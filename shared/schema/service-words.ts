// What each key of a service, its settings, probes, tests and hooks is for.
import { DRIVER_WORDS } from './drivers/drivers.ts';
import { PROBE_WORDS } from './probes/probes.ts';
import { between } from './time-bounds.ts';
import { COMMAND, type KeyWords, type Words } from './words.ts';

const command = (about: string, example: string): KeyWords => ({ form: COMMAND, about, example });
const hook = (kind: string, when: string): Words => ({
  [`hooks.${kind}`]: { form: 'list, up to 16', about: when },
  [`hooks.${kind}[].exec`]: command(
    'What runs, in the tree, as the service. Exit status 0 is success.',
    '["./migrate", "--check"]',
  ),
  [`hooks.${kind}[].timeout`]: {
    form: between('hookTimeout'),
    about: 'After it the command is killed, and has failed.',
    example: '"PT10M"',
  },
});

export const SERVICE_WORDS: Words = {
  service: { about: 'How it runs; see the [drivers](../guide/drivers.md).' },
  'service.driver': {
    about: 'Who runs it: the agent, systemd, commands of your own, or a container engine.',
  },
  'service.env': {
    form: 'text by variable',
    about:
      'The environment, beside `PATH`, `LANG` and `HOME`. For `compose`, what the file’s own `${NAME}` stand for.',
    example: '{ "PORT": "${settings.port}" }',
  },
  'service.user': {
    form: 'account name',
    about: 'The account of the machine it runs as; else the agent’s own.',
    example: '"auth"',
  },
  'service.stopTimeout': {
    form: between('stopTimeout'),
    about: 'How long it may take to end after it was asked to, before it is killed.',
    example: '"PT1M"',
  },
  ...DRIVER_WORDS,
  'service.startTimeout': {
    form: between('startTimeout'),
    about: 'How long the start may take.',
    example: '"PT5M"',
  },
  settings: {
    form: 'declarations by name',
    about: 'What an operator may set. Commands, environment and probes use it as `${settings.NAME}`.',
  },
  'settings.NAME.type': { about: 'The kind of value.' },
  'settings.NAME.default': {
    form: 'a value of the type',
    about: 'Used where the operator gives none; without it the operator must give one.',
    example: '8080',
  },
  'settings.NAME.enum': { form: 'list of texts', about: 'The only values.', example: '["info", "debug"]' },
  'settings.NAME.minLength': { form: 'characters', about: 'The shortest value.', example: '8' },
  'settings.NAME.maxLength': { form: 'characters', about: 'The longest value.', example: '64' },
  'settings.NAME.secret': {
    about: 'Its value may stand in no command, and no record, report or log tells it.',
    example: 'true',
  },
  'settings.NAME.description': { form: 'one line', about: 'What it is for, for the operator.' },
  'settings.NAME.minimum': { form: 'whole number', about: 'The least value.', example: '1024' },
  'settings.NAME.maximum': { form: 'whole number', about: 'The greatest value.', example: '65535' },
  health: {
    form: 'list, 1 to 16',
    about: 'How to ask it whether it works. Every probe must succeed before a deployment is committed.',
  },
  ...PROBE_WORDS,
  'health[].startPeriod': {
    form: between('startPeriod'),
    about: 'How long failures do not count after the start.',
    example: '"PT2M"',
  },
  'health[].interval': {
    form: between('interval'),
    about: 'The pause between two questions.',
    example: '"PT5S"',
  },
  'health[].timeout': {
    form: between('probeTimeout'),
    about: 'How long an answer may take.',
    example: '"PT10S"',
  },
  'health[].successes': { about: 'How many in a row mean healthy.', example: '2' },
  'health[].failures': { about: 'How many in a row mean unhealthy.', example: '5' },
  smoke: { form: 'list, up to 16', about: 'What must succeed once it is healthy, before it is committed.' },
  'smoke[].exec': command(
    'The test, in the tree, as the service. Exit status 0 is success.',
    '["node", "smoke.js"]',
  ),
  'smoke[].timeout': {
    form: between('smokeTimeout'),
    about: 'After it the test is killed, and has failed.',
    example: '"PT30S"',
  },
  hooks: { about: 'Commands at set points of a deployment.' },
  ...hook('preflight', 'Before anything stops: a failure abandons the deployment and changes nothing.'),
  ...hook(
    'snapshot',
    'In preflight, while the version before still runs: saves its data. Needed where `reversible` is `snapshot` and `service.snapshot` names no volume.',
  ),
  ...hook('restore', 'On the way back: brings the snapshot’s data back.'),
};
