// Texts of a release: unknown variables and references are refused when the document is read, with field and remedy.
import { describe, expect, it } from 'vitest';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { capabilityRelease, release, storedCapabilityRelease } from '../../../shared/schema/release.ts';
import { parseRef } from '../../../shared/schema/release-ref.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';
import { buildRelease } from '../../support/scenario.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const BASE = buildRelease(parseRef('core/auth@1.0.0'), {}).document;

function written(parts: object): object {
  return { ...BASE, settings: { port: { type: 'integer', default: 1 } }, ...parts };
}

function issuesOf(parts: object) {
  const refusal = refusalOf(() => parseDocument(release, written(parts), 'a release'));
  return dataOf(refusal, 'document/invalid').issues;
}

const service = (exec: string, more: object = {}) => ({ driver: 'process', exec: [exec], ...more });
const commands = (more: object) => ({ driver: 'command', start: ['a'], stop: ['a'], status: ['a'], ...more });
const images = [{ archive: 'web.tar', digest }];

/** Every place of a release in which the agent fills variables. */
const PLACES: readonly [path: string, parts: (text: string) => object][] = [
  ['service.exec.0', (text) => ({ service: service(text) })],
  ['service.env.KEY', (text) => ({ service: service('a', { env: { KEY: text } }) })],
  ['service.exec.0', (text) => ({ service: { ...service(text), driver: 'systemd' } })],
  ['service.start.1', (text) => ({ service: commands({ start: ['a', text] }) })],
  ['service.stop.0', (text) => ({ service: commands({ stop: [text] }) })],
  ['service.status.0', (text) => ({ service: commands({ status: [text] }) })],
  ['service.env.KEY', (text) => ({ service: commands({ env: { KEY: text } }) })],
  [
    'service.env.KEY',
    (text) => ({ service: { driver: 'compose', file: 'c.yaml', images, env: { KEY: text } } }),
  ],
  ['health.0.http', (text) => ({ health: [{ http: text }] })],
  ['health.0.contains', (text) => ({ health: [{ http: 'http://localhost/', contains: text }] })],
  ['health.1.tcp', (text) => ({ health: [{ tcp: 'localhost:1' }, { tcp: text }] })],
  ['health.0.unix', (text) => ({ health: [{ unix: `\${dir.data}/${text}` }] })],
  ['health.0.contains', (text) => ({ health: [{ unix: '${dir.data}/s', get: '/', contains: text }] })],
  ['health.0.exec.0', (text) => ({ health: [{ exec: [text] }] })],
  ['smoke.0.exec.1', (text) => ({ smoke: [{ exec: ['a', text] }] })],
  ['hooks.preflight.0.exec.0', (text) => ({ hooks: { preflight: [{ exec: [text] }] } })],
  ['hooks.snapshot.0.exec.0', (text) => ({ hooks: { snapshot: [{ exec: [text] }] } })],
  ['hooks.restore.0.exec.0', (text) => ({ hooks: { restore: [{ exec: [text] }] } })],
];

