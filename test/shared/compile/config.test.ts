// The instance configuration: what a name, a star, a switch and silence each mean.
import { describe, expect, it } from 'vitest';
import {
  capabilityConfigOf,
  isEnabled,
  isNamed,
  withPart,
  withSettings,
} from '../../../shared/compile/config.ts';
import { type InstanceConfig, instanceConfig } from '../../../shared/schema/instance.ts';

const configOf = (suites: object): InstanceConfig =>
  instanceConfig.parse({ schema: 'fairlead/instance@1', suites });
const AUTH = { suite: 'core', name: 'auth' };

describe('a part of the product', () => {
  it.each<[string, object, [suite: boolean, capability: boolean]]>([
    ['is off where nobody named its suite', {}, [false, false]],
    ['is on with its suite', { core: {} }, [true, true]],
    ['is on with every suite', { '*': {} }, [true, true]],
    ['is off with its suite', { core: { enabled: false } }, [false, false]],
    [
      'is off with its suite, whatever every other one is',
      { '*': {}, core: { enabled: false } },
      [false, false],
    ],
    ['is off with every suite', { '*': { enabled: false } }, [false, false]],
    ['is switched off by itself', { core: { capabilities: { auth: { enabled: false } } } }, [true, false]],
    [
      'is on where another is switched off',
      { core: { capabilities: { api: { enabled: false } } } },
      [true, true],
    ],
    [
      'is on by its own name in a suite that is off as little as the suite',
      { core: { enabled: false, capabilities: { auth: {} } } },
      [false, false],
    ],
  ])('%s', (_what, suites, enabled) => {
    const config = configOf(suites);

    expect([isEnabled(config, 'core'), isEnabled(config, 'core', 'auth')]).toEqual(enabled);
  });

  it.each<[string, object, [suite: boolean, capability: boolean]]>([
    ['by nobody', {}, [false, false]],
    ['by no star', { '*': { capabilities: { auth: {} } } }, [false, false]],
    ['by its suite alone', { core: {} }, [true, false]],
    ['by its own name', { core: { capabilities: { auth: {} } } }, [true, true]],
    ['by the name of no other', { core: { capabilities: { api: {} } } }, [true, false]],
  ])('is named %s', (_what, suites, named) => {
    const config = configOf(suites);

    expect([isNamed(config, 'core'), isNamed(config, 'core', 'auth')]).toEqual(named);
  });

  it.each(['constructor', 'toString', '__proto__'])('called %s is none that every object has', (name) => {
    const config = configOf({ core: {} });

    expect([isEnabled(config, name), isNamed(config, name), isNamed(config, 'core', name)]).toEqual([
      false,
      false,
      false,
    ]);
    expect(capabilityConfigOf(config, 'core', name)).toEqual({ enabled: true, settings: {} });
  });

  it('has the settings that stand under its suite, or under every suite, or none', () => {
    const settings = { port: 1 };
    const auth = { capabilities: { auth: { settings } } };

    expect(capabilityConfigOf(configOf({ core: auth }), 'core', 'auth').settings).toEqual(settings);
    expect(capabilityConfigOf(configOf({ '*': auth }), 'core', 'auth').settings).toEqual(settings);
    expect(capabilityConfigOf(configOf({ '*': auth, core: {} }), 'core', 'auth').settings).toEqual({});
  });
});

describe('a changed part', () => {
  it('leaves everything beside it as it was', () => {
    const before = configOf({
      core: {
        capabilities: {
          auth: { enabled: false, settings: { port: 1 } },
          api: { settings: { level: 'low' } },
        },
      },
      app: { capabilities: { web: { settings: { port: 2 } } } },
    });

    const after = withPart(before, AUTH, { allow: ['/dev/null'] });

    expect(after).toEqual({
      ...before,
      suites: {
        app: before.suites.app,
        core: {
          enabled: true,
          capabilities: {
            auth: { enabled: false, settings: { port: 1 }, allow: ['/dev/null'] },
            api: before.suites.core?.capabilities.api,
          },
        },
      },
    });
    expect(withSettings(before, AUTH, { port: 3 }).suites.core?.capabilities.auth).toEqual({
      enabled: false,
      settings: { port: 3 },
    });
  });

  it.each([
    ['stays on where every suite is on', { '*': {} }, true],
    ['stays off where its suite is off', { core: { enabled: false } }, false],
    ['switches no suite on', {}, false],
  ])('%s', (_what, suites, enabled) => {
    expect(withSettings(configOf(suites), AUTH, { port: 1 }).suites.core).toEqual({
      enabled,
      capabilities: { auth: { enabled: true, settings: { port: 1 } } },
    });
  });
});
