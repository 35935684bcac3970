// Settings: values checked against what a capability declares.
import { describe, expect, it } from 'vitest';
import type { GivenSettings } from '../../../shared/compile/references.ts';
import {
  checkSettings,
  describeSetting,
  mismatch,
  resolveSettings,
  secretSettings,
} from '../../../shared/compile/settings.ts';
import type { InstanceConfig } from '../../../shared/schema/instance.ts';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import type { CapabilityRelease } from '../../../shared/schema/release.ts';
import { parseRef } from '../../../shared/schema/release-ref.ts';
import type { Setting } from '../../../shared/schema/service.ts';
import { refusalOf } from '../../support/error-code.ts';
import { buildRelease } from '../../support/scenario.ts';

interface Refusal {
  readonly name: string;
  readonly settings: Record<string, unknown>;
  readonly key: string;
  readonly found: string;
}

const DECLARED = {
  port: { type: 'integer', default: 8080, minimum: 1, maximum: 65_535 },
  secret: { type: 'string', minLength: 4, maxLength: 64 },
  level: { type: 'string', enum: ['info', 'debug'], default: 'info' },
  tls: { type: 'boolean', default: false },
};
const PATH = 'suites.core.capabilities.auth.settings';

describe('resolveSettings', () => {
  it('fills in defaults and keeps what the admin wrote', () => {
    expect(resolveSettings(release(), config({ secret: 'sesame', tls: true }))).toEqual({
      given: { secret: 'sesame', tls: true },
      defaults: { level: 'info', port: 8080 },
    });
  });

  it('takes the settings of a suite that only * enables from nowhere', () => {
    const all = instanceConfig.parse({ schema: 'fairlead/instance@1', suites: { '*': {} } });

    expect(refusalOf(() => resolveSettings(release(), all)).data).toMatchObject({
      issues: [{ path: `${PATH}.secret` }],
    });
  });

  it.each(['${env:AUTH_SECRET}', '${file:/run/secrets/auth}'])(
    'leaves %s for when the service starts',
    (text) => {
      expect(resolveSettings(release(), config({ secret: text, port: text }))).toMatchObject({
        given: { secret: text, port: text },
      });
    },
  );

  it.each<Refusal>([
    { name: 'a missing setting without default', settings: {}, key: 'secret', found: 'nothing' },
    { name: 'an unknown setting', settings: { secret: 'sesame', prot: 1 }, key: 'prot', found: '"prot"' },
    {
      name: 'a setting named like an inherited property',
      settings: { secret: 'sesame', constructor: 1 },
      key: 'constructor',
      found: '"constructor"',
    },
    { name: 'a wrong type', settings: { secret: 'sesame', port: 'http' }, key: 'port', found: '"http"' },
    {
      name: 'a number out of range',
      settings: { secret: 'sesame', port: 65_536 },
      key: 'port',
      found: '65536',
    },
    { name: 'text that is too short', settings: { secret: 'abc' }, key: 'secret', found: '"abc"' },
    {
      name: 'a value not in the list',
      settings: { secret: 'sesame', level: 'all' },
      key: 'level',
      found: '"all"',
    },
    { name: 'a boolean in quotes', settings: { secret: 'sesame', tls: 'yes' }, key: 'tls', found: '"yes"' },
  ])('refuses $name and names it', ({ settings, key, found }) => {
    const error = refusalOf(() => resolveSettings(release(), config(settings)));

    expect(error.code).toBe('document/invalid');
    expect(error.data).toMatchObject({ issues: [{ path: `${PATH}.${key}`, found }] });
  });

  it('names everything that is wrong at once', () => {
    const error = refusalOf(() => resolveSettings(release(), config({ port: 0, tls: 1 })));

    expect(error.data).toMatchObject({
      issues: [{ path: `${PATH}.port` }, { path: `${PATH}.secret` }, { path: `${PATH}.tls` }],
    });
  });
});

