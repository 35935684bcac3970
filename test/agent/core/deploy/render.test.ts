// Rendering: variables filled once, secrets kept out of identities, mistakes named.
import { describe, expect, it } from 'vitest';
import { type RenderInput, render } from '../../../../agent/core/deploy/render.ts';
import { AUTH, type Extras, releaseOf } from '../../../support/deploy-releases.ts';

function inputOf(extras: Extras = {}, settings: RenderInput['settings'] = {}): RenderInput {
  const declared = Object.keys(settings).map((name) => [name, { type: 'string' }]);
  const release = releaseOf(AUTH, '1.0.0', { settings: Object.fromEntries(declared), ...extras });
  return {
    release,
    configured: settings,
    settings,
    secrets: [],
    treeDirectory: '/tree',
    dataDirectory: '/data',
  };
}

/** As an earlier version admitted it. */
function storedOf(service: object): RenderInput {
  const input = inputOf();
  const document = { ...input.release.document, service } as RenderInput['release']['document'];
  return { ...input, release: { ...input.release, document } };
}

const SERVICE = {
  driver: 'process',
  exec: ['${dir.tree}/serve', '--port=${settings.port}'],
  env: { DATA: '${dir.data}/db' },
  user: 'auth',
  stopTimeout: 'PT7S',
};

