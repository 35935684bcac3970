// Settings as they are shown and changed: which release must take a value, what is said, and what is never said.
import { describe, expect, it } from 'vitest';
import {
  type Concerned,
  changeSetting,
  concernedReleases,
  settingRows,
} from '../../../agent/core/setting-change.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import { API, AUTH, releaseOf } from '../../support/deploy-releases.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';
import { compileAnew } from '../../support/finished.ts';
import { compileInputOf, type Scenario } from '../../support/scenario.ts';

const SETTINGS = {
  port: { type: 'integer', minimum: 1, maximum: 65_535, description: 'where it listens' },
  level: { type: 'string', enum: ['info', 'debug'], default: 'info' },
  token: { type: 'string', minLength: 4, secret: true },
};
const made = (version: string, settings: object = SETTINGS, changes: Partial<Concerned> = {}): Concerned => ({
  release: releaseOf(AUTH, version, { settings }).document,
  state: 'offered',
  isWanted: true,
  ...changes,
});
const RUNNING = { state: 'running', isWanted: false } as const;
const configOf = (settings: object = {}) =>
  instanceConfig.parse({
    schema: 'fairlead/instance@1',
    suites: { core: { capabilities: { auth: { settings } } } },
  });
const edit = (key: string, value: string | null) => ({ component: AUTH, key, value });

describe('the settings that are shown', () => {
  it('are those of what is wanted, sorted, with what each is and where it comes from', () => {
    const rows = settingRows(
      [made('1.1.0'), made('1.0.0', { old: { type: 'boolean' } }, RUNNING)],
      configOf({ port: 80 }),
    );

    expect(rows).toEqual([
      {
        ...{ component: AUTH, version: '1.1.0', state: 'offered', key: 'level', secret: false },
        ...{
          expected: expect.stringContaining('"info"'),
          value: '"info"',
          from: 'default',
          problem: null,
          about: null,
        },
      },
      {
        ...{ component: AUTH, version: '1.1.0', state: 'offered', key: 'port', secret: false },
        ...{
          expected: expect.stringContaining('65535'),
          value: '80',
          from: 'instance',
          problem: null,
          about: 'where it listens',
        },
      },
      {
        ...{ component: AUTH, version: '1.1.0', state: 'offered', key: 'token', secret: true },
        ...{
          expected: expect.any(String),
          value: null,
          from: 'nowhere',
          problem: expect.stringContaining('nothing'),
          about: null,
        },
      },
    ]);
  });

  it('are those of what runs where nothing is wanted', () => {
    const rows = settingRows([made('1.0.0', { port: SETTINGS.port }, RUNNING)], configOf({ port: 80 }));

    expect(rows.map(({ key, version, state }) => [key, version, state])).toEqual([
      ['port', '1.0.0', 'running'],
    ]);
  });

  it('are those of what runs of one component, though something else of another is wanted', () => {
    const api = releaseOf(API, '1.0.0', { settings: { port: SETTINGS.port } }).document;
    const rows = settingRows(
      [made('1.1.0', { level: SETTINGS.level }), { release: api, ...RUNNING }],
      configOf(),
    );

    expect(rows.map(({ component, key }) => [component, key])).toEqual([
      [AUTH, 'level'],
      [API, 'port'],
    ]);
  });

  it.each<[string, unknown, string | null]>([
    ['a secret', 'hunter2', null],
    ['the place of a secret', '${file:/run/token}', '"${file:/run/token}"'],
    ['a secret around a place', 'x${file:/run/token}', null],
  ])('tell of %s no more than anybody may read', (_what, token, value) => {
    const row = settingRows([made('1.0.0')], configOf({ token })).find(({ key }) => key === 'token');

    expect([row?.value, row?.from]).toEqual([value, 'instance']);
  });

  it('hide what one version calls a secret in the others too, and what none declares', () => {
    const open = { token: { type: 'string' } };
    const rows = settingRows(
      [made('1.1.0', open), made('1.0.0', SETTINGS, RUNNING)],
      configOf({ token: 'hunter2', port: 80, constructor: 1 }),
    );

    expect(rows.map(({ key, value, secret }) => [key, value, secret])).toEqual([
      ['constructor', null, true],
      ['port', '80', false],
      ['token', null, true],
    ]);
    expect(rows[0]).toMatchObject({
      expected: 'no such setting',
      from: 'instance',
      problem: expect.any(String),
    });
  });
});

