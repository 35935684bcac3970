// Manifests that are wrong in ways their files alone show: the field that must be named, and a word of its remedy.
import type { JsonValue } from '../../../../shared/encoding/json.ts';

export interface TreeFixture {
  readonly [path: string]: { readonly text: string; readonly runnable?: boolean } | { readonly link: string };
}

export interface WrongManifest {
  readonly name: string;
  readonly manifest: Record<string, JsonValue>;
  readonly tree?: TreeFixture;
  readonly ref?: string;
  /** The place that must be named. */
  readonly path: string;
  readonly remedy: RegExp;
}

const runnable = (text: string) => ({ text, runnable: true });

export const TREE: TreeFixture = {
  'server.js': { text: 'serve()\n' },
  serve: runnable('#!/bin/sh\nexec node server.js\n'),
  'bin/ctl': runnable('#!/usr/bin/env bash\n'),
  'data.bin': { text: 'x' },
};

const exec = (...words: string[]) => ({ service: { driver: 'process', exec: words } });
const program = (text: string) => ({ tree: { ...TREE, run: runnable(text) }, manifest: exec('./run') });
const env = (values: Record<string, string>) => ({
  service: { driver: 'process', exec: ['./serve'], env: values },
});
const user = (name: JsonValue) => ({ service: { driver: 'process', exec: ['./serve'], user: name } });
const http = (url: string, more: Record<string, JsonValue> = {}) => ({ health: [{ http: url, ...more }] });
const tcp = (address: string) => ({ health: [{ tcp: address }] });
const settings = (declared: Record<string, JsonValue>) => ({ settings: declared });
const requires = (parts: Record<string, string>) => ({ requires: parts });

const DIGEST = `sha256:${'a'.repeat(64)}`;
const compose = (file: string, archive = 'images/web.tar', env: Record<string, string> = {}) => ({
  service: { driver: 'compose', file, images: [{ archive, digest: DIGEST }], env },
});
/** Each line is ten of the one before. */
const bomb = () =>
  [
    'x0: &x0 x',
    ...Array.from(
      { length: 9 },
      (_, at) => `x${at + 1}: &x${at + 1} [${Array(10).fill(`*x${at}`).join(', ')}]`,
    ),
    `services: { w: { image: "${DIGEST}" } }`,
  ].join('\n');
/** On the public port 80, and 81 and 82 behind it. */
const beside = (volumes: string[] = []) => ({
  service: {
    ...compose('compose.yaml').service,
    blueGreen: { public: 'port', slots: ['blue', 'green'], volumes },
  },
  settings: Object.fromEntries(
    ['port', 'blue', 'green'].map((name, at) => [name, { type: 'integer', default: 80 + at }]),
  ),
});
const composeTree = (text: string): TreeFixture => ({
  'compose.yaml': { text },
  'images/web.tar': { text: 'an archive' },
});
const once = (limits: Record<string, string>) => {
  const { service } = compose('compose.yaml');
  return { service: { ...service, once: limits } };
};
const onceTree = (waits: string, needs = `{ ${waits} }`, restart = 'no') =>
  composeTree(`services:
  migrate: { image: "${DIGEST}", restart: "${restart}" }
  web: { image: "${DIGEST}", depends_on: ${needs} }
`);
const copies = (snapshot: string[]) => {
  const { service } = compose('compose.yaml');
  return { service: { ...service, snapshot }, reversible: 'snapshot' };
};
const volumeTree = composeTree(
  `services: { w: { image: "${DIGEST}", volumes: ["data:/data"] } }\nvolumes: { data: }\n`,
);
const slots = (more: Record<string, JsonValue>, names = ['blue', 'green']) => ({
  health: [{ http: 'http://127.0.0.1:${settings.port}/' }],
  service: { driver: 'process', exec: ['./serve'], blueGreen: { public: 'port', slots: names } },
  settings: { port: { type: 'integer', default: 80 }, blue: { type: 'integer', default: 81 }, ...more },
});

