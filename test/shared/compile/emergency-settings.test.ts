// Settings of a forced patch: what is in force stays, but for what the fix cannot run with.
import { describe, expect, it } from 'vitest';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import { compileEmergency, decide } from '../../support/finished.ts';
import { compileInputOf, decideScenario } from '../../support/scenario.ts';

type Settings = Readonly<Record<string, string | number | boolean>>;

const TEXT = { type: 'string' };
const RELEASES = {
  'core/auth@1.0.0': { settings: { port: { type: 'integer', default: 80 }, old: { ...TEXT, default: '' } } },
  'core/auth@1.0.1': { settings: { port: { type: 'integer', default: 80 }, token: TEXT } },
  'core/auth@1.0.2': { settings: { port: { type: 'integer', default: 80 } } },
  'core/api@1.0.0': { settings: { level: { ...TEXT, default: 'low' } } },
  'core/api@1.1.0': { settings: { level: { ...TEXT, default: 'low' }, key: TEXT } },
};

const configOf = (auth: Settings, api: Settings = {}) =>
  instanceConfig.parse({
    schema: 'fairlead/instance@1',
    suites: { core: { capabilities: { auth: { settings: auth }, api: { settings: api } } } },
  });

function inputOf(inForce: ReturnType<typeof configOf>, onDisk: typeof inForce, more: object = {}) {
  const input = compileInputOf({
    releases: RELEASES,
    runs: ['core/auth@1.0.0', 'core/api@1.0.0'],
    advisories: { 'FL-1-1': { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'] } },
    ...more,
  });
  return { ...input, config: onDisk, current: { ...input.current!, config: inForce } };
}

const settingsOf = (config: ReturnType<typeof configOf>) =>
  Object.fromEntries(
    Object.entries(config.suites.core?.capabilities ?? {}).map(([name, { settings }]) => [name, settings]),
  );

const dirs = (below: string, many: number) => Array.from({ length: many }, (_, at) => `${below}/${at}`);

describe('a forced fix', () => {
  it.each([
    ['what the disk allows since', ['devices'], ['devices', 'cap_add'], ['devices', 'cap_add']],
    [
      'what it runs with, though the disk allows it no more',
      ['devices', '/srv'],
      ['cap_add'],
      ['cap_add', 'devices', '/srv'],
    ],
    ['nothing that nobody allows', undefined, undefined, undefined],
    [
      'no more than can be read again',
      dirs('/a', 20),
      dirs('/b', 20),
      [...dirs('/b', 20), ...dirs('/a', 12)],
    ],
  ])('is allowed %s', (_, inForce, onDisk, allowed) => {
    const allowing = (reaches: readonly string[] | undefined) => {
      const allow = reaches === undefined ? {} : { allow: reaches };
      const capabilities = { auth: { settings: { token: 't' }, ...allow }, api: allow };
      return instanceConfig.parse({ schema: 'fairlead/instance@1', suites: { core: { capabilities } } });
    };

    const config = compileEmergency(inputOf(allowing(inForce), allowing(onDisk))).target?.config;

    const { auth, api } = config?.suites.core?.capabilities ?? {};
    expect([auth?.allow, api?.allow]).toEqual([allowed, inForce]);
    expect(instanceConfig.safeParse(config).success).toBe(true);
  });

  it.each([
    {
      name: 'takes the new setting that it needs from the disk, and no other change',
      inForce: configOf({ port: 1 }, { level: 'low' }),
      onDisk: configOf({ port: 2, token: 't' }, { level: 'high' }),
      settings: { auth: { port: 1, token: 't' }, api: { level: 'low' } },
      adopted: ['core/auth token'],
    },
    {
      name: 'leaves behind what it no longer has, though the disk still has it',
      inForce: configOf({ port: 1, old: 'x' }),
      onDisk: configOf({ port: 1, old: 'x', token: 't' }),
      settings: { auth: { port: 1, token: 't' }, api: {} },
      adopted: ['core/auth old', 'core/auth token'],
    },
    {
      name: 'names what it leaves behind in order',
      inForce: configOf({ z: 1, old: 'x', port: 1, a: 1 }),
      onDisk: configOf({ token: 't', a: 2 }),
      settings: { auth: { port: 1, token: 't' }, api: {} },
      adopted: ['core/auth a', 'core/auth old', 'core/auth token', 'core/auth z'],
    },
    {
      name: 'replaces a value that it does not take, where the disk has another',
      inForce: configOf({ port: 1, token: 7 }),
      onDisk: configOf({ port: 2, token: 't' }),
      settings: { auth: { port: 1, token: 't' }, api: {} },
      adopted: ['core/auth token'],
    },
    {
      name: 'changes nothing where the configuration in force fits',
      inForce: configOf({ port: 1, token: 's' }),
      onDisk: configOf({ port: 2, token: 't' }),
      settings: { auth: { port: 1, token: 's' }, api: {} },
      adopted: [],
    },
  ])('$name', ({ inForce, onDisk, settings, adopted }) => {
    const result = compileEmergency(inputOf(inForce, onDisk));

    expect(result.misconfigured).toEqual([]);
    expect(settingsOf(result.target!.config)).toEqual(settings);
    expect(result.adopted.map(({ component, key }) => `${component} ${key}`)).toEqual(adopted);
  });

  it('takes what a neighbour needs that has to move along', () => {
    const releases = {
      ...RELEASES,
      'core/auth@1.0.1': { ...RELEASES['core/auth@1.0.1'], requires: { 'core/api': '>=1.1.0' } },
    };
    const onDisk = configOf({ token: 't' }, { key: 'k', level: 'high' });

    const result = compileEmergency(inputOf(configOf({}), onDisk, { releases }));

    expect(result.misconfigured).toEqual([]);
    expect(settingsOf(result.target!.config)).toEqual({ auth: { token: 't' }, api: { key: 'k' } });
    expect(result.adopted.map(({ component, key }) => `${component} ${key}`)).toEqual([
      'core/api key',
      'core/auth token',
    ]);
  });

  it('goes to another version named as fixed where nobody gave what the nearest one needs', () => {
    const fixed = ['core/auth@1.0.1', 'core/auth@1.0.2'];
    const advisories = { 'FL-1-1': { affected: { 'core/auth': '<1.0.1' }, fixed } };
    const versionFor = (onDisk: ReturnType<typeof configOf>) =>
      compileEmergency(inputOf(configOf({}), onDisk, { advisories })).target?.manifest.components.find(
        ({ component }) => component === 'core/auth',
      )?.version;

    expect(versionFor(configOf({}))).toBe('1.0.2');
    expect(versionFor(configOf({ token: 't' }))).toBe('1.0.1');
  });

  it('keeps nobody else from a fix where nobody gave what it needs', () => {
    const releases = { ...RELEASES, 'core/api@1.0.1': { settings: RELEASES['core/api@1.0.0'].settings } };
    const advisories = {
      'FL-1-1': { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'] },
      'FL-1-2': { affected: { 'core/api': '<1.0.1' }, fixed: ['core/api@1.0.1'] },
    };

    const result = compileEmergency(inputOf(configOf({}), configOf({}), { releases, advisories }));

    expect(result.misconfigured).toEqual([]);
    expect(result.advisories).toEqual(['FL-1-2']);
    expect(result.unfixable).toMatchObject([{ advisory: 'FL-1-1', reason: 'misconfigured' }]);
  });

  it('says in the decision which settings come along, and names what is missing where none is given', () => {
    const { input } = decideScenario({ releases: RELEASES, runs: ['core/auth@1.0.0', 'core/api@1.0.0'] });
    const decisionOf = (onDisk: ReturnType<typeof configOf>) => {
      const result = compileEmergency(inputOf(configOf({}), onDisk));
      const reason = { kind: 'forced' as const, advisories: ['FL-1-1'] };
      const plan = { ...input.desired.plan!, reason };
      return decide({ ...input, emergency: { result, plan } });
    };

    expect(decisionOf(configOf({ token: 't' }))).toMatchObject({
      verdict: 'apply',
      adopted: [{ component: 'core/auth', key: 'token' }],
    });
    expect(decisionOf(configOf({}))).toMatchObject({
      verdict: 'blocked',
      blockers: [
        {
          code: 'settings-invalid',
          clearWith: 'fairlead settings set core/auth token VALUE --reason "why"',
        },
      ],
    });
  });
});
