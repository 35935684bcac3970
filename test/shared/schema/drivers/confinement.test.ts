// Confinement: what a resolved compose file may hold, and every part of it that leads out of its containers.
import { describe, expect, it } from 'vitest';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { CONFINED_KEYS } from '../../../../shared/schema/drivers/confined-keys.ts';
import {
  composeProject,
  escapesOf,
  findEscape,
  findReplaceable,
  projectOf,
} from '../../../../shared/schema/drivers/confinement.ts';
import { instanceConfig, reach } from '../../../../shared/schema/instance.ts';

const AROUND = { project: 'fairlead_core_auth', tree: '/tree', data: '/data' };

function escapeOf(web: object, more: object = {}, allow: readonly string[] = []): string | null {
  const project = composeProject.parse({ services: { web: { image: 'x', ...web } }, ...more });
  return findEscape(project, AROUND, allow)?.what ?? null;
}

const bind = (source: string) => ({ volumes: [{ type: 'bind', source, target: '/x' }] });

it('is a project of its own in either slot', () => {
  const projects = ['core/auth', 'core/auth.green', 'core/auth-green'].map((key) =>
    projectOf(key as ComponentKey),
  );

  expect(projects).toEqual(['fairlead_core_auth', 'fairlead_core_auth_green', 'fairlead_core_auth-green']);
});

