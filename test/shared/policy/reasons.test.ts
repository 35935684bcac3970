// Reasons that depend on one fact among several: the hold in force, the note about this very release.
import { describe, expect, it } from 'vitest';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { block, isRefused, sortReasons, verdictOf } from '../../../shared/policy/blockers.ts';
import type { DecideInput } from '../../../shared/policy/decide-input.ts';
import { hostReasons } from '../../../shared/policy/host-reasons.ts';
import {
  idleReasons,
  openReasons,
  quarantinedReason,
  withheldReason,
} from '../../../shared/policy/idle-reasons.ts';
import {
  effectiveConfig,
  effectivePolicy,
  heldForced,
  isOfTheFuture,
  unreadableConfig,
} from '../../../shared/policy/local-state.ts';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import { pin } from '../../../shared/schema/pin.ts';
import { DEFAULT_POLICY } from '../../../shared/schema/policy.ts';
import { decideScenario } from '../../support/scenario.ts';

const NOW = instantMs('2026-03-01T10:00:00Z');
const HOUR = 3_600_000;
const holdUntil = (ms: number) => ({
  since: '2026-03-01T00:00:00Z',
  until: new Date(ms).toISOString(),
  reason: 'audit',
  by: 'ada',
});

describe('a hold of forced patches', () => {
  it.each([
    ['is over in its moment', NOW, false],
    ['is in force until then', NOW + 1000, true],
    ['is in force for the three days it may last', NOW + 72 * HOUR, true],
    ['is in force also where the clock was set back by a day since', NOW + 96 * HOUR, true],
    ['is none where the clock was set back by more', NOW + 96 * HOUR + 1000, false],
  ])('%s', (_what, until, held) => {
    const hold = holdUntil(until);

    expect(heldForced({ ...DEFAULT_POLICY, emergencyHold: hold }, NOW)).toEqual(held ? hold : null);
    expect(isOfTheFuture(hold, NOW)).toBe(until > NOW + 96 * HOUR);
  });

  it('is told by the millisecond', () => {
    const hold = holdUntil(NOW + 96 * HOUR);

    expect([isOfTheFuture(hold, NOW), isOfTheFuture(hold, NOW - 1)]).toEqual([false, true]);
  });

  it('is none where nobody holds them', () => {
    expect(heldForced({ ...DEFAULT_POLICY, hold: holdUntil(NOW + HOUR) }, NOW)).toBeNull();
  });
});

describe('a release in quarantine', () => {
  const note = (release: string, reason: string, record: number) =>
    ({
      component: 'core/auth',
      release,
      version: '9.9.9',
      since: '2026-03-01T00:00:00Z',
      reason,
      record,
    }) as never;
  const notes = [note('other', 'slow', 3), note('this', 'stopped running', 7)];
  const withheld = (release: string) =>
    withheldReason(
      { component: 'core/auth', version: '1.0.1', release, why: { kind: 'quarantined' } } as never,
      notes,
    );

  it('is told with its own story, not with that of another', () => {
    const reason = withheld('this');

    expect(reason).toEqual(quarantinedReason('core/auth', '1.0.1', notes[1]));
    expect(JSON.stringify(reason)).toContain(
      'core/auth 1.0.1 is quarantined since change 7: stopped running',
    );
  });

  it('is told without one where none was kept', () => {
    expect(withheld('unknown')).toEqual(quarantinedReason('core/auth', '1.0.1', undefined));
  });
});

const said = { message: 'why', source: 'where' };

describe('a reason', () => {
  it('has the commands of its parts, one after the other, and an end only where time ends it', () => {
    const parts = [{ component: 'core/a' }, { component: 'core/b' }];

    expect(block('pins-conflict', { ...said, clear: parts })).toEqual({
      code: 'pins-conflict',
      ...said,
      owner: 'admin',
      clearWith: 'fairlead pin remove core/a --reason "why" && fairlead pin remove core/b --reason "why"',
    });
    expect(block('withdrawn', said)).toEqual({ code: 'withdrawn', ...said, owner: 'vendor' });
    expect(block('rollout-wave', { ...said, clearsAt: NOW })).toEqual({
      code: 'rollout-wave',
      ...said,
      owner: 'time',
      clearsAt: '2026-03-01T10:00:00Z',
    });
    expect(block('rollout-wave', { ...said, clearsAt: null })).not.toHaveProperty('clearsAt');
    expect(block('pin-needed', { ...said, clear: { component: 'core/a', version: '1.0.0' } }).clearWith).toBe(
      'fairlead pin add core/a 1.0.0 --reason "why"',
    );
  });
});