export const WRONG: readonly WrongManifest[] = [
  // Variables
  {
    name: 'an unknown variable',
    manifest: exec('./serve', '${port}'),
    path: 'service.exec.1',
    remedy: /declare/,
  },
  {
    name: 'a shell default',
    manifest: exec('sh', '-c', 'x ${HOME:-/tmp}'),
    path: 'service.exec.2',
    remedy: /\$\$\{/,
  },
  {
    name: 'a file of the machine',
    manifest: env({ KEY: '${file:/etc/shadow}' }),
    path: 'service.env.KEY',
    remedy: /setting/,
  },
  {
    name: "a variable of the agent's",
    manifest: env({ KEY: '${env:HOME}' }),
    path: 'service.env.KEY',
    remedy: /setting/,
  },
  {
    name: 'a variable that nothing closes',
    manifest: env({ A: '${settings.port' }),
    path: 'service.env.A',
    remedy: /\$\$\{/,
  },
  // Programs
  {
    name: 'a program that is missing',
    manifest: exec('./missing'),
    path: 'service.exec.0',
    remedy: /add it/,
  },
  {
    name: 'a program one letter off',
    manifest: exec('./servr'),
    path: 'service.exec.0',
    remedy: /"\.\/serve"/,
  },
  {
    name: 'a program in another folder',
    manifest: exec('./ctl'),
    path: 'service.exec.0',
    remedy: /bin\/ctl/,
  },
  {
    name: 'a program in the tree by variable',
    manifest: exec('${dir.tree}/bin/none'),
    path: 'service.exec.0',
    remedy: /add it/,
  },
  {
    name: 'a program without the bit',
    manifest: exec('./server.js'),
    path: 'service.exec.0',
    remedy: /chmod \+x/,
  },
  { name: 'a directory as program', manifest: exec('./bin'), path: 'service.exec.0', remedy: /file in it/ },
  { name: 'a program above the tree', manifest: exec('../serve'), path: 'service.exec.0', remedy: /ship/ },
  {
    name: 'a program above the tree, later',
    manifest: exec('./bin/../../serve'),
    path: 'service.exec.0',
    remedy: /ship/,
  },
  {
    name: 'a program of the build machine',
    manifest: exec('/home/ci/app/serve'),
    path: 'service.exec.0',
    remedy: /ship/,
  },
  { name: 'a program of /opt', manifest: exec('/opt/app/serve'), path: 'service.exec.0', remedy: /PATH/ },
  {
    name: 'a shipped program without "./"',
    manifest: exec('serve'),
    path: 'service.exec.0',
    remedy: /"\.\/serve"/,
  },
  {
    name: 'a whole command line as one word',
    manifest: exec('node server.js'),
    path: 'service.exec.0',
    remedy: /each word/,
  },
  {
    name: 'no program',
    manifest: { service: { driver: 'process', exec: [] } },
    path: 'service.exec',
    remedy: /./,
  },
  { name: 'an empty program', manifest: exec(''), path: 'service.exec.0', remedy: /./ },
  {
    name: 'a script that node cannot find',
    manifest: exec('node', 'index.js'),
    path: 'service.exec.1',
    remedy: /add it/,
  },
  {
    name: 'a script that python cannot find',
    manifest: exec('python3', 'app.py'),
    path: 'service.exec.1',
    remedy: /add it/,
  },
  {
    name: 'a jar that is missing',
    manifest: exec('java', '-Xmx1g', '-jar', 'app.jar'),
    path: 'service.exec.3',
    remedy: /add it/,
  },
  {
    name: 'a link that leads nowhere',
    tree: { ...TREE, run: { link: 'gone' } },
    manifest: exec('./run'),
    path: 'service.exec.0',
    remedy: /add it/,
  },
  {
    name: 'a script saved with CRLF',
    ...program('#!/bin/sh\r\nx\r\n'),
    path: 'service.exec.0',
    remedy: /LF/,
  },
  {
    name: 'a script with a byte order mark',
    ...program('\ufeff#!/bin/sh\n'),
    path: 'service.exec.0',
    remedy: /byte order/,
  },
  { name: 'a script without interpreter', ...program('#!\n'), path: 'service.exec.0', remedy: /bin\/sh/ },
  {
    name: 'an interpreter without a path',
    ...program('#!bash\n'),
    path: 'service.exec.0',
    remedy: /env bash/,
  },
  {
    name: 'an interpreter of a build folder',
    ...program('#!/build/venv/bin/python\n'),
    path: 'service.exec.0',
    remedy: /env/,
  },
  {
    name: 'an interpreter missing in the tree',
    ...program('#!./bin/lua\n'),
    path: 'service.exec.0',
    remedy: /ship/,
  },
  {
    name: 'several words for env',
    ...program('#!/usr/bin/env node --harmony\n'),
    path: 'service.exec.0',
    remedy: /-S node/,
  },
  {
    name: 'a first line the kernel cuts',
    ...program(`#!/usr/bin/${'x'.repeat(300)}\n`),
    path: 'service.exec.0',
    remedy: /shorter/,
  },
  {
    name: 'a script without a first line',
    ...program('exec node server.js\n'),
    path: 'service.exec.0',
    remedy: /#!/,
  },
  { name: 'an empty program file', ...program(''), path: 'service.exec.0', remedy: /build/ },
  { name: 'a program for Windows', ...program('MZ\u0090\u0000'), path: 'service.exec.0', remedy: /Linux/ },
  { name: 'an empty tree', tree: {}, manifest: exec('node', 'server.js'), path: 'tree', remedy: /directory/ },
  {
    name: 'a missing command of its own',
    manifest: {
      service: {
        driver: 'command',
        start: ['bin/ctl', 'start'],
        stop: ['bin/ctl', 'stop'],
        status: ['bin/state'],
      },
    },
    path: 'service.status.0',
    remedy: /add it/,
  },
  {
    name: 'a missing smoke test',
    manifest: { smoke: [{ exec: ['./smoke'] }] },
    path: 'smoke.0.exec.0',
    remedy: /add it/,
  },
  {
    name: 'a missing preflight hook',
    manifest: { hooks: { preflight: [{ exec: ['./check'] }] } },
    path: 'hooks.preflight.0.exec.0',
    remedy: /add it/,
  },
  {
    name: 'a missing probe',
    manifest: { health: [{ exec: ['./probe'] }] },
    path: 'health.0.exec.0',
    remedy: /add it/,
  },
  // Accounts and environment
  ...['Web', '1000', 'web user', 'web:www', '', 'x'.repeat(40)].map((name) => ({
    name: `the account "${name}"`,
    manifest: user(name),
    path: 'service.user',
    remedy: /account/,
  })),
  ...['A=B', 'A B', 'A\0', '1A', ''].map((name) => ({
    name: `the environment name ${JSON.stringify(name)}`,
    manifest: env({ [name]: 'x' }),
    path: `service.env.${name.replace('\0', '\ufffd')}`,
    remedy: /name/,
  })),
  { name: 'a NUL in the environment', manifest: env({ A: 'x\0y' }), path: 'service.env.A', remedy: /./ },
  // Probes
  { name: 'another scheme', manifest: http('ftp://127.0.0.1/'), path: 'health.0.http', remedy: /tcp/ },
  { name: 'no scheme', manifest: http('127.0.0.1:80/'), path: 'health.0.http', remedy: /http:\/\// },
  { name: 'no host', manifest: http('http:///health'), path: 'health.0.http', remedy: /./ },
  {
    name: 'a host of many parts',
    manifest: http('http://exa mple/'),
    path: 'health.0.http',
    remedy: /blanks/,
  },
  {
    name: 'every address as host',
    manifest: http('http://0.0.0.0:80/'),
    path: 'health.0.http',
    remedy: /loopback/,
  },
  {
    name: "a container's name as host",
    manifest: http('http://web:80/'),
    path: 'health.0.http',
    remedy: /published/,
  },
  { name: 'port 0', manifest: http('http://127.0.0.1:0/'), path: 'health.0.http', remedy: /port/ },
  { name: 'port 70000', manifest: http('http://127.0.0.1:70000/'), path: 'health.0.http', remedy: /port/ },
  {
    name: 'a port in letters',
    manifest: http('http://127.0.0.1:http/'),
    path: 'health.0.http',
    remedy: /port/,
  },
  {
    name: 'an impossible port by default',
    manifest: {
      ...http('http://127.0.0.1:${settings.p}/'),
      ...settings({ p: { type: 'integer', default: 99_999 } }),
    },
    path: 'health.0.http',
    remedy: /port/,
  },
  {
    name: 'a password in a release',
    manifest: http('http://admin:secret@127.0.0.1/'),
    path: 'health.0.http',
    remedy: /settings/,
  },
  {
    name: 'a socket that a default leads out of the data',
    manifest: {
      ...settings({ where: { type: 'string', default: '../../../../run' } }),
      health: [{ unix: '${dir.data}/${settings.where}/docker.sock' }],
    },
    path: 'health.0.unix',
    remedy: /below \$\{dir\.data\}/,
  },
  {
    name: 'one socket for two versions side by side',
    manifest: { ...slots({}), health: [{ unix: '${dir.data}/web.sock' }] },
    path: 'health.0.unix',
    remedy: /\$\{settings\.port\}/,
  },
  {
    name: 'one port for two versions side by side',
    manifest: { ...slots({}), health: [{ http: 'http://127.0.0.1:80/' }, { tcp: '127.0.0.1:80' }] },
    path: 'health.1.tcp',
    remedy: /\$\{settings\.port\}/,
  },
  {
    name: 'a text that nobody asks for',
    manifest: { health: [{ unix: '${dir.data}/web.sock', contains: 'ready' }] },
    path: 'health.0.contains',
    remedy: /"get"/,
  },
  { name: 'an address without port', manifest: tcp('127.0.0.1'), path: 'health.0.tcp', remedy: /port/ },
  {
    name: 'an address with port 70000',
    manifest: tcp('127.0.0.1:70000'),
    path: 'health.0.tcp',
    remedy: /port/,
  },
  {
    name: 'an IPv6 address without brackets',
    manifest: tcp('::1:80'),
    path: 'health.0.tcp',
    remedy: /brackets/,
  },
  { name: 'no probe', manifest: { health: [] }, path: 'health', remedy: /ask/ },
  {
    name: 'a start period of hours',
    manifest: http('http://127.0.0.1/', { startPeriod: 'PT2H' }),
    path: 'health.0.startPeriod',
    remedy: /./,
  },
  {
    name: 'a stop of years',
    manifest: { service: { driver: 'process', exec: ['./serve'], stopTimeout: 'P9999D' } },
    path: 'service.stopTimeout',
    remedy: /PT1H/,
  },
  {
    name: 'questions without a pause',
    manifest: http('http://127.0.0.1/', { interval: 'PT0S' }),
    path: 'health.0.interval',
    remedy: /PT1S/,
  },
  // Settings
  {
    name: 'a default outside its bounds',
    manifest: settings({ n: { type: 'integer', default: 5, minimum: 10 } }),
    path: 'settings.n.default',
    remedy: /10/,
  },
  {
    name: 'a default outside its list',
    manifest: settings({ n: { type: 'string', default: 'c', enum: ['a', 'b'] } }),
    path: 'settings.n.default',
    remedy: /"a"/,
  },
  {
    name: 'a default that is too long',
    manifest: settings({ n: { type: 'string', default: 'abc', maxLength: 2 } }),
    path: 'settings.n.default',
    remedy: /2/,
  },
  {
    name: 'a default of another type',
    manifest: settings({ n: { type: 'integer', default: 'x' } }),
    path: 'settings.n.default',
    remedy: /./,
  },
  {
    name: 'bounds the wrong way round',
    manifest: settings({ n: { type: 'integer', minimum: 9, maximum: 1 } }),
    path: 'settings.n.maximum',
    remedy: /exchange/,
  },
  {
    name: 'a list that its own bounds refuse',
    manifest: settings({ n: { type: 'string', enum: ['abc'], maxLength: 2 } }),
    path: 'settings.n.enum.0',
    remedy: /2/,
  },
  {
    name: 'two ports with one default',
    manifest: settings({
      port: { type: 'integer', default: 80 },
      'admin-port': { type: 'integer', default: 80 },
    }),
    path: 'settings.admin-port.default',
    remedy: /another/,
  },
  {
    name: 'a port by default that is none',
    manifest: settings({ port: { type: 'integer', default: 70_000 } }),
    path: 'settings.port.default',
    remedy: /port/,
  },
  {
    name: 'a slot that is not declared',
    manifest: slots({}),
    path: 'service.blueGreen.slots.1',
    remedy: /declare/,
  },
  {
    name: 'a slot that is text',
    manifest: slots({ green: { type: 'string' } }),
    path: 'service.blueGreen.slots.1',
    remedy: /integer/,
  },
  {
    name: 'two slots on one port',
    manifest: slots({ green: { type: 'integer', default: 81 } }),
    path: 'service.blueGreen.slots.1',
    remedy: /another/,
  },
  {
    name: 'one slot twice',
    manifest: slots({}, ['blue', 'blue']),
    path: 'service.blueGreen.slots.1',
    remedy: /another/,
  },
  // Constraints
  {
    name: 'a requirement on itself',
    manifest: requires({ 'core/auth': '^1.0.0' }),
    path: 'requires.core/auth',
    remedy: /remove/,
  },
  {
    name: 'an impossible range',
    manifest: requires({ 'core/api': '>2 <1' }),
    path: 'requires.core/api',
    remedy: /bounds/,
  },
  {
    name: 'a range that is none',
    manifest: requires({ 'core/api': 'newest' }),
    path: 'requires.core/api',
    remedy: /./,
  },
  {
    name: 'a platform with a slip',
    manifest: requires({ platfrom: '>=1' }),
    path: 'requires.platfrom',
    remedy: /"platform"/,
  },
  {
    name: 'a way back without hooks',
    manifest: { reversible: 'snapshot' },
    path: 'hooks.snapshot',
    remedy: /add/,
  },
  {
    name: 'a suite that requires itself',
    ref: 'core@1.0.0',
    manifest: { capabilities: { auth: '1' }, requires: { core: '1' } },
    path: 'requires.core',
    remedy: /remove/,
  },
  {
    name: 'a suite that requires its part',
    ref: 'core@1.0.0',
    manifest: { capabilities: { auth: '1' }, requires: { 'core/auth': '2' } },
    path: 'requires.core/auth',
    remedy: /parts/,
  },
  {
    name: 'a suite of bare parts',
    ref: 'core@1.0.0',
    manifest: { auth: '~1.0.0' },
    path: 'auth',
    remedy: /capabilities/,
  },
  {
    name: 'a platform with an impossible part',
    ref: 'platform@1.0.0',
    manifest: { suites: { core: '<0.0.0-0' } },
    path: 'suites.core',
    remedy: /bounds/,
  },
  // Containers
  {
    name: 'a copy of a volume that the compose file does not have',
    manifest: copies(['data', 'date']),
    tree: volumeTree,
    path: 'service.snapshot.1',
    remedy: /name one of: data/,
  },
  {
    name: 'a copy of a volume that no service mounts',
    manifest: copies(['data', 'spare']),
    tree: composeTree(
      [
        `services: { web: { image: "${DIGEST}", volumes: ["data:/d"] },`,
        `  by-hand: { image: "${DIGEST}", profiles: [x], volumes: ["spare:/s"] } }`,
        'volumes: { data: , spare: }',
      ].join('\n'),
    ),
    path: 'service.snapshot.1',
    remedy: /mount it/,
  },
  {
    name: 'a copy of one volume twice',
    manifest: copies(['data', 'data']),
    tree: volumeTree,
    path: 'service.snapshot.1',
    remedy: /remove it/,
  },
  {
    name: 'copies of volumes for a way back that is said to need none',
    manifest: { ...copies(['data']), reversible: 'yes' },
    tree: volumeTree,
    path: 'reversible',
    remedy: /write "reversible": "snapshot"/,
  },
  {
    name: 'a hook for one half of a snapshot, beside copies of volumes',
    manifest: { ...copies(['data']), hooks: { restore: [{ exec: ['images/web.tar'] }] } },
    tree: volumeTree,
    path: 'hooks.snapshot',
    remedy: /add hooks.snapshot/,
  },
  {
    name: 'a limit for a service that the compose file does not have',
    manifest: once({ migrat: 'PT5M' }),
    tree: onceTree('migrate: { condition: service_completed_successfully }'),
    path: 'service.once.migrat',
    remedy: /name one of: migrate, web/,
  },
  {
    name: 'a limit for a service that others wait for while it runs',
    manifest: once({ migrate: 'PT5M' }),
    tree: onceTree('migrate: { condition: service_healthy }'),
    path: 'service.once.migrate',
    remedy: /service_completed_successfully/,
  },
  {
    name: 'a limit for a service that another names in a list',
    manifest: once({ migrate: 'PT5M' }),
    tree: onceTree('', '[migrate]'),
    path: 'service.once.migrate',
    remedy: /service_completed_successfully/,
  },
  {
    name: 'a service that runs once and is started again for ever',
    manifest: once({}),
    tree: onceTree('migrate: { condition: service_completed_successfully }', undefined, 'unless-stopped'),
    path: 'service.file',
    remedy: /on-failure/,
  },
  {
    name: 'a limit for what runs once that is longer than a deployment waits',
    manifest: once({ migrate: 'P1D' }),
    tree: onceTree('migrate: { condition: service_completed_successfully }'),
    path: 'service.once.migrate',
    remedy: /PT1H30M/,
  },
  {
    name: 'a compose file that is missing',
    manifest: compose('deploy.yaml'),
    tree: composeTree(''),
    path: 'service.file',
    remedy: /add it/,
  },
  {
    name: 'an archive that is missing',
    manifest: compose('compose.yaml', 'web.tar'),
    tree: composeTree(`services: { w: { image: "${DIGEST}" } }`),
    path: 'service.images.0.archive',
    remedy: /images\/web\.tar/,
  },
  {
    name: 'an image by its tag',
    manifest: compose('compose.yaml'),
    tree: composeTree('services:\n  w:\n    image: web:1.0\n'),
    path: 'service.file',
    remedy: /tag/,
  },
  {
    name: 'an image by its tag, in one line',
    manifest: compose('compose.yaml'),
    tree: composeTree("services: { w: { image: 'web:1.0' } }"),
    path: 'service.file',
    remedy: /tag/,
  },
  {
    name: 'an image by another digest',
    manifest: compose('compose.yaml'),
    tree: composeTree(`services:\n  w:\n    image: sha256:${'b'.repeat(64)}\n`),
    path: 'service.file',
    remedy: /archive/,
  },
  {
    name: 'an image by its tag in a profile',
    manifest: compose('compose.yaml'),
    tree: composeTree(
      `services: { w: { image: "${DIGEST}" }, mail: { image: mailhog/mailhog, profiles: [dev] } }`,
    ),
    path: 'service.file',
    remedy: /--image mailhog\/mailhog=ARCHIVE/,
  },
  {
    name: 'an image by its tag in a file that is included',
    manifest: compose('compose.yaml'),
    tree: {
      ...composeTree(`include: [more/db.yml]\nservices: { w: { image: "${DIGEST}" } }`),
      'more/db.yml': { text: 'services: { db: { image: "redis:7" } }' },
    },
    path: 'service.file',
    remedy: /redis:7/,
  },
  ...(['include', 'env_file', 'extends', 'configs', 'secrets'] as const).map((key) => ({
    name: `a file of "${key}" that is missing`,
    manifest: compose('compose.yaml'),
    tree: composeTree(
      {
        include: `include: [{ path: [db.yml] }]\nservices: { w: { image: "${DIGEST}" } }`,
        env_file: `services: { w: { image: "${DIGEST}", env_file: [{ path: ./web.env }] } }`,
        extends: `services: { w: { image: "${DIGEST}", extends: { file: base.yml, service: b } } }`,
        configs: `services: { w: { image: "${DIGEST}" } }\nconfigs: { c: { file: ./c.conf } }`,
        secrets: `services: { w: { image: "${DIGEST}" } }\nsecrets: { s: { file: s.txt } }`,
      }[key],
    ),
    path: 'service.file',
    remedy: /add it/,
  })),
  {
    name: 'an image that is built in a profile',
    manifest: compose('compose.yaml'),
    tree: composeTree(`services: { w: { image: "${DIGEST}" }, x: { build: ., profiles: [dev] } }`),
    path: 'service.file',
    remedy: /save/,
  },
  {
    name: 'an image that is built',
    manifest: compose('compose.yaml'),
    tree: composeTree(`services:\n  w:\n    image: ${DIGEST}\n    build: .\n`),
    path: 'service.file',
    remedy: /save/,
  },
  {
    name: 'no image',
    manifest: compose('compose.yaml'),
    tree: composeTree('services: {}\n'),
    path: 'service.file',
    remedy: /image/,
  },
  {
    name: 'a volume that two versions would write to',
    manifest: beside(),
    tree: composeTree(
      `services: { w: { image: "${DIGEST}", ports: ["80:80"], volumes: ["db:/db"] } }\nvolumes: { db: }`,
    ),
    path: 'service.file',
    remedy: /service\.blueGreen\.volumes/,
  },
  {
    name: 'a port that two versions cannot both have',
    manifest: beside(),
    tree: composeTree(`services: { w: { image: "${DIGEST}", ports: ["80:80", "127.0.0.1:9090:9090/tcp"] } }`),
    path: 'service.file',
    remedy: /public port alone/,
  },
  {
    name: 'two versions of which nobody could reach one',
    manifest: beside(),
    tree: composeTree(`services: { w: { image: "${DIGEST}", ports: ["8080"] } }`),
    path: 'service.file',
    remedy: /service\.env/,
  },
  {
    name: 'one name for two containers',
    manifest: beside(),
    tree: composeTree(`services: { w: { image: "${DIGEST}", ports: ["80:80"], container_name: w } }`),
    path: 'service.file',
    remedy: /remove it/,
  },
  {
    name: 'a shared volume that is not there',
    manifest: beside(['uplaods']),
    tree: composeTree(`services: { w: { image: "${DIGEST}", ports: ["80:80"] } }\nvolumes: { uploads: }`),
    path: 'service.blueGreen.volumes',
    remedy: /as it stands/,
  },
  {
    name: 'a compose file that is no YAML',
    manifest: compose('compose.yaml'),
    tree: composeTree(`services:\n  w:\n  image: "${DIGEST}\n`),
    path: 'service.file',
    remedy: /docker compose config/,
  },
  {
    name: 'a compose file with a key twice',
    manifest: compose('compose.yaml'),
    tree: composeTree(`services:\n  w: { image: "${DIGEST}" }\nservices: {}\n`),
    path: 'service.file',
    remedy: /docker compose config/,
  },
  {
    name: 'a compose file that is a list',
    manifest: compose('compose.yaml'),
    tree: composeTree('- services\n'),
    path: 'service.file',
    remedy: /image/,
  },
  {
    name: 'aliases that multiply',
    manifest: compose('compose.yaml'),
    tree: composeTree(bomb()),
    path: 'service.file',
    remedy: /docker compose config/,
  },
  {
    name: 'an image by its tag behind an alias',
    manifest: compose('compose.yaml'),
    tree: composeTree(`x-w: &w { image: "web:1" }\nservices: { w: { <<: *w } }`),
    path: 'service.file',
    remedy: /tag/,
  },
  {
    name: 'an image by its tag over two lines',
    manifest: compose('compose.yaml'),
    tree: composeTree('services:\n  w:\n    image:\n      web:1.0\n'),
    path: 'service.file',
    remedy: /tag/,
  },
  {
    name: 'an image by its tag that a variable names',
    manifest: compose('compose.yaml'),
    tree: composeTree('services: { w: { image: "web:${TAG:-latest}" } }'),
    path: 'service.file',
    remedy: /tag/,
  },
  {
    name: 'a container with all rights',
    manifest: compose('compose.yaml'),
    tree: composeTree(`services: { w: { image: "${DIGEST}", privileged: true } }`),
    path: 'service.file',
    remedy: /remove/,
  },
  {
    name: 'a container that is privileged by an alias',
    manifest: compose('compose.yaml'),
    tree: composeTree(`x: &x { privileged: true }\nservices: { w: { <<: *x, image: "${DIGEST}" } }`),
    path: 'service.file',
    remedy: /remove/,
  },
  {
    name: 'a runtime of the machine',
    manifest: compose('compose.yaml'),
    tree: composeTree(`services: { w: { image: "${DIGEST}", runtime: sysbox } }`),
    path: 'service.file',
    remedy: /remove/,
  },
  {
    name: 'a volume that mounts by its options',
    manifest: compose('compose.yaml'),
    tree: composeTree(
      `services: { w: { image: "${DIGEST}" } }\nvolumes: { v: { driver_opts: { device: /etc, o: bind } } }`,
    ),
    path: 'service.file',
    remedy: /remove/,
  },
  {
    name: 'another’s volume',
    manifest: compose('compose.yaml'),
    tree: composeTree(`services: { w: { image: "${DIGEST}" } }\nvolumes: { v: { external: true } }`),
    path: 'service.file',
    remedy: /remove/,
  },
  {
    name: 'a network of another driver',
    manifest: compose('compose.yaml'),
    tree: composeTree(`services: { w: { image: "${DIGEST}" } }\nnetworks: { n: { driver: macvlan } }`),
    path: 'service.file',
    remedy: /remove/,
  },
  {
    name: 'a secret of the machine',
    manifest: compose('compose.yaml'),
    tree: composeTree(`services: { w: { image: "${DIGEST}" } }\nsecrets: { s: { file: /etc/shadow } }`),
    path: 'service.file',
    remedy: /remove/,
  },
  {
    name: 'a secret above the tree',
    manifest: compose('compose.yaml'),
    tree: composeTree(`services: { w: { image: "${DIGEST}" } }\nsecrets: { s: { file: ../../s } }`),
    path: 'service.file',
    remedy: /remove/,
  },
  {
    name: 'a log driver of the machine',
    manifest: compose('compose.yaml'),
    tree: composeTree(`services: { w: { image: "${DIGEST}", logging: { driver: syslog } } }`),
    path: 'service.file',
    remedy: /remove/,
  },
  {
    name: 'a mount that another one above it can be written through',
    manifest: compose('compose.yaml', 'images/web.tar', { DATA: '${dir.data}' }),
    tree: composeTree(`services: { w: { image: "${DIGEST}", volumes: ['\${DATA}:/d', '\${DATA}/www:/w'] } }`),
    path: 'service.file',
    remedy: /mount one/,
  },
  // Keys
  { name: 'an unknown key', manifest: { helth: [] }, path: 'helth', remedy: /did you mean "health"/ },
  {
    name: 'an unknown key of the service',
    manifest: { service: { driver: 'process', exce: ['./serve'] } },
    path: 'service.exce',
    remedy: /did you mean "exec"/,
  },
  {
    name: 'an unknown key of a probe',
    manifest: http('http://127.0.0.1/', { startperiod: 'PT1S' }),
    path: 'health.0.startperiod',
    remedy: /did you mean "startPeriod"/,
  },
  { name: 'a key like no other', manifest: { qqqq: 1 }, path: 'qqqq', remedy: /service/ },
];
