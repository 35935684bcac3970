// The checks before anything stops, one by one: whom they ask, in which bounds, and what exactly they refuse.
import { describe, expect, it } from 'vitest';
import {
  checkAddresses,
  checkBefore,
  checkCalls,
  checkSpace,
} from '../../../../agent/engine/deploy/preflight.ts';
import type { PlacedComponent } from '../../../../agent/ports/deploy.ts';
import { API, AUTH, deployableOf, type Extras, releaseOf, WEB } from '../../../support/deploy-releases.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const NEEDED_BYTES = 8 << 20;

describe('the room on the disk', () => {
  const space = (bytes: number, inodes: number) =>
    checkSpace({ options: { store: { freeSpace: async () => ({ bytes, inodes }) } } } as never);

  it.each([
    [NEEDED_BYTES - 1, 200],
    [NEEDED_BYTES, 199],
  ])(
    'of %i bytes and %i inodes is too little, and the refusal says how much there is',
    async (bytes, inodes) => {
      await space(NEEDED_BYTES, 200);

      expect(dataOf(await rejectionOf(space(bytes, inodes)), 'disk/full')).toEqual({
        ...{ path: 'the state directory', needed: NEEDED_BYTES, free: bytes },
      });
    },
  );
});

describe('the calls of a component', () => {
  it('are looked for one by one, and none may hold what no system takes', async () => {
    const asked: string[] = [];
    const find = {
      findProgram: async ({ program }: { readonly program: string }) => void asked.push(program),
    };
    const command = (word: string) => ({ kind: 'exec', exec: ['smoke', word] });
    const component = (word: string) =>
      ({
        ...{ component: AUTH, health: [], preflight: [], snapshot: [], restore: [], smoke: [command(word)] },
        unit: { kind: 'process', exec: ['serve'], env: {}, user: null, workingDirectory: '/tree' },
      }) as unknown as PlacedComponent;

    await checkCalls(find, component('a'));
    const error = await rejectionOf(checkCalls(find, component('a\0')));

    expect(asked).toEqual(['serve', 'smoke', 'serve', 'smoke']);
    expect(dataOf(error, 'service/not-runnable')).toMatchObject({ program: AUTH });
  });
});

describe('addresses', () => {
  const placed = (
    component: string,
    urls: readonly string[],
    { ports = [] as number[], isVacant = false } = {},
  ) =>
    ({
      component,
      health: urls.map((url) => ({ probe: { kind: 'http', url, timeoutMs: 700 } })),
      place: { ports, isVacant: async () => isVacant },
    }) as unknown as PlacedComponent;
  const http = (host: string) => `http://${host}/`;

  function asking(stop: readonly string[], strangers: readonly string[] = [], kind = 'channel') {
    const asked: unknown[] = [];
    const prober = {
      async probe(probe: { readonly host: string; readonly port: number }, signal: AbortSignal) {
        asked.push({ ...probe, aborted: signal.aborted });
        return { healthy: strangers.includes(`${probe.host}:${probe.port}`), detail: '' };
      },
    };
    const previous = { releases: new Map([AUTH, WEB].map((name) => [name, {}])) };
    const run = { options: { prober }, previous, plan: { stop, reason: { kind } } };
    const check = (changed: readonly PlacedComponent[], before: readonly PlacedComponent[]) =>
      checkAddresses(run as never, changed, before);
    return { asked, check, run };
  }

  it('of what is new are asked, those of its probes and those of its own ports', async () => {
    const { asked, check } = asking([]);

    await check([placed(API, [http('api.test:81'), http('api.test')], { ports: [8001, 8002] })], []);

    const tcp = (host: string, port: number, timeoutMs: number) => ({
      ...{ kind: 'tcp', host, port, timeoutMs, aborted: false },
    });
    expect(asked).toEqual([
      ...[tcp('127.0.0.1', 8001, 1_000), tcp('127.0.0.1', 8002, 1_000)],
      ...[tcp('api.test', 81, 700), tcp('api.test', 80, 700)],
    ]);
  });

  it('on which a stranger answers are refused by name', async () => {
    const { check } = asking([], ['api.test:80']);

    const error = await rejectionOf(check([placed(API, [http('other.test'), http('api.test')])], []));

    expect(dataOf(error, 'deploy/address-taken')).toEqual({ component: API, address: 'api.test:80' });
  });

  it('are not asked where what stops for it answers there now, nor of what stood there before', async () => {
    const { asked, check } = asking([WEB], ['web.test:80']);

    await check([placed(API, [http('web.test')])], [placed(WEB, [http('web.test')])]);
    await check([placed(AUTH, [http('auth.test')])], []);

    expect(asked).toEqual([]);
  });

  it('of a place that stands empty are asked, also of what ran before', async () => {
    const { check } = asking([], ['127.0.0.1:8002']);

    const error = await rejectionOf(check([placed(AUTH, [], { ports: [8002], isVacant: true })], []));

    expect(dataOf(error, 'deploy/address-taken').address).toBe('127.0.0.1:8002');
  });

  it.each<[string, string, readonly string[], readonly string[], string | null]>([
    ['that a neighbour has, and that is new to it', 'channel', [], ['auth.test', 'web.test'], WEB],
    ['that a neighbour has, by force', 'forced', [], ['web.test'], null],
    ['that a neighbour has which stops as well', 'channel', [WEB], ['web.test'], null],
    ['that it always had', 'channel', [], ['auth.test'], null],
    ['that nobody has', 'channel', [], ['new.test'], null],
  ])('%s are refused or not', async (_what, kind, stop, hosts, neighbour) => {
    const { check } = asking(stop, [], kind);
    const running = [placed(AUTH, [http('auth.test')]), placed(WEB, [http('x.test'), http('web.test')])];
    const checked = check([placed(AUTH, hosts.map(http))], running);

    if (neighbour === null) return await checked;
    expect(dataOf(await rejectionOf(checked), 'deploy/address-shared')).toEqual({
      ...{ component: AUTH, address: 'web.test:80', neighbour },
    });
  });

  it('of what comes for the first time may be shared with nobody who answers, whatever its neighbours say', async () => {
    const { check } = asking([], []);

    await check([placed(API, [http('web.test')])], [placed(WEB, [http('web.test')])]);
  });
});