describe('rendering', () => {
  it('fills settings and directories everywhere, and turns durations into milliseconds', () => {
    const rendered = render(
      inputOf(
        {
          service: SERVICE,
          health: [
            { http: 'http://127.0.0.1:${settings.port}/', timeout: 'PT3S' },
            { tcp: '[::1]:${settings.port}' },
            { exec: ['check', '${dir.data}'] },
          ],
        },
        { port: 8080 },
      ),
    );

    expect(rendered.unit).toMatchObject({
      exec: ['/tree/serve', '--port=8080'],
      env: { DATA: '/data/db' },
      user: 'auth',
      workingDirectory: '/tree',
      stopTimeoutMs: 7_000,
    });
    expect(rendered.health.map((check) => check.probe)).toMatchObject([
      { kind: 'http', url: 'http://127.0.0.1:8080/', timeoutMs: 3_000 },
      { kind: 'tcp', host: '::1', port: 8080 },
      { kind: 'exec', exec: ['check', '/data'], env: { DATA: '/data/db' }, user: 'auth' },
    ]);
  });

  it.each([
    ['127.0.0.1:8080', '127.0.0.1', 8080],
    ['db.internal:5432', 'db.internal', 5432],
    ['[fe80::1]:443', 'fe80::1', 443],
  ])('asks the host that %s names', (tcp, host, port) => {
    expect(render(inputOf({ health: [{ tcp }] })).health[0]?.probe).toMatchObject({
      kind: 'tcp',
      host,
      port,
    });
  });

  it.each(['settings.nope', 'file:/etc/shadow', 'env:HOME', 'dir.home', ''])(
    'names the field that uses ${%s}',
    (variable) => {
      const env = { KEY: `\${${variable}}` };
      const service = { driver: 'process', exec: ['serve'], env, stopTimeout: 'PT1S' };

      expect(() => render(storedOf(service))).toThrow(
        expect.objectContaining({
          code: 'deploy/unknown-variable',
          data: { component: AUTH, field: 'service.env.KEY', variable },
        }),
      );
    },
  );

  it('makes the same unit for systemd as for a process of our own', () => {
    const unitOf = (driver: string) => render(inputOf({ service: { ...SERVICE, driver } }, { port: 1 })).unit;

    expect(unitOf('systemd')).toMatchObject({
      kind: 'systemd',
      exec: ['/tree/serve', '--port=1'],
      user: 'auth',
    });
    expect(unitOf('process').kind).toBe('process');
  });

  it('fills the variables of every command of a vendor', () => {
    const [start, stop, status] = ['start', 'stop', 'status'].map((word) => ['${dir.tree}/ctl', word]);

    const { unit } = render(
      inputOf({ service: { driver: 'command', start, stop, status, stopTimeout: 'PT9S' } }),
    );

    expect(unit).toMatchObject({
      kind: 'command',
      start: ['/tree/ctl', 'start'],
      stop: ['/tree/ctl', 'stop'],
      status: ['/tree/ctl', 'status'],
      startTimeoutMs: 60_000,
      stopTimeoutMs: 9_000,
      statusTimeoutMs: 10_000,
    });
  });

  it('finds the compose file and its images in the tree', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const images = [{ archive: 'images/web.tar', digest }];
    const env = { PORT: '${settings.port}' };

    const { unit } = render(
      inputOf({ service: { driver: 'compose', file: 'c.yaml', images, env } }, { port: 1 }),
    );

    expect(unit).toMatchObject({
      kind: 'compose',
      file: '/tree/c.yaml',
      images: [{ archive: '/tree/images/web.tar', digest }],
      env: { PORT: '1' },
      user: null,
      startTimeoutMs: 300_000,
    });
  });

  it('takes "$${" for a "${" that stands for itself, and one that nothing closes as it is', () => {
    const service = {
      driver: 'process',
      exec: ['sh', '-c', 'echo $${HOME} $${settings.port} ${settings.port}'],
    };
    const { unit } = render(inputOf({ service }, { port: 1 }));

    expect(unit).toMatchObject({ exec: ['sh', '-c', 'echo ${HOME} ${settings.port} 1'] });
  });

  it('never expands what a setting holds', () => {
    const service = { driver: 'process', exec: ['serve', '${settings.motto}'] };

    const { unit } = render(inputOf({ service }, { motto: '${dir.data} ${settings.motto} $& $1' }));

    expect(unit).toMatchObject({ exec: ['serve', '${dir.data} ${settings.motto} $& $1'] });
  });

  it('gives a unit another identity for another release or setting, not for another secret', () => {
    const identity = (extras: Extras, configured: string, secret: string) =>
      render({ ...inputOf(extras), configured: { key: configured }, settings: { key: secret } }).unit
        .identity;

    expect(identity({}, '${env:KEY}', 'one')).toBe(identity({}, '${env:KEY}', 'two'));
    expect(identity({}, '${env:KEY}', 'one')).not.toBe(identity({}, '${env:OTHER}', 'one'));
    expect(identity({}, '${env:KEY}', 'one')).not.toBe(identity({ notes: 'new' }, '${env:KEY}', 'one'));
  });

  it('carries what the operator allows, and is another unit where that changes', () => {
    const input = inputOf();

    const [none, some, more] = [undefined, ['cap_add'], ['cap_add', '/srv']].map(
      (allow) => render({ ...input, allow }).unit,
    );

    expect([none?.allow, some?.allow]).toEqual([undefined, ['cap_add']]);
    expect(new Set([none, some, more].map((unit) => unit?.identity)).size).toBe(3);
    expect(render(input).unit).toEqual(none);
  });
});

