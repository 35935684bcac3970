// Drivers: what the agent's driver is given of a service once its variables are filled, and how it is tried without an agent.
import { describe, expect, it } from 'vitest';
import {
  commandsOf,
  type DriverName,
  isDriverEnabled,
  renderService,
  service,
  trialOf,
} from '../../../../shared/schema/drivers/drivers.ts';

const places = { tree: '/tree', fill: (text: string, key: string) => `<${key}:${text}>` };
const digest = `sha256:${'0a'.repeat(32)}`;
const COMMANDS = { driver: 'command', start: ['up', 'x'], stop: ['down'], status: ['is'] };
const COMPOSE = {
  driver: 'compose',
  file: 'c.yaml',
  images: [
    { archive: 'a.tar', digest },
    { archive: 'b/c.tar', digest },
  ],
};
const PROGRAM = { kind: 'program', exec: ['<exec:a>', '<exec:b c>'] };

it('a driver that nobody knows is answered with those that there are', () => {
  const [issue] = service.safeParse({ driver: 'docker' }).error?.issues ?? [];

  expect(issue?.message).toBe(
    'a service run by the driver "process", "systemd", "command", "compose" or "agent"',
  );
});

describe('a service that is run', () => {
  it.each<[object, object, object]>([
    [{ driver: 'process', exec: ['a', 'b c'] }, { kind: 'process', exec: PROGRAM.exec }, PROGRAM],
    [{ driver: 'systemd', exec: ['a', 'b c'] }, { kind: 'systemd', exec: PROGRAM.exec }, PROGRAM],
    [
      { ...COMMANDS, startTimeout: 'PT7S', statusTimeout: 'PT3S' },
      {
        ...{ kind: 'command', start: ['<start:up>', '<start:x>'], stop: ['<stop:down>'] },
        ...{ status: ['<status:is>'], startTimeoutMs: 7_000, statusTimeoutMs: 3_000 },
      },
      { kind: 'commands', start: ['<start:up>', '<start:x>'], startTimeoutMs: 7_000, stop: ['<stop:down>'] },
    ],
    [
      COMPOSE,
      {
        ...{ kind: 'compose', file: '/tree/c.yaml', startTimeoutMs: 300_000 },
        images: [
          { archive: '/tree/a.tar', digest },
          { archive: '/tree/b/c.tar', digest },
        ],
      },
      {
        kind: 'impossible',
        problem: 'containers are started by an engine, which no trial brings along',
        remedy: 'try it with: docker compose --file FILE up',
      },
    ],
    [
      { driver: 'agent', exec: ['./bin/fairlead'] },
      { kind: 'agent', exec: ['./bin/fairlead'] },
      {
        kind: 'impossible',
        problem: 'an agent is proved by an agent that updates to it',
        remedy: 'deploy it to a test install, and leave out --smoke here',
      },
    ],
  ])('and tried as its driver says: %j', (written, part, trial) => {
    const rendered = renderService(service.parse(written), places);

    expect(rendered).toEqual(part);
    expect(trialOf(rendered)).toEqual(trial);
  });

  it.each<[object, readonly (readonly [string, readonly string[]])[]]>([
    [{ driver: 'process', exec: ['a', 'b c'] }, [['exec', ['a', 'b c']]]],
    [{ driver: 'systemd', exec: ['a'] }, [['exec', ['a']]]],
    [
      COMMANDS,
      [
        ['start', ['up', 'x']],
        ['stop', ['down']],
        ['status', ['is']],
      ],
    ],
    [COMPOSE, []],
  ])('has these commands, as written and ready to run: %j', (written, commands) => {
    const parsed = service.parse(written);
    const filled = commands.map(([key, words]) => ({ key, words: words.map((word) => `<${key}:${word}>`) }));

    expect(commandsOf(parsed)).toEqual(commands.map(([key, words]) => ({ key, words })));
    expect(commandsOf(renderService(parsed, places))).toEqual(filled);
  });
});

describe('a field of a service', () => {
  const takes = (more: object) => service.safeParse({ driver: 'process', exec: ['a'], ...more }).success;
  const text = (length: number) => 'a'.repeat(length);

  it.each<[string, (n: number) => object, number]>([
    ['account', (n) => ({ user: text(n) }), 32],
    ['value of a variable', (n) => ({ env: { A: text(n) } }), 32_768],
    ['words', (n) => ({ exec: Array.from({ length: n }, () => 'a') }), 256],
    ['word', (n) => ({ exec: [text(n)] }), 4096],
    ['images', (n) => ({ ...COMPOSE, exec: undefined, images: Array(n).fill({ archive: 'a', digest }) }), 64],
    ['compose file', (n) => ({ ...COMPOSE, exec: undefined, file: text(n) }), 1024],
    [
      'seconds of a drain',
      (n) => ({ blueGreen: { public: 'p', slots: ['a', 'b'], drain: `PT${n}S` } }),
      86_400,
    ],
  ])('may be as long as it says: %s', (_what, of, most) => {
    const written = (n: number) =>
      Object.fromEntries(Object.entries(of(n)).filter(([, value]) => value !== undefined));
    const whole = (n: number) =>
      'driver' in written(n) ? service.safeParse(written(n)).success : takes(written(n));

    expect([whole(most), whole(most + 1)]).toEqual([true, false]);
  });

  it.each([
    ['_', true],
    ['web-user_1', true],
    ['', false],
    ['1web', false],
    ['Web', false],
    ['web.user', false],
    ['-web', false],
    ['web ', false],
  ])('is an account: %j, %s', (user, isOne) => {
    expect(takes({ user })).toBe(isOne);
  });

  it.each([
    ['_a', true],
    ['AZaz09_', true],
    ['', false],
    ['1A', false],
    ['A-B', false],
    ['A B', false],
    ['A=', false],
  ])('is the name of a variable: %j, %s', (name, isOne) => {
    expect(takes({ env: { [name]: 'x' } })).toBe(isOne);
  });

  it.each([
    [['a'], false],
    [['a', 'b', 'c'], false],
    [['a', 'B'], false],
    [['a', 'b'], true],
  ])('is two slots: %j, %s', (slots, isOne) => {
    expect(takes({ blueGreen: { public: 'p', slots } })).toBe(isOne);
  });

  it.each([
    ['127.0.0.1', true],
    ['0.0.0.0', true],
    ['::1', false],
  ])('is an address for two versions: %s, %s', (address, isOne) => {
    expect(takes({ blueGreen: { public: 'p', slots: ['a', 'b'], address } })).toBe(isOne);
  });
});

it.each([
  'fairlead',
  '/usr/bin/fairlead',
  './../fairlead',
  './a/../fairlead',
  './${settings.name}',
  './a b',
  './.hidden',
])('an agent is a plain program of the tree, and not %s', (program) => {
  expect(service.safeParse({ driver: 'agent', exec: [program] }).success).toBe(false);
});

it('an agent takes no words, no variables and no account', () => {
  for (const more of [{ exec: ['./fairlead', 'agent'] }, { env: { A: 'b' } }, { user: 'x' }]) {
    expect(service.safeParse({ driver: 'agent', exec: ['./fairlead'], ...more }).success).toBe(false);
  }
});

it('what updates the agent needs no leave from whoever said what may run services', () => {
  expect(
    ['agent', 'compose', 'process'].map((one) => isDriverEnabled(one as DriverName, ['compose'])),
  ).toEqual([true, true, false]);
});
