// Going down: which generation a rollback means, what it leaves, and what may not be left; and versions side by side.
import { describe, expect, it } from 'vitest';
import {
  portsOf,
  type SlotFacts,
  selectServing,
  selectSlot,
  settingsIn,
  slotKey,
  twinOf,
} from '../../../../agent/core/deploy/blue-green.ts';
import type { Generation } from '../../../../agent/core/deploy/generation.ts';
import { lineageOf, selectCopied } from '../../../../agent/core/deploy/lineage.ts';
import {
  isAscending,
  isDescending,
  type RollbackTo,
  rollbackPlan,
  selectRollbackTarget,
  verifyReversible,
  versionsLeft,
} from '../../../../agent/core/deploy/rollback-target.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { DeploymentRecord, PlanStep } from '../../../../shared/schema/deployment.ts';
import type { Version } from '../../../../shared/version/version.ts';
import { API, AUTH, deployableOf, type Extras, releaseOf } from '../../../support/deploy-releases.ts';
import { codeOf, dataOf, refusalOf } from '../../../support/error-code.ts';

const generationOf = (
  number: number,
  versions: Parameters<typeof deployableOf>[0],
  healthy = true,
): Generation => ({
  ...deployableOf(versions),
  number,
  healthy,
});
const ALL = [
  generationOf(1, { [AUTH]: '1.0.0' }),
  generationOf(2, { [AUTH]: '1.0.1' }),
  generationOf(3, { [AUTH]: '1.0.0', [API]: '1.0.0' }),
  generationOf(4, { [AUTH]: '1.0.2' }, false),
  generationOf(5, { [AUTH]: '1.0.3' }),
];
const version = (text: string) => ({ component: AUTH, version: text as Version });

/** What committed each generation: which came from which, and how `core/auth` moved. */
const recordOf = (
  generation: number,
  previousGeneration: number | null,
  from: string | null = null,
  to: string | null = null,
  kind: 'manual' | 'rollback' = 'manual',
): DeploymentRecord =>
  ({
    ...{ generation, previousGeneration, state: 'committed', reason: { kind } },
    steps: from === to ? [] : [{ component: AUTH, from, to, change: null }],
  }) as unknown as DeploymentRecord;
const RECORDS = [
  ...[recordOf(1, null), recordOf(2, 1), recordOf(3, 2), recordOf(4, 3)],
  ...[recordOf(2, 3, null, null, 'rollback'), recordOf(5, 4)],
];

describe('a rollback', () => {
  it.each<[string, RollbackTo | undefined, number]>([
    ['anywhere goes where the current came from, over what never was healthy', undefined, 3],
    ['to a number goes there', 1, 1],
    ['to a version goes to the newest that ran it', version('1.0.0'), 3],
    ['to another version', version('1.0.1'), 2],
  ])('%s', (_what, to, number) => {
    expect(selectRollbackTarget(ALL, RECORDS, 5, to).number).toBe(number);
  });

  it('anywhere passes over what was rolled back from: it was rejected', () => {
    const back = [...RECORDS.slice(0, 3), recordOf(2, 3, null, null, 'rollback'), recordOf(5, 2)];

    expect(selectRollbackTarget(ALL, back, 5, undefined).number).toBe(2);
  });

  it.each<[string, number | null, RollbackTo | undefined, object]>([
    ['to one that never was healthy', 5, 4, { wanted: 'generation 4', available: '1, 2, 3' }],
    ['to what runs', 5, 5, { wanted: 'generation 5', available: '1, 2, 3' }],
    ['to what is newer', 2, 3, { wanted: 'generation 3', available: '1' }],
    ['to a version that never ran', 5, version('9.0.0'), { wanted: 'core/auth 9.0.0', available: '1, 2, 3' }],
    ['before the first', 1, undefined, { wanted: 'an earlier generation', available: 'none' }],
    ['where nothing runs', null, undefined, { wanted: 'an earlier generation', available: 'none' }],
  ])('leads nowhere %s', (_what, current, to, data) => {
    expect(
      dataOf(
        refusalOf(() => selectRollbackTarget(ALL, RECORDS, current, to)),
        'rollback/no-target',
      ),
    ).toEqual(data);
  });

  it('is a plan that fetches nothing, or none where nothing differs', () => {
    const [first, second] = ALL as [Generation, Generation];
    const plan = rollbackPlan(second, first);

    expect(plan.reason).toEqual({ kind: 'rollback', generation: 1 });
    expect(plan.steps.map(({ component, to, bytes }) => [component, to, bytes])).toEqual([
      [AUTH, '1.0.0', 0],
    ]);
    expect(
      dataOf(
        refusalOf(() => rollbackPlan(first, { ...first, number: 7 })),
        'rollback/no-target',
      ).wanted,
    ).toBe('generation 7');
  });
});

