// What each key of a service, its settings, probes, tests and hooks is for.
import { PROBE_WORDS } from './probes/probes.ts';
import { TIME_BOUNDS } from './release-times.ts';
import { COMMAND, DIGEST, type KeyWords, type Words } from './words.ts';

function between(time: keyof typeof TIME_BOUNDS): string {
  const [shortest, longest] = TIME_BOUNDS[time];
  return `duration, \`${shortest}\` to \`${longest}\``;
}

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
  'service.exec': command(
    'The program, in the foreground, and its words. `./serve` is the one in the tree; a name without a slash is looked for on the `PATH`.',
    '["node", "server.js"]',
  ),
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
  'service.start': command(
    'Starts it and returns with 0; does no harm when it runs.',
    '["bin/ctl", "start"]',
  ),
  'service.stop': command('Returns when it has stopped.', '["bin/ctl", "stop"]'),
  'service.status': command(
    'Exits with 0 while it runs, with 1, 2 or 3 when it does not.',
    '["bin/ctl", "status"]',
  ),
  'service.startTimeout': {
    form: between('startTimeout'),
    about: 'How long the start may take.',
    example: '"PT5M"',
  },
  'service.statusTimeout': {
    form: between('statusTimeout'),
    about: 'How long `status` may take.',
    example: '"PT5S"',
  },
  'service.file': {
    form: 'path in the tree',
    about: 'The compose file. It names its images by digest alone.',
    example: '"compose.yaml"',
  },
  'service.images': { form: 'list, 1 to 64', about: 'Every image that the compose file runs.' },
  'service.images[].archive': {
    form: 'path in the tree',
    about: 'What `docker save` wrote.',
    example: '"images/auth.tar"',
  },
  'service.images[].digest': {
    form: DIGEST,
    about: "The image, as `docker image inspect --format '{{.Id}}'` tells it.",
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
    'After the stop of the old version: saves its data. Needed where `reversible` is `snapshot`.',
  ),
  ...hook('restore', 'On the way back: brings the snapshot’s data back.'),
};