describe('a project of containers', () => {
  it.each<[string, object, object?]>([
    ['nothing but an image', {}],
    ['its tree', bind('/tree')],
    ['a file of its tree', bind('/tree/nginx.conf')],
    ['its data', bind('/data')],
    ['a directory of its data', bind('/data/db')],
    [
      'a volume of its own',
      { volumes: [{ type: 'volume', source: 'db' }] },
      { volumes: { db: { name: 'fairlead_core_auth_db' } } },
    ],
    ['no network', { network_mode: 'none' }],
    ['the engine’s own network', { network_mode: 'bridge' }],
    ['the processes of a service of its own', { pid: 'service:db', ipc: 'service:db', cgroup: 'private' }],
    ['the network of a service of its own', { network_mode: 'service:db' }],
    [
      'networks of its own',
      { networks: ['n'] },
      { networks: { n: { name: 'fairlead_core_auth_n' }, default: null } },
    ],
    ['fewer rights', { cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], read_only: true }],
    ['what compose fills in', { entrypoint: null, devices: [], cap_add: null, privileged: false }],
    ['limits', { deploy: { resources: { limits: { memory: '1' }, reservations: { memory: '1' } } } }],
    ['a small log', { logging: { driver: 'local', options: { 'max-size': '1m' } } }],
    [
      'what compose fills in of a network',
      {},
      { networks: { n: { ipam: {}, driver: 'bridge', driver_opts: null } } },
    ],
    [
      'a volume that compose names',
      { volumes: [{ type: 'volume', source: 'db' }] },
      { volumes: { db: null } },
    ],
    [
      'a volume that is written out',
      {},
      { volumes: { db: { external: false, driver: 'local', driver_opts: {} } } },
    ],
    ['memory of its own', { volumes: [{ type: 'tmpfs', target: '/x' }], ipc: 'shareable', pid: '' }],
    ['memory that nobody shares', { ipc: 'private', cgroup: '', uts: '', userns_mode: '' }],
    ['no memory to share', { ipc: 'none', network_mode: 'default' }],
    ['no new rights in either spelling', { security_opt: ['no-new-privileges', 'no-new-privileges=true'] }],
    ['the volumes of a service of its own', { volumes_from: ['db:ro', 'other'] }],
    ['no readiness to be ended last', { oom_score_adj: 0, oom_kill_disable: false, use_api_socket: false }],
    ['a log of files', { logging: { driver: 'json-file', options: { 'max-file': '3', compress: 'true' } } }],
    ['no log', { logging: { driver: 'none', options: null } }],
    ['the log that the engine keeps', { logging: {} }],
    ['a secret of its tree', {}, { secrets: { s: { file: '/tree/s' } }, configs: { c: { content: 'x' } } }],
  ])('may have %s', (_, web, more) => {
    expect(escapeOf(web, more)).toBeNull();
  });

  it.each(Object.entries(CONFINED_KEYS))('may not have what stands in the table for %s', (key, { wide }) => {
    expect(escapeOf({ [key]: wide })).toContain(`services.web.${key}`);
  });

  it('may join a network of the operator’s own by its name, and no other', () => {
    const joins = (name: string) => ({ networks: { n: { name, external: true } } });

    expect(escapeOf({}, joins('shared'), ['network:shared'])).toBeNull();
    expect(escapeOf({}, joins('shared'), ['network:other'])).toContain('networks.n');
    for (const name of ['host', 'bridge', 'fairlead_core_web_default']) {
      expect(escapeOf({}, joins(name), [`network:${name}`])).toContain('networks.n');
      expect(reach.safeParse(`network:${name}`).success).toBe(false);
    }
    const made = { networks: { n: { name: 'shared', driver: 'macvlan', external: true } } };
    expect(escapeOf({}, made, ['network:shared'])).toContain('networks.n');
  });

  it.each<[string, object, object?]>([
    ['privileged', { privileged: true }],
    ['/etc', bind('/etc')],
    ['docker.sock', bind('/var/run/docker.sock')],
    ['/tree2', bind('/tree2')],
    ['..', bind('/tree/../etc')],
    ['npipe', { volumes: [{ type: 'npipe', source: '/x' }] }],
    ['network_mode', { network_mode: 'host' }],
    ['network_mode', { network_mode: 'container:other' }],
    ['network_mode', { network_mode: 'billing_default' }],
    ['network_mode', { network_mode: 'ns:/proc/1/ns/net' }],
    ['network_mode', { network_mode: 'service:' }],
    ['network_mode', { network_mode: 1 }],
    ['pid', { pid: 'host' }],
    ['pid', { pid: 'service:' }],
    ['pid', { pid: 'xservice:db' }],
    ['ipc', { ipc: 'container:other' }],
    ['ipc', { ipc: 'service:' }],
    ['ipc', { ipc: 'privately' }],
    ['cgroup', { cgroup: 'privately' }],
    ['services.web.security_opt', { security_opt: ['no-new-privileges:false'] }],
    ['security_opt', { security_opt: ['x-no-new-privileges'] }],
    ['security_opt', { security_opt: ['no-new-privileges.true'] }],
    ['security_opt', { security_opt: ['no-new-privileges', 'seccomp=unconfined'] }],
    ['security_opt', { security_opt: 'no-new-privileges' }],
    ['volumes_from', { volumes_from: ['db', 'container:other'] }],
    ['oom_score_adj', { oom_score_adj: -1 }],
    ['oom_score_adj', { oom_score_adj: '1' }],
    ['credential_spec', { credential_spec: { file: 'x' } }],
    ['external_links', { external_links: ['other'] }],
    ['pre_stop', { pre_stop: [{ command: 'x' }] }],
    ['services.web.volumes mounts a cluster', { volumes: [{ type: 'cluster', source: 'x' }] }],
    ['services.web.volumes mounts /data/../etc', bind('/data/../etc')],
    ['volumes.v is no volume', {}, { volumes: { v: { driver_opts: { type: 'nfs' } } } }],
    ['volumes.v belongs', {}, { volumes: { v: { name: 'fairlead_core_authority' } } }],
    ['networks.n belongs', {}, { networks: { n: { name: 'fairlead_core_auth2_n' } } }],
    ['uts', { uts: 'host' }],
    ['cgroup', { cgroup: 'host' }],
    ['userns_mode', { userns_mode: 'host' }],
    ['cap_add', { cap_add: ['NET_ADMIN'] }],
    ['devices', { devices: [{ source: '/dev/sda' }] }],
    ['device_cgroup_rules', { device_cgroup_rules: ['a *:* rwm'] }],
    ['gpus', { gpus: 'all' }],
    [
      'deploy',
      { deploy: { resources: { reservations: { devices: [{ driver: 'cdi', device_ids: ['x'] }] } } } },
    ],
    ['logging', { logging: { driver: 'syslog', options: { 'syslog-address': 'tcp://127.0.0.1:25' } } }],
    ['logging', { logging: { driver: 'gelf' } }],
    ['logging', { logging: { options: { 'splunk-capath': '/etc/shadow' } } }],
    ['oom_score_adj', { oom_score_adj: -1000 }],
    ['networks.n', {}, { networks: { n: { driver: 'overlay' } } }],
    ['networks.n', {}, { networks: { n: { driver_opts: { 'com.docker.network.bridge.name': 'docker0' } } } }],
    ['cgroup_parent', { cgroup_parent: '/' }],
    ['runtime', { runtime: 'other' }],
    ['annotations', { annotations: { 'io.katacontainers.config.hypervisor.path': '/tree/x' } }],
    ['models', { models: { llm: {} } }],
    ['oom_kill_disable', { oom_kill_disable: true }],
    ['provider', { provider: { type: 'x' } }],
    ['use_api_socket', { use_api_socket: true }],
    ['build', { build: { context: '/' } }],
    ['security_opt', { security_opt: ['apparmor=unconfined'] }],
    ['volumes_from', { volumes_from: ['container:other'] }],
    ['post_start', { post_start: [{ command: 'x', privileged: true }] }],
    ['volumes.v', {}, { volumes: { v: { name: 'other_data' } } }],
    ['volumes.v', {}, { volumes: { v: { name: 'v', external: true } } }],
    ['volumes.v', {}, { volumes: { v: { driver_opts: { device: '/etc' } } } }],
    ['volumes.v', {}, { volumes: { v: { driver: 'sshfs' } } }],
    ['networks.n', {}, { networks: { n: { name: 'foo', external: true } } }],
    ['networks.n', {}, { networks: { n: { driver: 'host' } } }],
    ['networks.n', {}, { networks: { n: { ipam: { driver: 'other' } } } }],
    ['networks.n.ipam', {}, { networks: { n: { ipam: { config: [{ subnet: '0.0.0.0/1' }] } } } }],
    [
      'networks.n.ipam',
      {},
      { networks: { n: { ipam: { driver: 'default', config: [{ subnet: '10.0.0.0/8' }] } } } },
    ],
    ['/etc/shadow', {}, { secrets: { s: { file: '/etc/shadow' } } }],
    ['/etc/shadow', {}, { configs: { s: { file: '/etc/shadow' } } }],
  ])('may not have %s', (part, web, more) => {
    expect(escapeOf(web, more)).toContain(part);
  });
});