describe('preflight', () => {
  const QUIET = { health: [], smoke: [], hooks: {} };

  function checking(
    extras: Extras = {},
    told: { reason?: object; plan?: object; acceptUnhealthy?: boolean } = {},
  ) {
    const clock = createFakeClock();
    const acts: string[] = [];
    const warnings: unknown[] = [];
    const world = {
      ...{ fails: new Set<string>(), answers: [] as boolean[], allowed: true, done: [] as string[] },
      ...{ moves: false, hasMoved: false, prepared: [] as string[] },
    };
    const act = (name: string) => {
      acts.push(name);
      if (world.fails.has(name)) throw new Error(name);
    };
    const probed = { health: [{ http: 'http://auth.test/', interval: 'PT1S' }] };
    const previous = deployableOf({
      [AUTH]: releaseOf(AUTH, '1.0.0', { ...QUIET, ...probed }),
      [WEB]: releaseOf(WEB, '1.0.0', QUIET),
    });
    const hooks = { preflight: [{ exec: ['before'] }], snapshot: [{ exec: ['save'] }] };
    const settings = { key: { type: 'string', secret: true } };
    const service = { driver: 'process', exec: ['serve'], user: 'www' };
    const target = deployableOf(
      {
        [AUTH]: releaseOf(AUTH, '1.1.0', { ...QUIET, service, hooks, settings, ...extras }),
        [WEB]: releaseOf(WEB, '1.0.0', QUIET),
      },
      { [AUTH]: { key: '${env:KEY}' } },
    );
    const options = {
      clock,
      onWarning: (error: unknown) => void warnings.push(error),
      soakMs: async () => 0,
      secrets: { learn: () => undefined },
      readReference: async () => 'hunter2',
      findProgram: async ({ program }: { readonly program: string }) => act(`find ${program}`),
      trees: {
        directoryOf: () => (world.hasMoved ? '/tree.1' : '/tree'),
        async hand(_: string, accounts: readonly (string | null)[]) {
          await act(`hand to ${accounts}`);
          world.hasMoved = world.moves;
          return world.moves;
        },
      },
      store: {
        records: async () => [],
        dataDirectoryOf: () => '/data',
        generations: async () => [],
        freeSpace: async () => ({ bytes: NEEDED_BYTES, inodes: 200 }),
      },
      driver: {
        status: async () => ({ kind: 'running', pid: 1 }),
        async prepare({ component, workingDirectory }: Record<'component' | 'workingDirectory', string>) {
          world.prepared.push(workingDirectory);
          await act(`prepare ${component}`);
        },
      },
      prober: {
        async probe(probe: {
          readonly kind: string;
          readonly exec?: readonly string[];
          readonly url?: string;
        }) {
          if (probe.kind === 'tcp') return { healthy: false, detail: '' };
          acts.push(probe.exec?.join(' ') ?? probe.url ?? '');
          return { healthy: probe.kind === 'exec' || (world.answers.shift() ?? true), detail: 'HTTP 503' };
        },
      },
    };
    const run = {
      options,
      ...{ target: { ...target, number: 2 }, previous: { ...previous, number: 1 } },
      plan: {
        start: [AUTH],
        stop: [AUTH],
        steps: [],
        reason: { kind: 'channel' },
        ...told.plan,
        ...(told.reason && { reason: told.reason }),
      },
      acceptUnhealthy: told.acceptUnhealthy ?? false,
      progress: () => ({ done: new Set(world.done) }),
      step: (_: unknown, work: () => Promise<void>) => work(),
      async stillAllowed() {
        acts.push('ask');
        return world.allowed;
      },
    };
    return { acts, world, warnings, check: () => checkBefore(run as never, () => undefined), clock };
  }

  it('checks, prepares, runs the hooks, asks, takes the snapshot and asks again, in this order', async () => {
    const { acts, check } = checking();

    expect(await check()).toEqual({ event: 'allowed', red: [] });

    expect(acts).toEqual([
      ...['find serve', 'find before', 'find save', 'hand to www'],
      // What comes, and what it stops: there is a way back.
      ...['http://auth.test/', 'prepare core/auth', 'prepare core/auth', 'before', 'ask', 'save', 'ask'],
    ]);
  });

  it('starts what was handed over from where its files stand since', async () => {
    const { world, check } = checking();
    world.moves = true;

    await check();

    expect(world.prepared[0]).toBe('/tree.1');
  });

  it('asks what runs three times before it calls it unhealthy', async () => {
    const well = checking();
    well.world.answers = [false, false, true];
    const checked = well.check();
    await well.clock.advance(5_000);
    expect(await checked).toEqual({ event: 'allowed', red: [] });

    const red = checking();
    red.world.answers = [false, false, false, true];
    const refused = rejectionOf(red.check());
    await red.clock.advance(5_000);
    expect(dataOf(await refused, 'deploy/unhealthy-before')).toEqual({ component: AUTH, detail: 'HTTP 503' });
    expect(red.acts).not.toContain('prepare core/auth');
  });

  it.each<[string, Parameters<typeof checking>[1]]>([
    ['a person accepted it', { acceptUnhealthy: true }],
    ['it is forced', { reason: { kind: 'forced', advisories: [] } }],
    ['it is not what stops', { plan: { stop: [] } }],
  ])('goes on over what is red where %s, and remembers it', async (_what, told) => {
    const { world, check, clock } = checking({}, told);
    world.answers = [false, false, false];

    const checked = check();
    await clock.advance(5_000);

    expect(await checked).toEqual({ event: 'allowed', red: [AUTH] });
  });

  it('takes no snapshot where there is none to take, or it was taken already', async () => {
    const none = checking({ hooks: {} });
    await none.check();
    const taken = checking();
    taken.world.done = ['snapshot core/auth'];
    await taken.check();

    expect([none.acts, taken.acts].map((acts) => acts.includes('save'))).toEqual([false, false]);
  });

  it('refuses a secret in a command before it looks for any program, and names both', async () => {
    const service = { driver: 'process', exec: ['serve', '${settings.key}'] };
    const { acts, check } = checking({ service });

    const error = await rejectionOf(check().catch((trouble: Error) => Promise.reject(trouble.cause)));

    expect(dataOf(error, 'deploy/secret-in-command')).toEqual({
      component: AUTH,
      field: 'service.exec.1',
      setting: 'key',
    });
    expect(acts).toEqual([]);
  });

  it.each([{}, { hooks: {} }])(
    'is refused at the very end where it is allowed no longer, with %j',
    async (more) => {
      const { world, check } = checking(more);
      world.allowed = false;

      expect((await rejectionOf(check())).code).toBe('deploy/no-longer-allowed');
    },
  );

  it('takes no snapshot for what is allowed no longer', async () => {
    const { world, check, acts } = checking();
    world.allowed = false;

    await rejectionOf(check());

    expect(acts).not.toContain('save');
  });

  it.each(['find serve', 'prepare core/auth'])(
    'that fails at %s is the trouble of its component',
    async (fault) => {
      const { world, check } = checking();
      world.fails.add(fault);

      await expect(check()).rejects.toMatchObject({ component: AUTH, cause: new Error(fault) });
    },
  );
});