describe('a component that was rendered', () => {
  const made = (exec: string, timeout: string) => ({ exec: [exec, '${dir.tree}/${settings.port}'], timeout });
  const command = (exec: string, timeoutMs: number) => ({
    ...{ kind: 'exec', exec: [exec, '/tree/81'], env: { A: '81' }, timeoutMs },
    ...{ workingDirectory: '/tree', dataDirectory: '/data', user: null },
  });

  it('has everything that its release declares, each in its place', () => {
    const rendered = render(
      inputOf(
        {
          service: { driver: 'process', exec: ['serve'], env: { A: '${settings.port}' } },
          writable: ['cache', 'var/log'],
          health: [
            {
              ...{ http: 'http://127.0.0.1/', startPeriod: 'PT9S', interval: 'PT8S', timeout: 'PT7S' },
              ...{ successes: 6, failures: 5 },
            },
            { exec: ['check'], timeout: 'PT4S' },
          ],
          smoke: [made('smoke', 'PT1S')],
          hooks: {
            preflight: [made('before', 'PT2S')],
            snapshot: [made('save', 'PT3S')],
            restore: [made('restore', 'PT4S'), made('more', 'PT5S')],
          },
        },
        { port: '81' },
      ),
    );

    expect(rendered).toMatchObject({
      component: AUTH,
      unit: {
        ...{ kind: 'process', component: AUTH, env: { A: '81' }, user: null },
        ...{ workingDirectory: '/tree', dataDirectory: '/data', stopTimeoutMs: 30_000 },
        writable: ['/tree/cache', '/tree/var/log'],
      },
      health: [
        {
          rule: { startPeriodMs: 9_000, intervalMs: 8_000, timeoutMs: 7_000, successes: 6, failures: 5 },
          probe: { kind: 'http', timeoutMs: 7_000 },
        },
        { probe: { kind: 'exec', exec: ['check'], timeoutMs: 4_000, env: { A: '81' } } },
      ],
      smoke: [command('smoke', 1_000)],
      preflight: [command('before', 2_000)],
      snapshot: [command('save', 3_000)],
      restore: [command('restore', 4_000), command('more', 5_000)],
      exposed: [],
    });
    const { smoke, preflight, snapshot, restore } = rendered;
    const once = [smoke, preflight, snapshot, restore].flat();
    const recurring = rendered.health.map(({ probe }) => 'isRecurring' in probe);
    expect([recurring, once.filter((each) => 'isRecurring' in each)]).toEqual([[false, true], []]);
    expect(render(inputOf()).unit.writable).toEqual([]);
  });

  it('tells which secrets stand in a command, and in which field, and of no others', () => {
    const service = {
      driver: 'process',
      exec: ['serve', '${settings.key}'],
      env: { KEY: '${settings.key}' },
    };
    const smoke = [
      { exec: ['smoke'] },
      { exec: ['smoke', 'a${settings.key}b${settings.token}', '${settings.open}'] },
    ];
    const input = storedOf(service);
    const document = { ...input.release.document, smoke: smoke.map((one) => ({ ...one, timeout: 'PT1S' })) };
    const settings = { key: 'x', token: 'y', open: 'z', tree: 't' };

    const { exposed } = render({
      ...{ ...input, settings, secrets: ['key', 'token', 'tree'] },
      release: { ...input.release, document: document as never },
    });

    expect(exposed).toEqual([
      { field: 'service.exec.1', setting: 'key' },
      { field: 'smoke.1.exec.1', setting: 'key' },
      { field: 'smoke.1.exec.1', setting: 'token' },
    ]);
  });

  it.each([
    [
      'service.exec.1',
      { service: { driver: 'process', exec: ['serve', '${settings.nope}'], env: {}, stopTimeout: 'PT1S' } },
    ],
    ['smoke', { smoke: [{ exec: ['${settings.nope}'], timeout: 'PT1S' }] }],
    [
      'hooks.preflight',
      { hooks: { preflight: [{ exec: ['${settings.nope}'], timeout: 'PT1S' }], snapshot: [], restore: [] } },
    ],
    [
      'hooks.snapshot',
      { hooks: { preflight: [], snapshot: [{ exec: ['${settings.nope}'], timeout: 'PT1S' }], restore: [] } },
    ],
    [
      'hooks.restore',
      { hooks: { preflight: [], snapshot: [], restore: [{ exec: ['${settings.nope}'], timeout: 'PT1S' }] } },
    ],
  ])('names the field with what nobody knows: %s', (field, change) => {
    const input = inputOf();
    const document = { ...input.release.document, ...change } as never;

    expect(() => render({ ...input, release: { ...input.release, document } })).toThrow(
      expect.objectContaining({
        data: expect.objectContaining({
          field: expect.stringContaining(field.split('.').slice(0, 2).join('.')),
        }),
      }),
    );
  });
});
