// Confinement: what a resolved compose file may hold, and every part of it that leads out of its containers.
import { describe, expect, it } from 'vitest';
import { composeProject, findEscape } from '../../../../agent/adapters/drivers/compose/confinement.ts';

const AROUND = { project: 'fairlead_core_auth', tree: '/tree', data: '/data' };

function escapeOf(web: object, more: object = {}): string | null {
  return findEscape(composeProject.parse({ services: { web: { image: 'x', ...web } }, ...more }), AROUND);
}

const bind = (source: string) => ({ volumes: [{ type: 'bind', source, target: '/x' }] });

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
    ['a secret of its tree', {}, { secrets: { s: { file: '/tree/s' } }, configs: { c: { content: 'x' } } }],
  ])('may have %s', (_, web, more) => {
    expect(escapeOf(web, more)).toBeNull();
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
    ['pid', { pid: 'host' }],
    ['ipc', { ipc: 'container:other' }],
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
    ['/etc/shadow', {}, { secrets: { s: { file: '/etc/shadow' } } }],
    ['/etc/shadow', {}, { configs: { s: { file: '/etc/shadow' } } }],
  ])('may not have %s', (part, web, more) => {
    expect(escapeOf(web, more)).toContain(part);
  });
});