describe('what an operator allows by name', () => {
  const subnet = { networks: { n: { ipam: { config: [{ subnet: '10.9.0.0/24' }] } } } };

  it.each<[string, object, object?]>([
    ['cap_add', { cap_add: ['NET_ADMIN'] }],
    ['devices', { devices: [{ source: '/dev/ttyUSB0' }] }],
    ['gpus', { gpus: 'all' }],
    ['network_mode', { network_mode: 'host' }],
    ['pid', { pid: 'host' }],
    ['ipam', {}, subnet],
    ['ipc', { ipc: 'host' }],
    ['deploy', { deploy: { resources: { reservations: { devices: [{ driver: 'cdi' }] } } } }],
    ['device_cgroup_rules', { device_cgroup_rules: ['c 1:3 r'] }],
    ['security_opt', { security_opt: ['seccomp=unconfined'] }],
    ['/srv/media', bind('/srv/media')],
    ['/srv/media', bind('/srv/media/films')],
  ])('%s is let be, and nothing else is', (allowed, web, more) => {
    expect(escapeOf(web, more, [])).not.toBeNull();
    expect(escapeOf(web, more, [allowed])).toBeNull();
    expect(escapeOf({ ...web, privileged: true }, more, [allowed])).toContain('privileged');
  });

  it.each<[string, object, object?]>([
    ['/srv/media', bind('/srv/media2')],
    ['/srv/media', bind('/srv/media/../../etc')],
    ['/srv/media', bind('/')],
    ['/srv/media', bind('/srv')],
    ['srv/media', bind('srv/media')],
    ['/', bind('/etc')],
    ['cap_add', { privileged: true }],
    ['devices', { device_cgroup_rules: ['a *:* rwm'] }],
    ['privileged', { privileged: true }],
    ['userns_mode', { userns_mode: 'host' }],
    ['runtime', { runtime: 'other' }],
    ['build', { build: { context: '/' } }],
    ['use_api_socket', { use_api_socket: true }],
    ['ipam', {}, { networks: { n: { driver: 'macvlan' } } }],
    ['/etc', {}, { volumes: { v: { driver_opts: { device: '/etc' } } } }],
    ['/etc', {}, { secrets: { s: { file: '/etc/shadow' } } }],
  ])('%s allows no more than itself', (allowed, web, more) => {
    expect(escapeOf(web, more, [allowed])).not.toBeNull();
  });

  it.each([
    [['cap_add', '/srv/media'], true],
    [['privileged'], false],
    [['userns_mode'], false],
    [['/'], false],
    [['srv/media'], false],
    [['/srv/../etc'], false],
    [['/srv//media'], false],
    [['/srv/media/'], false],
    [['services.web.cap_add'], false],
  ])('is written as %j: %s', (allow, isTaken) => {
    const config = {
      schema: 'fairlead/instance@1',
      suites: { core: { capabilities: { auth: { allow } } } },
    };

    expect(instanceConfig.safeParse(config).success).toBe(isTaken);
  });
});

