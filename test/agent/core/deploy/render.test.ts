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