describe('the texts of a release', () => {
  it.each(PLACES)('may not name a variable that nobody declared: %s', (path, parts) => {
    const [issue, ...others] = issuesOf(parts('x ${HOME:-/tmp} y'));

    expect(issue).toMatchObject({
      path,
      found: '"${HOME:-/tmp}"',
      expected: expect.stringContaining('declared setting'),
    });
    expect(others).toEqual([]);
  });

  it.each(PLACES)('may not ask for a file or a variable of the machine: %s', (path, parts) => {
    for (const found of ['${file:/etc/shadow}', '${env:TOKEN}']) {
      expect(issuesOf(parts(`a${found}`))).toMatchObject([
        { path, found: `"${found}"`, expected: expect.stringContaining('operator') },
      ]);
    }
  });

  it.each(PLACES)('may name declared settings and directories, and write "$${": %s', (_path, parts) => {
    const text = 'a ${settings.port} ${dir.tree} ${dir.data} $${HOME} $$ $ {x}';

    expect(capabilityRelease.safeParse(written(parts(text))).success).toBe(true);
  });

  it.each([
    '${c}',
    '${}',
    '${settings.prot}',
    '${settings.port',
    '${dir.home}',
    '${ settings.port }',
    '${settings.constructor}',
  ])('may not hold %s', (text) => {
    expect(issuesOf({ service: service(`a ${text}`) })).toMatchObject([{ path: 'service.exec.0' }]);
  });

  it('names every wrong text at once', () => {
    const issues = issuesOf({
      service: service('${a} ${b}', { env: { KEY: '${c}' } }),
      smoke: [{ exec: ['${d}'] }],
    });

    expect(issues.map(({ found }) => found)).toEqual(['"${a}"', '"${b}"', '"${c}"', '"${d}"']);
  });

  it.each([
    ['default', 'settings.key.default', { default: '${file:/etc/shadow}' }],
    ['unclosed default', 'settings.key.default', { default: 'a ${env:' }],
    ['choice', 'settings.key.enum.1', { enum: ['a', '${env:TOKEN}'] }],
  ])('may not refer to the machine in the %s of a setting', (_what, path, setting) => {
    expect(issuesOf({ settings: { key: { type: 'string', ...setting } } })).toMatchObject([{ path }]);
  });

  it.each(PLACES)('may name a secret setting wherever it is no command: %s', (path, parts) => {
    const settings = { key: { type: 'string', secret: true } };
    const isCommand = /exec|start|stop|status/.test(path);

    const parsed = capabilityRelease.safeParse(written({ settings, ...parts('a${settings.key}') }));

    const paths = parsed.error?.issues.map((issue) => issue.path.join('.')) ?? [];
    expect(paths).toEqual(isCommand ? [path] : []);
  });

  it('give no secret setting a default, which everybody could read', () => {
    const settings = { key: { type: 'string', secret: true, default: 'changeme' } };

    expect(issuesOf({ settings })).toMatchObject([{ path: 'settings.key.default', found: '"a default"' }]);
  });

  it('may hold any other braces in a default, which is taken literally', () => {
    const settings = { format: { type: 'string', default: '${date} ${level} $${x}' } };

    expect(capabilityRelease.safeParse(written({ settings })).success).toBe(true);
  });

  it('are still read where an earlier version admitted them', () => {
    const settings = { key: { type: 'string', default: '${env:TOKEN}' } };

    expect(storedCapabilityRelease.safeParse(written({ settings })).success).toBe(true);
  });
});

describe('what is wrong with a text of a release', () => {
  it.each<[string, object, object]>([
    [
      'a variable that nobody declared',
      { service: service('${x}') },
      {
        path: 'service.exec.0',
        found: '"${x}"',
        expected: '${settings.NAME} of a declared setting, ${dir.tree} or ${dir.data}',
        remedy: 'use one of them, declare the setting, or write "$${" for a "${" that stands for itself',
      },
    ],
    [
      'a variable that nothing closes',
      { service: service('a ${settings.port') },
      {
        path: 'service.exec.0',
        found: '"${settings.port"',
        expected: '${settings.NAME} of a declared setting, ${dir.tree} or ${dir.data}',
        remedy: 'use one of them, declare the setting, or write "$${" for a "${" that stands for itself',
      },
    ],
    [
      'a variable of the machine',
      { service: service('${env:HOME}') },
      {
        path: 'service.exec.0',
        found: '"${env:HOME}"',
        expected:
          'no ${env:…} and no ${file:…}: only the operator of an install may refer to its files and variables',
        remedy: 'declare a setting without a default, for the operator to fill',
      },
    ],
    [
      'a secret in a command',
      { settings: { key: { type: 'string', secret: true } }, service: service('${settings.key}') },
      {
        path: 'service.exec.0',
        found: '"${settings.key}"',
        expected: 'no secret in a command, whose words every account of the machine can read',
        remedy: 'hand it over in service.env and let the program read it there',
      },
    ],
    [
      'a secret that everybody has',
      { settings: { key: { type: 'string', secret: true, default: 'x' } } },
      {
        path: 'settings.key.default',
        found: '"a default"',
        expected: 'no default for a secret: every install would have the same, and the release tells it',
        remedy: 'leave the default out, for the operator to give a value',
      },
    ],
  ])('is said with its remedy: %s', (_what, parts, issue) => {
    expect(issuesOf(parts)).toEqual([issue]);
  });

  it.each([
    [
      'a word that is no secret',
      { key: { type: 'string', secret: false, default: 'x' } },
      'a${settings.key}',
    ],
    ['a number', { key: { type: 'integer', default: 1 } }, 'a${settings.key}'],
    ['a truth', { key: { type: 'boolean', default: true } }, 'a${settings.key}'],
    [
      'a name that ends as a secret does',
      { key: { type: 'string', secret: true }, 'the-key': { type: 'string' } },
      '${settings.the-key}',
    ],
  ])('is not %s in a command', (_what, settings, text) => {
    expect(capabilityRelease.safeParse(written({ settings, service: service(text) })).success).toBe(true);
  });
});