describe('a setting', () => {
  type Value = string | number | boolean;
  const settings = (declared: object) =>
    (buildRelease(parseRef('core/auth@1.0.0'), { settings: { it: declared } }).document as CapabilityRelease)
      .settings.it as Setting;

  it.each<[string, object, readonly Value[], readonly Value[]]>([
    ['true or false', { type: 'boolean' }, [true, false], ['true', 1]],
    ['a whole number', { type: 'integer' }, [0, -5, 1e15], ['1', true]],
    ['a whole number from 1 to 9', { type: 'integer', minimum: 1, maximum: 9 }, [1, 9], [0, 10]],
    ['a whole number of at least 0', { type: 'integer', minimum: 0 }, [0, 1e9], [-1]],
    ['a whole number of at most 9', { type: 'integer', maximum: 9 }, [9, -1e9], [10]],
    ['text', { type: 'string' }, ['', 'x'.repeat(1000)], [1, false]],
    [
      'text from 2 to 3 characters',
      { type: 'string', minLength: 2, maxLength: 3 },
      ['ab', 'abc'],
      ['a', 'abcd'],
    ],
    ['text of at least 2 characters', { type: 'string', minLength: 2 }, ['ab'], ['a']],
    ['text of at most 3 characters', { type: 'string', maxLength: 3 }, ['', 'abc'], ['abcd']],
    ['"a" or "b"', { type: 'string', enum: ['a', 'b'] }, ['a', 'b'], ['c', '']],
  ])('takes %s, and says so', (words, declared, fitting, unfit) => {
    const setting = settings(declared);

    expect(describeSetting(setting)).toBe(words);
    expect(fitting.map((value) => mismatch(setting, value))).toEqual(fitting.map(() => null));
    expect(unfit.map((value) => mismatch(setting, value))).toEqual(unfit.map(() => words));
  });

  it('is secret where the release says so, or where the operator keeps it elsewhere', () => {
    const declared = { ...DECLARED, secret: { ...DECLARED.secret, secret: true }, other: { type: 'string' } };
    const { document } = buildRelease(parseRef('core/auth@1.0.0'), { settings: declared });
    const given = { secret: 'sesame', port: '${env:PORT}', other: 'plain', level: 'info', tls: true };

    expect(secretSettings(document as CapabilityRelease, given as unknown as GivenSettings)).toEqual([
      'secret',
      'port',
    ]);
  });

  it('that is wrong is shown in part, and not at all where it is secret', () => {
    const declared = {
      open: { type: 'string', maxLength: 3 },
      hidden: { type: 'string', maxLength: 3, secret: true },
    };
    const { document } = buildRelease(parseRef('core/auth@1.0.0'), { settings: declared });
    const long = 'x'.repeat(100);
    const issues = checkSettings(document as CapabilityRelease, config({ open: long, hidden: long }));

    expect(issues.map(({ key, found, remedy }) => [key, found, remedy])).toEqual([
      ['hidden', 'another value', 'write text of at most 3 characters'],
      ['open', `"${'x'.repeat(79)}`, 'write text of at most 3 characters'],
    ]);
  });

  it('that the release does not have names those that it has, in order', () => {
    const told = (declared: Record<string, unknown>) => {
      const { document } = buildRelease(parseRef('core/auth@1.0.0'), { settings: declared });
      return checkSettings(document as CapabilityRelease, config({ none: 1 })).map(
        ({ remedy, fault, component }) => [remedy, fault, component],
      );
    };
    const optional = { type: 'string', default: '' };

    expect(told({ b: optional, a: optional })).toEqual([
      ['remove it or use one of a, b', 'surplus', 'core/auth'],
    ]);
    expect(told({})).toEqual([['remove it', 'surplus', 'core/auth']]);
  });
});

function release(): CapabilityRelease {
  return buildRelease(parseRef('core/auth@1.0.0'), { settings: DECLARED }).document as CapabilityRelease;
}

function config(settings: Record<string, unknown>): InstanceConfig {
  return instanceConfig.parse({
    schema: 'fairlead/instance@1',
    suites: { core: { capabilities: { auth: { settings } } } },
  });
}
