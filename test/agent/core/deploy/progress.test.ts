// What a journal tells: each kind of entry adds its part, the first failure stays, and the record shows it.
import { describe, expect, it } from 'vitest';
import { type Progress, progressOf, recordWith, stepKey } from '../../../../agent/core/deploy/progress.ts';
import { type JournalEntry, journalEntry } from '../../../../shared/schema/journal.ts';
import { API, AUTH } from '../../../support/deploy-releases.ts';
import { recordOf } from '../../../support/deployments.ts';

const AT = '2026-03-01T10:00:00Z';
const failure = (message: string) => ({ code: 'a/b', message, component: AUTH, fault: 'release' as const });
const drift = { component: AUTH, added: 1, damaged: 0, mended: false, example: 'a' };
const STOP = { action: 'stop', component: AUTH } as const;
const SWITCH = { action: 'switch', component: null } as const;

function journalOf(...entries: readonly object[]): readonly JournalEntry[] {
  return entries.map((entry, index) => journalEntry.parse({ sequence: index + 1, at: AT, ...entry }));
}
const enter = (state: string, more: object = {}) => ({ kind: 'entered', state, ...more });
const after = journalOf;
const progress = (...entries: readonly object[]) => progressOf(after(...entries));

const ranOnce = { service: 'migrate', exitStatus: 0, ms: 1200, limitMs: 60_000, lastLines: ['3 tables'] };

describe('a journal', () => {
  it('that is empty has begun nothing', () => {
    expect(progress()).toEqual({
      state: 'planned',
      stages: [],
      failure: null,
      ending: null,
      red: new Set(),
      degraded: new Set(),
      drift: [],
      fetched: new Map(),
      once: new Map(),
      pulled: null,
      intended: new Set(),
      done: new Set(),
      resumed: 0,
      lived: false,
      left: false,
      entries: 0,
    });
  });

  it.each<[string, readonly object[], Partial<Progress>]>([
    [
      'the state it entered last, and all before',
      [enter('planned'), enter('fetching')],
      { state: 'fetching', entries: 2 },
    ],
    [
      'the first failure, not the ones after it',
      [enter('planned', { failure: failure('1') }), enter('rolling-back', { failure: failure('2') })],
      { failure: failure('1') },
    ],
    [
      'why a person is needed',
      [enter('planned', { failure: failure('1') }), enter('inconsistent', { failure: failure('2') })],
      { failure: failure('1'), ending: failure('2') },
    ],
    ['no such reason where none was written', [enter('inconsistent')], { ending: null }],
    ['no such reason in another end', [enter('rolled-back', { failure: failure('1') })], { ending: null }],
    [
      'what was unhealthy before, once it was found',
      [enter('stopping', { red: [API] }), enter('starting')],
      { red: new Set([API]) },
    ],
    [
      'what had degraded',
      [enter('planned', { degraded: [API] }), enter('stopping')],
      { degraded: new Set([API]) },
    ],
    ['how the files looked', [enter('preflight', { drift: [drift] }), enter('stopping')], { drift: [drift] }],
    [
      'what came of images',
      [enter('stopping', { pulled: { bytes: 7, ms: 5 } }), enter('starting')],
      { pulled: { bytes: 7, ms: 5 } },
    ],
    [
      'what was intended',
      [
        { kind: 'intent', step: STOP },
        { kind: 'intent', step: SWITCH },
      ],
      { intended: new Set(['stop core/auth', 'switch']), done: new Set() },
    ],
    [
      'what was done',
      [
        { kind: 'intent', step: STOP },
        { kind: 'done', step: STOP },
      ],
      { done: new Set(['stop core/auth']) },
    ],
    [
      'no intentions of the way back',
      [enter('rolling-back'), { kind: 'intent', step: STOP }, { kind: 'done', step: STOP }],
      { intended: new Set(), done: new Set(['stop core/auth']), entries: 3 },
    ],
    ['how often it was taken up', [{ kind: 'resumed' }, { kind: 'resumed' }], { resumed: 2, lived: false }],
    [
      'that it was taken up by the process at work',
      [{ kind: 'resumed', lived: true }, { kind: 'resumed' }],
      { resumed: 2, lived: true },
    ],
    ['that the process at work was told to stop', [{ kind: 'left' }], { left: true, entries: 1 }],
    ['no crash in that', [{ kind: 'left' }, { kind: 'resumed' }], { left: false, resumed: 0 }],
    ['a crash after that', [{ kind: 'left' }, { kind: 'resumed' }, { kind: 'resumed' }], { resumed: 1 }],
  ])('tells %s', (_what, entries, told) => {
    expect(progress(...entries)).toMatchObject(told);
  });

  it('names a step with its component', () => {
    expect([stepKey(STOP), stepKey(SWITCH)]).toEqual(['stop core/auth', 'switch']);
  });
});

describe('a record', () => {
  const record = recordOf(1, ['planned']);

  it('shows where its journal stands', () => {
    const told = recordWith(record, progress(enter('planned'), enter('fetching')));

    expect(told).toEqual({
      ...record,
      state: 'fetching',
      stages: [
        { state: 'planned', at: AT },
        { state: 'fetching', at: AT },
      ],
      failure: null,
    });
  });

  it.each<[string, readonly object[], object]>([
    [
      'why it failed',
      [enter('rolled-back', { failure: failure('1') })],
      { failure: { code: 'a/b', message: '1' } },
    ],
    [
      'rather why a person is needed',
      [enter('rolling-back', { failure: failure('1') }), enter('inconsistent', { failure: failure('2') })],
      { failure: { code: 'a/b', message: '2' } },
    ],
    ['what was unhealthy before', [enter('stopping', { red: [API] })], { unhealthyBefore: [API] }],
    ['how the files looked', [enter('preflight', { drift: [drift] })], { drift: [drift] }],
    [
      'what came of images',
      [enter('stopping', { pulled: { bytes: 7, ms: 5 } })],
      { pulled: { bytes: 7, ms: 5 } },
    ],
    [
      'how its files came',
      [{ kind: 'done', step: { action: 'fetch', component: AUTH }, fetched: { way: 'patch', bytes: 9 } }],
      { fetched: [{ component: AUTH, way: 'patch', bytes: 9 }] },
    ],
    [
      'what ran once at a start, and at one that failed',
      [
        { kind: 'done', step: { action: 'start', component: AUTH }, once: [ranOnce] },
        enter('rolling-back', { failure: { ...failure('1'), component: API }, once: [ranOnce] }),
      ],
      {
        once: [
          { component: AUTH, ...ranOnce },
          { component: API, ...ranOnce },
        ],
      },
    ],
  ])('shows %s', (_what, entries, shown) => {
    expect(recordWith(record, progress(...entries))).toMatchObject(shown);
  });

  it('tells nothing of what ran once on the way back', () => {
    const back = { kind: 'done', step: { action: 'start', component: AUTH }, once: [ranOnce] };

    expect(recordWith(record, progress(enter('rolling-back'), back)).once).toBeUndefined();
  });
});
