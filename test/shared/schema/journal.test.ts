// The journal's entries: each kind with what only it may hold, as an earlier version wrote it and as this one does.
import { describe, expect, it } from 'vitest';
import { causeOf, isFinal, LOG_ENDS } from '../../../shared/schema/deployment.ts';
import { journalEntry } from '../../../shared/schema/journal.ts';

const position = { sequence: 1, at: '2026-03-01T10:00:00.000Z' };
const takes = (entry: object) => journalEntry.safeParse(entry).success;
const entered = (more: object) => ({ kind: 'entered', ...position, state: 'stopping', ...more });
const failure = { code: 'c', message: 'm', component: null, fault: 'release' };
const drift = { component: 'core/auth', added: 0, damaged: 0, mended: false, example: 'a' };

describe('an entry of the journal', () => {
  it.each<[string, object]>([
    ['a state alone', entered({})],
    [
      'a state with all that may stand on it',
      entered({ failure, red: ['core/auth'], degraded: [], drift: [drift] }),
    ],
    [
      'a failure of one component',
      entered({ failure: { ...failure, component: 'core/auth', fault: 'environment' } }),
    ],
    [
      'a failure at its bounds',
      entered({ failure: { ...failure, code: 'c'.repeat(64), message: 'm'.repeat(1000) } }),
    ],
    ['an intent', { kind: 'intent', ...position, step: { action: 'stop', component: 'core/auth' } }],
    ['an intent of the whole', { kind: 'intent', ...position, step: { action: 'switch', component: null } }],
    ['what was done', { kind: 'done', ...position, step: { action: 'evidence', component: null } }],
    ['a resumption by another process', { kind: 'resumed', ...position }],
    ['a resumption by the same', { kind: 'resumed', ...position, lived: true }],
    ['a stop', { kind: 'left', ...position }],
  ])('may be %s', (_what, entry) => {
    expect(journalEntry.parse(entry)).toEqual(entry);
  });

  it.each(['fetch', 'snapshot', 'stop', 'switch', 'start', 'direct', 'evidence', 'restore'])(
    'may be about the step %s',
    (action) => {
      expect(takes({ kind: 'done', ...position, step: { action, component: null } })).toBe(true);
    },
  );

  it.each<[string, object]>([
    ['the number 0', { kind: 'left', sequence: 0, at: position.at }],
    ['a state nobody knows', entered({ state: 'resting' })],
    ['a code too long', entered({ failure: { ...failure, code: 'c'.repeat(65) } })],
    ['a message too long', entered({ failure: { ...failure, message: 'm'.repeat(1001) } })],
    ['somebody else to blame', entered({ failure: { ...failure, fault: 'operator' } })],
    [
      'a failure that names no component or none',
      entered({ failure: { code: 'c', message: 'm', fault: 'release' } }),
    ],
    ['a step of another name', { kind: 'done', ...position, step: { action: 'wait', component: null } }],
    ['a step without its component', { kind: 'done', ...position, step: { action: 'stop' } }],
    ['an intent without a step', { kind: 'intent', ...position }],
    ['a key nobody knows', { kind: 'left', ...position, why: 'x' }],
    ['another kind', { kind: 'paused', ...position }],
  ])('may not have %s', (_what, entry) => {
    expect(takes(entry)).toBe(false);
  });
});

describe('a deployment', () => {
  it.each([
    ['planned', false],
    ['soaking', false],
    ['rolling-back', false],
    ['committed', true],
    ['rolled-back', true],
    ['abandoned', true],
    ['inconsistent', true],
  ] as const)('that is %s has ended: %s', (state, ended) => {
    expect(isFinal(state)).toBe(ended);
  });

  it.each([
    ['it did not start', 'it did not start'],
    [`it did not start${LOG_ENDS}bad port`, 'it did not start'],
    [`a${LOG_ENDS}b${LOG_ENDS}c`, 'a'],
    ['', ''],
  ])('failed for what stands before the lines of the log: %j', (message, cause) => {
    expect(causeOf(message)).toBe(cause);
  });
});
