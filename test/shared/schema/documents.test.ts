// Documents: what each schema accepts, and how precisely a refusal names the field and the remedy.
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { advisory } from '../../../shared/schema/advisory.ts';
import { DEFAULT_INSTANCE_CONFIG, instanceConfig } from '../../../shared/schema/instance.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import { release } from '../../../shared/schema/release.ts';
import { formatRef, parseRef, refOf, releasePath, rolloutPath } from '../../../shared/schema/release-ref.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';

const digest = digestOf(utf8('x'));
const change = {
  id: 'CHG-42',
  revision: 'git:9f1c',
  scope: 'fix token reuse',
  builtAt: '2026-01-31T10:00:00Z',
};
const capability = {
  schema: 'fairlead/capability@1',
  suite: 'core',
  name: 'auth',
  version: '1.0.1',
  change,
  tree: { digest, files: 812, bytes: 9_124_001 },
  requires: { platform: '>=2.4.0 <3', 'core/api': '^2.0.0' },
  service: { driver: 'process', exec: ['node', 'server.js'], env: { PORT: '${settings.port}' } },
  settings: { port: { type: 'integer', default: 8080, minimum: 1, maximum: 65535 } },
  health: [{ http: 'http://127.0.0.1:${settings.port}/health', startPeriod: 'PT20S' }],
  smoke: [{ exec: ['node', 'smoke.js'], timeout: 'PT30S' }],
};

const issuesOf = (schema: Parameters<typeof parseDocument>[0], value: unknown) =>
  dataOf(
    refusalOf(() => parseDocument(schema, value, 'the document')),
    'document/invalid',
  ).issues;

describe('release manifests', () => {
  it('fill in what the author left out', () => {
    const parsed = parseDocument(release, capability, 'auth');

    expect(parsed).toMatchObject({ requiredStop: false, hooks: { preflight: [] } });
    expect(parsed).toMatchObject({ health: [{ expect: 200, interval: 'PT2S', successes: 3, failures: 3 }] });
  });

  it.each([
    ['an unknown key', { ...capability, colour: 'red' }, 'colour', 'remove it'],
    [
      'an unknown key inside',
      { ...capability, service: { ...capability.service, port: 1 } },
      'service.port',
      'remove it',
    ],
    ['a missing key', { ...capability, tree: { digest, files: 1 } }, 'tree.bytes', 'add it'],
    ['a wrong type', { ...capability, requiredStop: 'yes' }, 'requiredStop', 'boolean'],
    ['a bad version', { ...capability, version: 'v1' }, 'version', 'semantic version'],
    ['a bad range', { ...capability, requires: { platform: '>>2' } }, 'requires.platform', 'version range'],
    ['a bad name', { ...capability, name: 'Auth Service' }, 'name', 'lower-case'],
    ['a path for a name', { ...capability, name: '../../etc' }, 'name', 'lower-case'],
    ['a suite that would be the platform', { ...capability, suite: 'platform' }, 'suite', 'other than'],
    [
      'a number too large',
      { ...capability, health: [{ http: 'http://x', expect: 900 }] },
      'health.0.expect',
      'smaller',
    ],
    ['an empty command', { ...capability, smoke: [{ exec: [] }] }, 'smoke.0.exec', 'larger'],
    [
      'a duration in words',
      { ...capability, smoke: [{ exec: ['x'], timeout: '30s' }] },
      'smoke.0.timeout',
      'ISO 8601',
    ],
    [
      'a wrong probe',
      { ...capability, health: [{ tcp: 'a:1', succeses: 2 }] },
      'health.0.succeses',
      'did you mean "successes"',
    ],
  ])('names the field and the remedy of %s', (_what, value, path, remedy) => {
    const issues = issuesOf(release, value);

    expect(issues.map((issue) => issue.path)).toContain(path);
    expect(issues.find((issue) => issue.path === path)?.remedy).toContain(remedy);
  });

  it('reports every wrong field at once', () => {
    const issues = issuesOf(release, { ...capability, version: 1, name: 7, extra: true });
    expect(issues.map((issue) => issue.path).toSorted()).toEqual(['extra', 'name', 'version']);
  });
});

describe('references', () => {
  it.each([
    ['platform@2.5.0', 'platform/2.5.0.json'],
    ['core@1.2.0', 'suites/core/1.2.0.json'],
    ['core/auth@1.0.1-rc.1', 'capabilities/core/auth/1.0.1-rc.1.json'],
  ])('%s stands at %s', (text, path) => {
    const ref = parseRef(text);

    expect(formatRef(ref)).toBe(text);
    expect(releasePath(ref)).toBe(path);
    expect(rolloutPath('stable', ref)).toBe(`rollouts/stable/${path}`);
  });

  it('are found in release manifests', () => {
    expect(formatRef(refOf(parseDocument(release, capability, 'auth')))).toBe('core/auth@1.0.1');
  });

  it.each(['core', '@1.0.0', 'a/b/c@1.0.0', 'Core@1.0.0', '../x@1.0.0', 'core/@1.0.0'])(
    '%s is refused',
    (text) => {
      expect(codeOf(() => parseRef(text))).toBe('reference/invalid');
    },
  );
});

describe('advisories', () => {
  const critical = {
    schema: 'fairlead/advisory@1',
    id: 'FL-2026-0003',
    title: 'path traversal',
    severity: 'critical',
    cves: ['CVE-2021-21297'],
    affected: [{ component: 'core/auth', versions: '<1.0.1' }],
    fixed: [{ component: 'core/auth', version: '1.0.1' }],
    order: { deadline: '2026-02-01T00:00:00Z' },
    published: '2026-01-31T00:00:00Z',
  };

  it('carry an order exactly when they are critical', () => {
    const { order, ...without } = critical;

    expect(parseDocument(advisory, critical, 'a').order).toEqual({
      notice: 'PT0S',
      deadline: order.deadline,
    });
    expect(issuesOf(advisory, without)[0]?.path).toBe('order');
    expect(issuesOf(advisory, { ...critical, severity: 'high' })[0]?.path).toBe('order');
  });
});

describe('the instance configuration', () => {
  it('enables everything on stable until someone says otherwise', () => {
    expect(DEFAULT_INSTANCE_CONFIG).toMatchObject({ track: 'stable', suites: { '*': { enabled: true } } });
  });

  it('names a setting of the wrong type', () => {
    const value = {
      schema: 'fairlead/instance@1',
      suites: { core: { capabilities: { auth: { settings: { port: 1.5 } } } } },
    };
    expect(issuesOf(instanceConfig, value)[0]?.path).toBe('suites.core.capabilities.auth.settings.port');
  });
});
