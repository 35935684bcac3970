// Small judgements around a deployment: what may be undone, what is damage, what a record leaves behind, who is to blame.
import { describe, expect, it } from 'vitest';
import { ComponentTrouble, failureOf } from '../../../../agent/core/deploy/failure.ts';
import { driftOf } from '../../../../agent/core/deploy/generation.ts';
import { type ProbationFacts, selectSettled, selectUndoable } from '../../../../agent/core/deploy/records.ts';
import { longestInterruption } from '../../../../agent/core/deploy/rollback-target.ts';
import { afterStart, isRestartDue } from '../../../../agent/core/pauses.ts';
import { instantMs } from '../../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { DeploymentRecord, DeploymentState } from '../../../../shared/schema/deployment.ts';
import { PLANNED } from '../../../support/answers.ts';
import { API, AUTH } from '../../../support/deploy-releases.ts';
import { recordOf } from '../../../support/deployments.ts';

describe('what is undone by itself when it degrades', () => {
  const committed = (changes: Partial<DeploymentRecord> = {}) =>
    recordOf(2, ['planned', 'committed'], changes);
  const COMMITTED_AT = instantMs(committed().stages.at(-1)?.at ?? '');
  const facts = (changes: Partial<ProbationFacts>): ProbationFacts => ({
    records: [recordOf(1, ['committed']), committed()],
    current: { number: 2, plan: PLANNED },
    now: COMMITTED_AT + 59_999,
    probationMs: 60_000,
    ...changes,
  });
  const rollback = (id: number, state: DeploymentState) =>
    recordOf(id, [state], { reason: { kind: 'rollback', generation: 1 } });
  const STEP = committed().steps[0] as DeploymentRecord['steps'][number];

  it.each<[string, Partial<ProbationFacts>, number | null]>([
    ['the last commit, to the end of its probation', {}, 2],
    ['nothing from then on', { now: COMMITTED_AT + 60_000 }, null],
    ['it in the moment of its commit', { now: COMMITTED_AT }, 2],
    ['nothing whose commit lies in the future', { now: COMMITTED_AT - 1 }, null],
    ['nothing where none was committed', { records: [recordOf(1, ['abandoned'])] }, null],
    ['nothing where another generation runs', { current: { number: 1, plan: PLANNED } }, null],
    [
      'it also after an attempt that was abandoned',
      { records: [committed(), recordOf(3, ['abandoned'])] },
      2,
    ],
    ['no rollback', { records: [committed({ reason: { kind: 'rollback', generation: 2 } })] }, null],
    ['no first deployment', { records: [committed({ previousGeneration: null })] }, null],
    [
      'nothing whose data would go back',
      { current: { number: 2, plan: { ...PLANNED, reversible: 'snapshot' } } },
      null,
    ],
    ['nothing that was removed', { records: [committed({ steps: [{ ...STEP, to: null }] })] }, null],
    [
      'nothing that it did not change',
      { records: [committed({ steps: [{ ...STEP, component: API }] })] },
      null,
    ],
    ['nothing that was unhealthy before', { records: [committed({ unhealthyBefore: [AUTH] })] }, null],
    ['it where another was unhealthy before', { records: [committed({ unhealthyBefore: [API] })] }, 2],
    ['it after one way back that failed', { records: [committed(), rollback(3, 'abandoned')] }, 2],
    [
      'nothing after two',
      { records: [committed(), rollback(3, 'abandoned'), rollback(4, 'abandoned')] },
      null,
    ],
    [
      'it where the ways back were earlier',
      { records: [rollback(0, 'committed'), rollback(1, 'committed'), committed()] },
      2,
    ],
    ['nothing without a moment', { records: [committed({ stages: [] })] }, null],
  ])('is %s', (_what, changes, undone) => {
    expect(selectUndoable(facts(changes), AUTH)?.id ?? null).toBe(undone);
  });
});

describe('the longest interruption', () => {
  const took = (id: number, seconds: number, state: DeploymentState = 'committed') => {
    const from = instantMs('2026-03-01T10:00:00Z');
    const at = (ms: number) => new Date(from + ms).toISOString();
    return recordOf(id, [], {
      state,
      stages: [
        { state: 'preflight', at: at(-5000) },
        { state: 'stopping', at: at(0) },
        { state: 'soaking', at: at(seconds * 1000) },
        { state, at: at(seconds * 1000 + 60_000) },
      ],
    });
  };

  it.each<[string, readonly DeploymentRecord[], number | null]>([
    ['is not known where nothing was measured', [], null],
    ['reaches from the first stop to where everything was healthy', [took(1, 7)], 7000],
    [
      'is that of the last five',
      [took(1, 99), ...[3, 4, 9, 5, 6].map((seconds, i) => took(i + 2, seconds))],
      9000,
    ],
    ['counts no deployment that did not commit', [took(1, 7), took(2, 50, 'rolled-back')], 7000],
    ['counts nothing where nothing stopped', [recordOf(1, ['planned', 'soaking', 'committed'])], null],
    ['counts nothing where nothing came back', [recordOf(1, ['planned', 'stopping', 'committed'])], null],
    ['may be nothing', [took(1, 0)], 0],
    ['counts nothing between which a clock was set back', [took(1, -1)], null],
    ['counts nothing of a day: a clock was set forward', [took(1, 86_400)], null],
    ['counts a day less a second', [took(1, 86_399)], 86_399_000],
  ])('%s', (_what, records, ms) => {
    expect(longestInterruption(records)).toBe(ms);
  });
});