describe('a setting that is changed', () => {
  it('is given, changed and taken away, line by line', () => {
    const first = changeSetting([made('1.0.0')], configOf(), edit('port', '80'));
    expect(first.changes).toEqual(['+ core/auth port: 80']);
    expect(first.notes).toEqual([]);
    expect(first.config).toEqual(configOf({ port: 80 }));
    expect(changeSetting([made('1.0.0')], first.config, edit('port', '81')).changes).toEqual([
      '- core/auth port: 80',
      '+ core/auth port: 81',
    ]);
    const leveled = changeSetting([made('1.0.0')], configOf({ level: 'debug' }), edit('level', null));
    expect([leveled.changes, leveled.config]).toEqual([['- core/auth level: "debug"'], configOf()]);
    expect(changeSetting([made('1.0.0')], first.config, edit('port', '80')).changes).toEqual([]);
  });

  it('is told without its value where it is a secret, with advice where it was typed', () => {
    const withDefault = made('1.0.0', { token: { ...SETTINGS.token, default: 'public' } });
    const typed = changeSetting([made('1.0.0')], configOf({ token: 'sesame' }), edit('token', 'hunter2'));
    expect(typed.changes).toEqual(['- core/auth token: a secret', '+ core/auth token: a secret']);
    expect(typed.notes).toEqual([expect.stringContaining('${file:PATH}')]);

    const placed = changeSetting([made('1.0.0')], configOf(), edit('token', '${file:/run/token}'));
    expect(placed).toMatchObject({ changes: ['+ core/auth token: "${file:/run/token}"'], notes: [] });
    expect(changeSetting([withDefault], configOf({ token: 'sesame' }), edit('token', null)).notes).toEqual(
      [],
    );
  });

  it('needs one wanted release that takes it; what else refuses it is said', () => {
    const strict = { port: { type: 'integer', maximum: 10 } };
    const taken = changeSetting(
      [made('1.1.0'), made('1.0.0', strict, RUNNING)],
      configOf(),
      edit('port', '80'),
    );

    expect(taken.changes).toEqual(['+ core/auth port: 80']);
    expect(taken.notes).toEqual([
      expect.stringMatching(/^1\.0\.0, which runs, does not take it: expected .+, found .+; /),
    ]);
    const offered = changeSetting([made('1.1.0'), made('1.2.0', strict)], configOf(), edit('port', '80'));
    expect(offered.notes[0]).toMatch(/^1\.2\.0, which is on offer, does not take it/);
  });

  it('is refused where only what runs would take it', () => {
    const strict = { port: { type: 'integer', maximum: 10 } };
    const refusal = refusalOf(() =>
      changeSetting(
        [made('1.1.0', strict), made('1.0.0', SETTINGS, RUNNING)],
        configOf(),
        edit('port', '80'),
      ),
    );

    expect(refusal.code).toBe('document/invalid');
    expect(
      changeSetting([made('1.0.0', SETTINGS, RUNNING)], configOf(), edit('port', '80')).changes,
    ).toHaveLength(1);
  });

  it('of a component that nobody knows names those that are known', () => {
    const stranger = { component: 'core/mail' as ComponentKey, key: 'port', value: '80' };

    expect(
      dataOf(
        refusalOf(() => changeSetting([made('1.0.0'), made('1.1.0')], configOf(), stranger)),
        'setting/no-component',
      ),
    ).toEqual({
      component: 'core/mail',
      components: 'core/auth',
    });
  });
});

describe('the releases that matter', () => {
  const concerned = (scenario: Scenario) => {
    const input = compileInputOf(scenario);
    return concernedReleases(input.current, compileAnew(input)).map(
      ({ release, state, isWanted }) =>
        `${release.name} ${release.version} ${state}${isWanted ? ' wanted' : ''}`,
    );
  };

  it.each<[string, Scenario, readonly string[]]>([
    [
      'what is on offer, and what runs',
      { releases: { 'core/auth@1.0.0': {}, 'core/auth@1.1.0': {} }, runs: ['core/auth@1.0.0'] },
      ['auth 1.1.0 offered wanted', 'auth 1.0.0 running'],
    ],
    [
      'what runs and stays, once',
      { releases: { 'core/auth@1.0.0': {}, 'core/api@1.0.0': {} }, runs: ['core/auth@1.0.0'] },
      ['api 1.0.0 offered wanted', 'auth 1.0.0 running wanted'],
    ],
    [
      'what a forced patch brings, beside what is on offer',
      {
        releases: { 'core/auth@1.0.0': {}, 'core/auth@1.0.1': {}, 'core/auth@2.0.0': {} },
        runs: ['core/auth@1.0.0'],
        advisories: { 'FL-1': { affected: { 'core/auth': '<1.0.1' }, fixed: ['core/auth@1.0.1'] } },
      },
      ['auth 2.0.0 offered wanted', 'auth 1.0.1 offered wanted', 'auth 1.0.0 running'],
    ],
    [
      'what is on offer to an empty install',
      { releases: { 'core/auth@1.0.0': {} } },
      ['auth 1.0.0 offered wanted'],
    ],
  ])('are %s', (_what, scenario, releases) => {
    expect(concerned(scenario)).toEqual(releases);
  });
});