describe('reasons together', () => {
  const [blocked, held, ask, wait] = [
    block('withdrawn', said),
    block('channel-frozen', said),
    block('approval-needed', { ...said, clear: { plan: 'p', key: '' } }),
    block('rollout-paused', said),
  ] as const;

  it.each([
    ['the weightiest', [wait, ask, held, blocked], 'blocked', true],
    ['held where nothing is blocked', [wait, held, ask], 'held', true],
    ['a question where nothing is held', [wait, ask], 'ask', false],
    ['a wait alone', [wait], 'wait', false],
    ['none of them', [], 'apply', false],
  ])('make the verdict of %s', (_what, reasons, verdict, refused) => {
    expect(verdictOf(reasons, 'apply')).toBe(verdict);
    expect(isRefused(reasons)).toBe(refused);
  });

  it('stand by their weight, and as they came where they weigh the same', () => {
    const other = block('not-offered', said);

    expect(sortReasons([wait, other, ask, blocked, held])).toEqual([other, blocked, held, ask, wait]);
  });
});

describe('the host', () => {
  const FRESH = { freshness: { state: 'fresh', expires: null }, command: null } as const;
  const host = { deploymentInProgress: false, inconsistent: false };
  const overriding = (...override: ('window' | 'health' | 'drift')[]) => ({
    actor: 'ada',
    reason: 'why',
    override,
  });
  const codes = (input: Partial<Pick<DecideInput, 'host' | 'freshness' | 'command'>>) =>
    hostReasons({ ...FRESH, host, ...input } as DecideInput).map(({ code }) => code);

  it.each<[string, Parameters<typeof codes>[0], readonly string[]]>([
    ['that is ready has none', {}, []],
    ['whose files are known to be whole has none', { host: { ...host, currentDamage: null } }, []],
    ['that has heard nothing yet', { freshness: { state: 'never', expires: null } }, ['metadata-missing']],
    ['whose clock is behind', { freshness: { state: 'clock-behind', expires: null } }, ['clock-behind']],
    ['that does not know what runs', { host: { ...host, currentDamage: 'lost' } }, ['generation-damaged']],
    ['that is neither old nor new', { host: { ...host, inconsistent: true } }, ['deployment-inconsistent']],
    [
      'that is neither, and a person passes something else over',
      { host: { ...host, inconsistent: true }, command: overriding('window') },
      ['deployment-inconsistent'],
    ],
    [
      'that is neither, and a person goes on all the same',
      { host: { ...host, inconsistent: true }, command: overriding('window', 'health') },
      [],
    ],
    [
      'that has every one of them',
      {
        host: { currentDamage: 'lost', inconsistent: true, deploymentInProgress: true },
        freshness: { state: 'expired', expires: null },
      },
      ['metadata-expired', 'generation-damaged', 'deployment-inconsistent', 'deployment-in-progress'],
    ],
  ])('%s', (_what, input, told) => {
    expect(codes(input)).toEqual(told);
  });
});