describe('where the records leave an instance', () => {
  it.each<[string, readonly DeploymentRecord[], number | null]>([
    ['nowhere', [], null],
    ['where the last was committed', [recordOf(3, ['committed'])], 3],
    ['before the one that was rolled back', [recordOf(3, ['rolled-back'])], 2],
    [
      'where it was before those that were abandoned',
      [recordOf(3, ['committed']), recordOf(4, ['abandoned'])],
      3,
    ],
    ['nobody can tell', [recordOf(3, ['committed']), recordOf(4, ['inconsistent'])], null],
    ['nobody can tell yet', [recordOf(3, ['committed']), recordOf(4, ['starting'])], null],
  ])('%s', (_where, records, generation) => {
    expect(selectSettled(records)).toBe(generation);
  });
});

describe('a service that is started again', () => {
  it.each([
    [0, 0, true],
    [1, 999, false],
    [1, 1000, true],
    [4, 7999, false],
    [4, 8000, true],
    [9, 59_999, false],
    [9, 60_000, true],
  ])('after %i attempts is due or not after %i ms', (attempts, now, due) => {
    expect(isRestartDue({ attempts, lastStart: 0 }, now)).toBe(due);
  });

  it.each([
    [119_999, 4],
    [120_000, 1],
  ])('that stayed up for %i ms counts %i', (now, attempts) => {
    expect(afterStart({ attempts: 3, lastStart: 0 }, now)).toEqual({ attempts, lastStart: now });
  });
});

describe('the files of what was left', () => {
  const added = { path: 'a.pyc', problem: 'unexpected' } as const;
  const gone = { path: 'main.js', problem: 'missing' } as const;
  const other = { path: 'lib\n.js', problem: 'changed' } as const;

  it.each([
    [[added], { added: 1, damaged: 0, example: 'a.pyc' }],
    [[added, gone, other], { added: 1, damaged: 2, example: 'main.js' }],
    [[other], { added: 0, damaged: 1, example: 'lib .js' }],
    [[], { added: 0, damaged: 0, example: '' }],
  ])('%j', (deviations, counts) => {
    expect(driftOf(AUTH, deviations, true)).toEqual({ component: AUTH, mended: true, ...counts });
  });
});

describe('who is to blame', () => {
  it.each<[string, unknown, object]>([
    [
      'the release, where its own code is the code',
      new FairleadError('deploy/smoke-failed', {
        component: AUTH,
        command: 'smoke',
        problem: 'exit 1',
      } as never),
      { code: 'deploy/smoke-failed', component: AUTH, fault: 'release' },
    ],
    [
      'nobody, where a disk is full',
      new FairleadError('disk/full', { path: '/a', needed: 1, free: 0 }),
      { code: 'disk/full', component: null, fault: 'environment' },
    ],
    [
      'nobody, with the component it happened at',
      new FairleadError('service/no-room', { component: AUTH, problem: 'EMFILE' }),
      { code: 'service/no-room', component: AUTH, fault: 'environment' },
    ],
    [
      'nobody, with the component that was looked after',
      new ComponentTrouble(API, new FairleadError('disk/full', { path: '/a', needed: 1, free: 0 })),
      { code: 'disk/full', component: API, fault: 'environment' },
    ],
    [
      'nobody, for a mistake of ours',
      new TypeError('no function'),
      { code: 'deploy/unexpected', component: null, fault: 'environment' },
    ],
    [
      'nobody, for whatever was thrown',
      'a word',
      { code: 'deploy/unexpected', component: null, fault: 'environment' },
    ],
  ])('%s', (_who, error, failure) => {
    expect(failureOf(error)).toMatchObject(failure);
  });

  it('is told on one line of at most five hundred characters, in the words of what was thrown', () => {
    expect(failureOf(new Error(`first\n${'x'.repeat(600)}`)).message).toMatch(/first x+…$/);
    expect(failureOf(new Error('x'.repeat(600))).message).toHaveLength(500);
    expect([
      new ComponentTrouble(API, new Error('why')).message,
      new ComponentTrouble(API, 'why').message,
    ]).toEqual(['why', 'it failed']);
  });
});