describe('a way down', () => {
  const step = (from: string | null, to: string | null) => ({ component: AUTH, from, to }) as PlanStep;
  const at = (number: number, text: string, extras: Extras = {}, healthy = true) =>
    generationOf(number, { [AUTH]: releaseOf(AUTH, text, extras) }, healthy);
  const oneWay = { reversible: 'no' };

  it.each([
    [step('1.0.1', '1.0.0'), true, false],
    [step('1.0.0', '1.0.1'), false, true],
    [step('1.0.0', '1.0.0'), false, false],
    [step(null, '1.0.0'), false, false],
    [step('1.0.0', null), false, false],
  ])('is told from a way up: %j', (one, down, up) => {
    expect([isDescending(one), isAscending(one)]).toEqual([down, up]);
  });

  const [v1, v2, v3, v4] = [at(1, '1.0.1'), at(2, '1.0.2'), at(3, '1.0.2'), at(4, '1.0.3')] as const;
  const v5 = at(5, '1.0.5');
  const generations = [v1, v2, v3, v4, v5];
  /** 1.0.1, 1.0.2, its settings changed, 1.0.3 and back, 1.0.5. */
  const records = [
    recordOf(1, null, null, '1.0.1'),
    recordOf(2, 1, '1.0.1', '1.0.2'),
    recordOf(3, 2),
    recordOf(4, 3, '1.0.2', '1.0.3'),
    { ...recordOf(9, 4, '1.0.3', '1.0.9'), state: 'rolled-back' as const },
    recordOf(3, 4, '1.0.3', '1.0.2', 'rollback'),
    recordOf(5, 3, '1.0.2', '1.0.5'),
  ];
  const way = { steps: [step('1.0.5', '1.0.1')], from: v5, generations, records };
  const numbers = (descent: typeof way, one = way.steps[0] ?? step(null, null)) =>
    versionsLeft(descent, one).map(({ by, number }) => [by.number, number]);

  it('leaves each version that lies under what runs, newest first: as it ran last, from before it came', () => {
    expect(numbers(way)).toEqual([
      [5, 5],
      [3, 2],
    ]);
    expect(numbers(way, step('1.0.5', '1.0.2'))).toEqual([[5, 5]]);
    expect(numbers(way, step('1.0.5', '1.0.3'))).toEqual([[5, 5]]);
  });

  it.each<[string, typeof way, string | null]>([
    ['is free', way, null],
    ['is barred by what runs', { ...way, from: at(5, '1.0.5', oneWay) }, '1.0.5'],
    ['is barred by what lies between', { ...way, generations: [v1, at(3, '1.0.2', oneWay), v5] }, '1.0.2'],
    [
      'is not barred by what was left before',
      { ...way, generations: [v1, v3, at(4, '1.0.3', oneWay), v5] },
      null,
    ],
    ['is not barred where nothing goes down', { ...way, steps: [step('1.0.1', '1.0.5')] }, null],
  ])('%s', (_what, descent, barred) => {
    const verify = () => verifyReversible(descent);

    if (barred === null) expect(verify).not.toThrow();
    else
      expect(dataOf(refusalOf(verify), 'rollback/not-reversible')).toEqual({
        component: AUTH,
        version: barred,
      });
  });

  const withData = (number: number, text: string) => at(number, text, { reversible: 'snapshot' });
  it.each<[string, readonly DeploymentRecord[], readonly Generation[]]>([
    ['a record is missing', records.toSpliced(1, 1), generations],
    ['no record tells of what runs', [], generations],
    ['a version between is gone', records, [v1, v2, v4]],
    ['it never ran over anything', [recordOf(5, null, null, '1.0.5')], []],
  ])('is unknown where %s: with data that is a refusal', (_what, known, stored) => {
    const from = withData(5, '1.0.5');
    const verify = (more: readonly Generation[]) => () =>
      verifyReversible({
        steps: way.steps,
        from: more.at(-1) ?? v5,
        records: known,
        generations: [...stored, ...more],
      });

    expect(dataOf(refusalOf(verify([from])), 'rollback/way-unknown')).toEqual({
      component: AUTH,
      version: '1.0.1',
    });
    expect(verify([v5])).not.toThrow();
  });

  it.each<[string, readonly DeploymentRecord[], number, string]>([
    ['a first version', [recordOf(1, null, null, '1.0.1')], 1, '1.0.1 by 1 to 1'],
    [
      'each over the one below, which ran up to then',
      records.slice(0, 4),
      4,
      '1.0.1 by 1 to 1, 1.0.2 by 2 to 3 ascending, 1.0.3 by 4 to 4 ascending',
    ],
    ['what it went back to', records.slice(0, 6), 3, '1.0.1 by 1 to 1, 1.0.2 by 2 to 3 ascending'],
    [
      'what it came down to from above',
      [...records.slice(0, 4), recordOf(7, 4, '1.0.3', '1.0.1-rc.1')],
      7,
      '1.0.1-rc.1 by 7 to 7',
    ],
    [
      'that, over what lies below it',
      [...records.slice(0, 4), recordOf(7, 4, '1.0.3', '1.0.2-rc.1')],
      7,
      '1.0.1 by 1 to 1, 1.0.2-rc.1 by 7 to 7',
    ],
    [
      'what a record says that it came from, whatever another says',
      [...records.slice(0, 2), recordOf(7, 2, '1.0.9', '1.1.0')],
      7,
      '1.0.9 by 2 to 2, 1.1.0 by 7 to 7 ascending',
    ],
    [
      'nothing from before it was gone',
      [...records.slice(0, 2), recordOf(3, 2, '1.0.2', null), recordOf(4, 3, null, '1.0.3')],
      4,
      '1.0.3 by 4 to 4',
    ],
    ['nothing where it is gone', [...records.slice(0, 2), recordOf(3, 2, '1.0.2', null)], 3, ''],
    [
      'nothing from before a record that is missing, but for what ran then',
      [...records.slice(0, 2), recordOf(4, 3, '1.0.2', '1.0.3')],
      4,
      '1.0.2 by 2 to 3, 1.0.3 by 4 to 4 ascending',
    ],
    ['what ran, where nothing tells of what runs', records.slice(0, 2), 9, '1.0.2 by 2 to 2'],
  ])('lies over %s', (_what, known, current, expected) => {
    const rungs = lineageOf(known, current).get(AUTH) ?? [];

    const told = rungs.map(
      ({ version: one, generation, last, isAscent }) =>
        `${one} by ${generation} to ${last}${isAscent ? ' ascending' : ''}`,
    );
    expect(told.join(', ')).toBe(expected);
  });

  it('needs copies of what lies under what runs, and of nothing that no generation goes back from', () => {
    const lineage = lineageOf(records, 5);
    const among = (...versions: readonly string[]) =>
      selectCopied(lineage, () => versions as Version[]).get(AUTH);

    expect(among('1.0.1', '1.0.2', '1.0.5')).toEqual([2, 5]);
    expect(among('1.0.2', '1.0.5')).toEqual([5]);
    expect(among('1.0.5')).toEqual([]);
  });
});

