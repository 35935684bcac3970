// A hostile release as a document: what no driver may be asked for is refused before a file of it is fetched.
import { describe, expect, it } from 'vitest';
import { capabilityRelease } from '../../../shared/schema/release.ts';
import { parseRef } from '../../../shared/schema/release-ref.ts';
import { buildRelease } from '../../support/scenario.ts';

const BASE = buildRelease(parseRef('core/auth@1.0.0'), {}).document;
const digest = `sha256:${'a'.repeat(64)}`;
const program = (more: object) => ({ service: { driver: 'process', exec: ['./serve'], ...more } });
const systemd = (more: object) => ({ service: { driver: 'systemd', exec: ['./serve'], ...more } });
const command = (more: object) => ({
  service: { driver: 'command', start: ['a'], stop: ['a'], status: ['a'], ...more },
});
const compose = (more: object) => ({
  service: { driver: 'compose', file: 'compose.yaml', images: [{ archive: 'a.tar', digest }], ...more },
});

const HOSTILE: readonly (readonly [name: string, parts: object])[] = [
  ['a reference to a file in a command', program({ exec: ['./serve', '${file:/etc/shadow}'] })],
  ['a reference to the agent’s environment', program({ env: { A: '${env:FAIRLEAD_PASSPHRASE}' } })],
  ['a reference in a default', { settings: { a: { type: 'string', default: '${file:/etc/shadow}' } } }],
  ['a reference in a choice', { settings: { a: { type: 'string', enum: ['${env:HOME}'] } } }],
  ['a shell’s default', program({ exec: ['./serve', '${HOME:-/root}'] })],
  ['a nested variable', program({ env: { A: '${settings.${dir.data}}' } })],
  ['a secret that everybody can read', { settings: { a: { type: 'string', secret: true, default: 'x' } } }],
  [
    'a secret in a command',
    { ...systemd({ exec: ['./serve', '${settings.a}'] }), settings: { a: { type: 'string', secret: true } } },
  ],
  ['a compose file above the tree', compose({ file: '../../../etc/passwd' })],
  ['a compose file by its whole path', compose({ file: '/etc/shadow' })],
  ['an archive above the tree', compose({ images: [{ archive: '../x.tar', digest }] })],
  ['an archive with a line break in its name', compose({ images: [{ archive: 'a\nb', digest }] })],
  ['an image by a tag', compose({ images: [{ archive: 'a.tar', digest: 'nginx:latest' }] })],
  ['no image', compose({ images: [] })],
  ['a thousand images', compose({ images: Array(1000).fill({ archive: 'a.tar', digest }) })],
  [
    'a certificate of the machine',
    { health: [{ http: 'https://x/', tls: { ca: '/etc/ssl/private/key.pem' } }] },
  ],
  ['a socket of the machine', { health: [{ unix: '/run/docker.sock' }] }],
  ['a socket above its data', { health: [{ unix: '${dir.data}/../../../../run/docker.sock' }] }],
  ['a socket at the root of its data', { health: [{ unix: '${dir.data}//run/docker.sock' }] }],
  ['a socket of its tree', { health: [{ unix: '${dir.tree}/web.sock' }] }],
  [
    'a socket that a setting names',
    {
      settings: { socket: { type: 'string', default: '/run/docker.sock' } },
      health: [{ unix: '${settings.socket}' }],
    },
  ],
  ['a request in a request', { health: [{ unix: '${dir.data}/s', get: '/ HTTP/1.1\r\nHost: x' }] }],
  ['an account of numbers', program({ user: '0' })],
  ['an account with a line break', systemd({ user: 'auth\nExecStart=/bin/sh' })],
  ['an account that is an option', program({ user: '-G' })],
  ['an account with a specifier', systemd({ user: '%u' })],
  ['a variable’s name with =', program({ env: { 'A=B': 'x' } })],
  ['a variable’s name with a line break', systemd({ env: { 'A\nExecStartPre': 'x' } })],
  ['a variable’s name that is empty', command({ env: { '': 'x' } })],
  ['a value of a megabyte', program({ env: { A: 'x'.repeat(1 << 20) } })],
  ['a command of nothing', program({ exec: [] })],
  ['an empty word', command({ start: [''] })],
  ['a thousand words', command({ stop: Array(1000).fill('x') })],
  ['a word of a megabyte', systemd({ exec: ['x'.repeat(1 << 20)] })],
  ['a stop that takes years', program({ stopTimeout: 'P9999D' })],
  ['a start that takes years', compose({ startTimeout: 'P9999D' })],
  ['a probe that takes years', { health: [{ http: 'http://127.0.0.1/', timeout: 'P9999D' }] }],
  ['a pause of years', { health: [{ http: 'http://127.0.0.1/', interval: 'P9999D' }] }],
  ['a hook that takes years', { hooks: { snapshot: [{ exec: ['a'], timeout: 'P9999D' }] } }],
  ['a thousand hooks', { hooks: { preflight: Array(1000).fill({ exec: ['a'] }) } }],
  ['a thousand probes', { health: Array(1000).fill({ tcp: '127.0.0.1:1' }) }],
  ['endless failures', { health: [{ tcp: '127.0.0.1:1', failures: 1e9 }] }],
  ['a driver nobody has', { service: { driver: 'ssh', exec: ['a'] } }],
  ['two drivers at once', program({ file: 'compose.yaml' })],
  ['a unit of its own', systemd({ unit: '[Service]\nUser=root' })],
  ['more rights', systemd({ capabilities: ['CAP_SYS_ADMIN'] })],
  ['commands side by side', command({ blueGreen: { public: 'a', slots: ['b', 'c'] } })],
  [
    'a volume of somebody else for both versions',
    compose({ blueGreen: { public: 'a', slots: ['b', 'c'], volumes: ['/etc'] } }),
  ],
  ['volumes of a program', program({ blueGreen: { public: 'a', slots: ['b', 'c'], volumes: ['data'] } })],
  ['a drain of years', program({ blueGreen: { public: 'a', slots: ['b', 'c'], drain: 'P9999D' } })],
  ['an address of its own', program({ blueGreen: { public: 'a', slots: ['b', 'c'], address: '10.0.0.1' } })],
  ['a number that is none', { settings: { a: { type: 'integer', default: 1.5 } } }],
  ['a field nobody knows', { postInstall: ['rm', '-rf', '/'] }],
];

describe('a hostile release', () => {
  it.each(HOSTILE)('is refused with %s', (_, parts) => {
    expect(capabilityRelease.safeParse({ ...BASE, ...parts }).success).toBe(false);
  });

  it('is refused for what is hostile, not for its form', () => {
    for (const parts of [program({}), systemd({}), command({}), compose({})]) {
      expect(capabilityRelease.safeParse({ ...BASE, ...parts }).error?.issues ?? []).toEqual([]);
    }
  });
});