describe('nothing on offer', () => {
  const { input } = decideScenario({ releases: { 'core/auth@1.0.0': {} }, runs: ['core/auth@1.0.0'] });
  const pinOf = (name: string) =>
    pin.parse({ level: 'capability', name, version: '1.0.0', owner: 'ada', reason: 'audit' });
  const lift = (names: readonly string[], isSmallest: boolean) => ({
    lift: names.map(pinOf),
    isSmallest,
    gains: names.map((component) => ({ component, from: null, to: '2.0.0' })),
  });
  const idle = (result: object) =>
    idleReasons({
      ...input,
      desired: { result: { ...input.desired.result, ...result } as never, plan: null, forecast: null },
    });
  const conflict = (found: object | null) =>
    idle({ kind: 'conflict', problems: ['a', 'b'], pins: [], lift: found });

  it('for a conflict says whose it is, and how many pins to lift', () => {
    expect(conflict(null)).toEqual([
      block('requirements-conflict', {
        message: 'no versions satisfy everything at once: a; b',
        source: 'the release manifests',
      }),
    ]);
    expect(conflict(lift([], true)).map(({ code }) => code)).toEqual(['requirements-conflict']);
    expect(conflict(lift(['core/a'], true))).toEqual([
      block('pins-conflict', {
        message: 'no versions satisfy everything at once: a; b',
        source: 'policy pins',
        clear: [{ component: 'core/a' }],
      }),
    ]);
  });

  it('for a conflict tells the holes first that stay open with it', () => {
    const unfixable = [
      { advisory: 'FL-1', component: 'core/auth', version: '1.0.0', reason: 'no-fix' },
    ] as never;
    const emergency = { ...input.emergency, result: { ...input.emergency.result, unfixable } };
    const result = { kind: 'conflict', problems: ['a'], pins: [], lift: null } as const;
    const reasons = idleReasons({ ...input, emergency, desired: { result, plan: null, forecast: null } });

    expect(reasons.map(({ code }) => code)).toEqual(['unfixable', 'requirements-conflict']);
  });

  it.each([
    [
      { kind: 'wave', at: 0, track: 'candidate' },
      'core/auth 1.0.1 is tried on track candidate, and comes here when everybody there was offered it',
    ],
    [
      { kind: 'paused', track: 'candidate' },
      'the vendor has paused the rollout of core/auth 1.0.1 on track candidate, where it is tried',
    ],
    [{ kind: 'paused' }, 'the vendor has paused the rollout of core/auth 1.0.1'],
  ] as const)('names the track on which a fix is tried, for %o', (why, message) => {
    const release = { component: 'core/auth', version: '1.0.1', release: 'x', why } as never;

    expect(withheldReason(release, []).message).toBe(message);
  });

  it('names what a fix needs that no rollout offers', () => {
    const open = { advisory: 'FL-1', component: 'core/auth', version: '1.0.0', reason: 'unoffered' };
    const needs = { component: 'core/api', version: '2.0.0' };
    const fixes = { ...input.fixes, result: { ...input.fixes.result, unfixable: [{ ...open, needs }] } };

    expect(idleReasons({ ...input, fixes } as never).map(({ code, message }) => [code, message])).toEqual([
      [
        'not-offered',
        'FL-1 affects core/auth 1.0.0: its fix needs core/api 2.0.0, which no rollout offers to this instance',
      ],
    ]);
  });

  it.each([
    ['one pin', ['core/a'], false, 'pins keep back core/a 2.0.0: core/a at 1.0.0'],
    [
      'the fewest',
      ['core/a', 'core/b'],
      true,
      'pins keep back core/a 2.0.0, core/b 2.0.0: core/a at 1.0.0, core/b at 1.0.0',
    ],
    [
      'some that may not be the fewest',
      ['core/a', 'core/b'],
      false,
      'pins keep back core/a 2.0.0, core/b 2.0.0: core/a at 1.0.0, core/b at 1.0.0; to lift these 2 suffices, fewer may',
    ],
  ])('for what pins hold back names %s', (_what, names, isSmallest, message) => {
    expect(idle({ heldBack: lift(names, isSmallest) }).map((one) => one.message)).toEqual([message]);
  });

  it('tells holes first, then what is withheld, then what is held back', () => {
    const unfixable = [
      { advisory: 'FL-1', component: 'core/auth', version: '1.0.0', reason: 'no-fix' },
    ] as never;
    const emergency = { ...input.emergency, result: { ...input.emergency.result, unfixable } };
    const result = {
      ...input.desired.result,
      withheld: [{ component: 'core/b', version: '1.0.0', release: 'x', why: { kind: 'paused' } }],
      heldBack: lift(['core/a'], true),
    } as never;

    expect(
      idleReasons({ ...input, emergency, desired: { result, plan: null, forecast: null } }).map(
        ({ code }) => code,
      ),
    ).toEqual(['unfixable', 'rollout-paused', 'pins-hold-back']);
    expect(
      idleReasons({
        ...input,
        emergency,
        config: { kind: 'unreadable', problem: 'lost', hint: 'mend it' },
      }).map(({ code }) => code),
    ).toEqual(['config-invalid', 'unfixable']);
  });

  it('tells of a fix in quarantine every story of its component, and no other’s', () => {
    const open = [
      { advisory: 'FL-1', component: 'core/auth', version: '1.0.0', reason: 'quarantined' },
    ] as never;
    const note = (component: string, record: number) => ({
      component,
      version: `1.0.${record}`,
      release: 'x',
      reason: 'slow',
      record,
    });
    const emergency = { ...input.emergency, result: { ...input.emergency.result, unfixable: open } };
    const told = (quarantine: DecideInput['quarantine']) =>
      openReasons({ ...input, emergency, quarantine }).map(({ message }) => message);

    expect(told([note('core/auth', 3), note('core/api', 4), note('core/auth', 5)])).toEqual([
      'FL-1 affects core/auth 1.0.0: 1.0.3 is quarantined since change 3: slow; 1.0.5 is quarantined since change 5: slow',
    ]);
    expect(told([note('core/api', 4)])).toEqual([
      'FL-1 affects core/auth 1.0.0: the fixed version failed here and is quarantined',
    ]);
  });
});

describe('local files', () => {
  const config = instanceConfig.parse({ schema: 'fairlead/instance@1', suites: { core: {} } });
  const unreadable = { kind: 'unreadable', problem: 'lost', hint: 'mend it' } as const;

  it('that cannot be read leave what runs with what it has, and nothing else on', () => {
    const running = { manifest: {}, releases: new Map(), config } as never;

    expect(effectiveConfig({ config: { kind: 'readable', config } }, null)).toBe(config);
    expect(effectiveConfig({ config: unreadable }, running)).toBe(config);
    expect(effectiveConfig({ config: unreadable }, null)).toEqual({
      schema: 'fairlead/instance@1',
      track: 'stable',
      suites: {},
    });
    expect(effectivePolicy({ policy: unreadable })).toEqual({ ...DEFAULT_POLICY, channel: 'frozen' });
  });

  it('fail with our own errors, or with a mistake that is thrown on', () => {
    const own = new FairleadError('disk/unreadable', { path: '/a', problem: 'EACCES' });
    const mistake = new TypeError('a mistake');

    expect(unreadableConfig(own)).toEqual({ kind: 'unreadable', problem: own.message, hint: own.hint });
    expect(() => unreadableConfig(mistake)).toThrow(mistake);
  });
});