describe('side by side', () => {
  const blueGreen = { public: 'port', slots: ['blue-port', 'green-port'], drain: 'PT10S' } as never;
  const settings = { port: 80, 'blue-port': 81, 'green-port': 82 };
  const green = 'core/auth.green' as ComponentKey;

  it('each slot has a name, and is the other’s twin', () => {
    expect([slotKey(AUTH, 'blue'), slotKey(AUTH, 'green'), twinOf(AUTH), twinOf(green)]).toEqual([
      AUTH,
      green,
      green,
      AUTH,
    ]);
  });

  it('a service finds its slot’s port under the public name', () => {
    expect(settingsIn('blue', blueGreen, settings)).toEqual({ ...settings, port: 81 });
    expect(settingsIn('green', blueGreen, settings)).toEqual({ ...settings, port: 82 });
    expect(settingsIn('green', blueGreen, { port: 80 })).toEqual({ port: 80 });
  });

  it('takes three ports, all different', () => {
    expect(portsOf(AUTH, blueGreen, settings)).toEqual({ public: 80, blue: 81, green: 82 });
    const most = { port: 1, 'blue-port': 65_534, 'green-port': 65_535 };
    expect(portsOf(AUTH, blueGreen, most)).toEqual({ public: 1, blue: 65_534, green: 65_535 });
  });

  it.each<[string, object, string]>([
    ['that is zero', { port: 0 }, 'port'],
    ['that is too large', { 'blue-port': 65_536 }, 'blue-port'],
    ['that is text', { 'green-port': '82' }, 'green-port'],
    ['that is another’s', { 'green-port': 80 }, 'green-port'],
    ['that is the neighbour’s', { 'green-port': 81 }, 'green-port'],
  ])('refuses a port %s', (_what, changes, setting) => {
    const ports = () => portsOf(AUTH, blueGreen, { ...settings, ...changes });
    expect(dataOf(refusalOf(ports), 'deploy/no-port')).toEqual({ component: AUTH, setting });
    expect(codeOf(ports)).toBe('deploy/no-port');
  });

  it.each<[string, SlotFacts, string]>([
    ['where it runs already', { running: 'green', taken: new Set(['blue']), directed: 'blue' }, 'green'],
    [
      'where the traffic goes, if nothing else runs there',
      { running: null, taken: new Set(), directed: 'green' },
      'green',
    ],
    ['beside what serves', { running: null, taken: new Set(['green']), directed: 'green' }, 'blue'],
    ['in the blue one at first', { running: null, taken: new Set(), directed: null }, 'blue'],
    [
      'in the green one where a stranger has the blue',
      { running: null, taken: new Set(['blue']), directed: null },
      'green',
    ],
  ])('a unit belongs %s', (_where, facts, slot) => {
    expect(selectSlot(facts)).toBe(slot);
  });

  const made = (extras: Extras = {}, service: Extras = {}) =>
    releaseOf(AUTH, '1.0.0', {
      settings: Object.fromEntries(Object.keys(settings).map((key) => [key, { type: 'integer' }])),
      service: {
        driver: 'process',
        exec: ['serve'],
        blueGreen: { public: 'port', slots: ['blue-port', 'green-port'] },
        ...service,
      },
      hooks: {},
      ...extras,
    });
  const serving = (previous: ReturnType<typeof made> | null, target: ReturnType<typeof made> | null) => {
    const releases = (one: ReturnType<typeof made> | null) =>
      new Map(one === null ? [] : [[AUTH, one] as const]);
    const succession = {
      plan: { stop: [AUTH] },
      previous: { releases: releases(previous) },
      target: { releases: releases(target) },
    };
    return selectServing(succession).has(AUTH);
  };

  it.each<[string, boolean, boolean]>([
    ['both are made for it', serving(made(), made()), true],
    ['the old one says nothing of its way back', serving(made({ reversible: undefined }), made()), true],
    ['the old one is not made for it', serving(releaseOf(AUTH, '1.0.0', { hooks: {} }), made()), false],
    ['the new one is not made for it', serving(made(), releaseOf(AUTH, '1.0.1', { hooks: {} })), false],
    ['it comes first', serving(null, made()), false],
    ['it goes', serving(made(), null), false],
    ['the new one takes its data with it', serving(made(), made({ reversible: 'snapshot' })), false],
    ['the old one has a snapshot', serving(made({ hooks: { snapshot: [{ exec: ['s'] }] } }), made()), false],
    ['another service manager runs it', serving(made(), made({}, { driver: 'systemd' })), false],
  ])('goes on serving or not where %s', (_what, serves, expected) => {
    expect(serves).toBe(expected);
  });

  it('nothing goes on serving of a first deployment', () => {
    const target = { releases: new Map([[AUTH, made()]]) };
    expect(selectServing({ plan: { stop: [AUTH] }, previous: null, target }).size).toBe(0);
  });
});