it('every part that leads out is named, in the order of the file', () => {
  const project = composeProject.parse({
    services: {
      a: { uts: 'host', volumes: [{ type: 'bind', source: '/etc' }, { type: 'npipe' }] },
      b: { pid: 'host' },
    },
    volumes: { v: { driver: 'nfs' } },
    networks: { n: { driver: 'host' } },
    secrets: { s: { file: '/etc/s' } },
    configs: { c: { file: '/data/c' }, d: { file: '/tree/d' } },
  });

  expect(escapesOf(project, AROUND)).toEqual([
    { what: 'services.a.uts reaches beyond its container', reach: null },
    { what: 'services.a.volumes mounts /etc', reach: '/etc' },
    { what: 'services.a.volumes mounts a npipe', reach: null },
    { what: 'services.b.pid reaches beyond its container', reach: 'pid' },
    { what: 'volumes.v is no volume of the engine’s own', reach: null },
    { what: 'networks.n belongs to somebody else', reach: null },
    { what: 's is read from /etc/s', reach: null },
    { what: 'c is read from /data/c', reach: null },
  ]);
});

it.each([
  ['the machine', '/', null],
  ['a directory', '/srv', '/srv'],
  ['a way up', '/srv/..', null],
  ['a name', 'srv', null],
])('of a mount of %s an operator would have to allow: %s, %s', (_what, source, reach) => {
  const project = composeProject.parse({ services: { web: bind(source) } });

  expect(escapesOf(project, AROUND)).toMatchObject([{ reach }]);
});

it('a project has the name of its component, whose parts no name joins', () => {
  expect(projectOf('core/auth-proxy' as ComponentKey)).toBe('fairlead_core_auth-proxy');
});

describe('the mounts of a project', () => {
  it('can be written to where nothing else is said', () => {
    const volumes = ['/data', '/data/www'].map((source) => ({ type: 'bind', source }));

    expect(findReplaceable(composeProject.parse({ services: { a: { volumes } } }), AROUND)).toBe(
      '/data/www is mounted, and so is /data above it, where a container may put a link in its place',
    );
  });

  type Mount = readonly [source: string, readOnly?: boolean];
  const mount = ([source, read_only = false]: Mount) => ({ type: 'bind', source, target: '/x', read_only });
  const replaceableIn = (...services: readonly (readonly Mount[])[]) =>
    findReplaceable(
      composeProject.parse({
        services: Object.fromEntries(services.map((mounts, at) => [at, { volumes: mounts.map(mount) }])),
      }),
      AROUND,
    );

  it.each<[string, readonly (readonly Mount[])[]]>([
    ['the same directory twice', [[['/data']], [['/data']]]],
    ['two directories side by side', [[['/data/db'], ['/data/db2']], [['/data/www']]]],
    ['one inside another that is for reading', [[['/data', true]], [['/data/db']]]],
    ['one inside its tree, which is always for reading', [[['/tree']], [['/tree/www']]]],
  ])('may be %s', (_, services) => {
    expect(replaceableIn(...services)).toBeNull();
  });

  it.each<[string, readonly (readonly Mount[])[]]>([
    ['of another service', [[['/data/db/www']], [['/data']]]],
    ['of the same service', [[['/data'], ['/data/www', true]]]],
  ])('may not lie in one %s that can be written to', (_, services) => {
    expect(replaceableIn(...services)).toContain('/data');
  });
});
