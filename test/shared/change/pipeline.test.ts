// The pipeline: which stage follows which, and that no record can be made to look otherwise.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChangeRecord, changeRecord, STAGES, type Stage } from '../../../shared/change/change.ts';
import {
  builtRelease,
  commandFor,
  eventOf,
  openChange,
  type StageInput,
  stageDue,
  transition,
  verifyChangeRecord,
} from '../../../shared/change/pipeline.ts';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { type Digest, digestOf } from '../../../shared/encoding/digest.ts';
import type { Version } from '../../../shared/version/version.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';

const BUILT = digestOf(utf8('the built release'));
const OTHER = digestOf(utf8('another release'));
const TREE = { digest: digestOf(utf8('a tree')), files: 1, bytes: 6 };
const NONE = { committed: 0, rolledBack: 0, inProgress: 0, failed: 0 };
const FIELDS = {
  id: 'CHG-1',
  component: 'core/auth',
  version: '1.0.1' as Version,
  revision: 'git:9f1c2ab',
  scope: 'fix token reuse',
};

/** The event of each stage as an honest command would report it, minute by minute. */
function eventFor(
  stage: Stage,
  outcome: 'passed' | 'failed' = 'passed',
  release: Digest = BUILT,
): StageInput {
  const base = { at: `2026-01-01T10:0${STAGES.indexOf(stage)}:00Z`, actor: 'anna@build-1' };
  switch (stage) {
    case 'intake':
      return { stage, outcome: 'passed', details: {}, ...base };
    case 'build':
      return { stage, outcome: 'passed', details: { release, tree: TREE, reproduced: false }, ...base };
    case 'verification': {
      const checks = [{ check: 'schema', outcome, detail: 'checked' }];
      return { stage, outcome, details: { release, checks }, ...base };
    }
    case 'release':
      return {
        stage,
        outcome: 'passed',
        details: { release, path: 'capabilities/core/auth/1.0.1.json' },
        ...base,
      };
    case 'deploy':
      return {
        stage,
        outcome: 'passed',
        details: { release, order: 'rollouts/x.json', document: OTHER },
        ...base,
      };
    case 'post-deploy':
      return { stage, outcome, details: { release, counts: { ...NONE, committed: 1 } }, ...base };
    case 'completion':
      return { stage, outcome, details: { release, returnsTo: null }, ...base };
  }
}

/** A record that has passed every stage up to and including this one. */
function recordAt(stage: Stage): ChangeRecord {
  const events = STAGES.slice(1, STAGES.indexOf(stage) + 1).map((each) => eventFor(each));
  return events.reduce(transition, openChange(FIELDS, '2026-01-01T10:00:00Z', 'anna@build-1'));
}

describe('the order of the stages', () => {
  const pairs = STAGES.flatMap((at) => STAGES.map((next) => ({ at, next })));

  it.each(pairs)('after $at, $next is taken exactly when it is the next stage', ({ at, next }) => {
    const record = recordAt(at);
    const isNext = STAGES.indexOf(next) === STAGES.indexOf(at) + 1;

    const act = () => transition(record, { ...eventFor(next), at: '2026-01-01T11:00:00Z' });

    if (isNext) expect(act().stages.at(-1)?.stage).toBe(next);
    else expect(codeOf(act)).toBe(at === 'completion' ? 'vendor/change-closed' : 'vendor/stage-not-due');
  });

  it('walks all seven to a completed change', () => {
    const record = recordAt('completion');

    expect(record.stages.map((event) => event.stage)).toEqual([...STAGES]);
    expect(record.result).toBe('completed');
    expect(stageDue(record)).toBeNull();
  });

  it('names the stage that is due and the command for it', () => {
    const refusal = refusalOf(() => transition(recordAt('build'), eventFor('release')));

    expect(dataOf(refusal, 'vendor/stage-not-due')).toMatchObject({
      due: 'verification',
      command: 'fairlead-vendor verify CHG-1',
    });
  });

  it.each(STAGES)('has a command for %s', (stage) => {
    expect(commandFor(FIELDS, stage)).toMatch(/^fairlead-vendor /);
  });
});

describe('what a refusal tells', () => {
  const giveUp = (record: ChangeRecord) =>
    transition(record, {
      stage: 'abandonment',
      outcome: 'failed',
      details: { reason: 'a slip' },
      at: '2026-01-01T11:00:00Z',
      actor: 'anna',
    });
  const completed = recordAt('completion');

  it.each<[string, () => unknown, string, object]>([
    [
      'a stage that is not due',
      () => transition(recordAt('intake'), eventFor('deploy')),
      'vendor/stage-not-due',
      {
        change: 'CHG-1',
        stage: 'deploy',
        due: 'build',
        command: 'fairlead-vendor build core/auth@1.0.1 --change CHG-1 --from PATH --manifest FILE',
      },
    ],
    [
      'a release that is not built',
      () => builtRelease(recordAt('intake'), 'release'),
      'vendor/stage-not-due',
      {
        change: 'CHG-1',
        stage: 'release',
        due: 'build',
        command: 'fairlead-vendor build core/auth@1.0.1 --change CHG-1 --from PATH --manifest FILE',
      },
    ],
    [
      'a change that has ended',
      () => transition(completed, eventFor('build')),
      'vendor/change-closed',
      { change: 'CHG-1', stage: 'build', result: 'completed' },
    ],
    [
      'giving up what has ended',
      () => giveUp(completed),
      'vendor/change-closed',
      { change: 'CHG-1', stage: 'abandonment', result: 'completed' },
    ],
    [
      'giving up what is released',
      () => giveUp(recordAt('release')),
      'vendor/released',
      { change: 'CHG-1', release: 'core/auth@1.0.1' },
    ],
    [
      'another artifact',
      () => transition(recordAt('build'), eventFor('verification', 'passed', OTHER)),
      'vendor/digest-mismatch',
      { change: 'CHG-1', stage: 'verification', expected: BUILT, found: OTHER },
    ],
    [
      'another outcome',
      () => transition(recordAt('post-deploy'), eventFor('completion', 'failed')),
      'vendor/outcome-mismatch',
      { change: 'CHG-1', verified: 'passed' },
    ],
    [
      'a clock that went back',
      () => transition(recordAt('build'), { ...eventFor('verification'), at: '2026-01-01T10:00:59Z' }),
      'vendor/clock-behind',
      { change: 'CHG-1', at: '2026-01-01T10:00:59Z', last: '2026-01-01T10:01:00Z' },
    ],
  ])('of %s', (_what, act, code, data) => {
    const refusal = refusalOf(act);

    expect([refusal.code, refusal.data]).toEqual([code, data]);
  });

  it.each<[Stage, string]>([
    ['intake', 'change open'],
    ['build', 'build core/auth@1.0.1 --change CHG-1 --from PATH --manifest FILE'],
    ['verification', 'verify CHG-1'],
    ['release', 'release CHG-1'],
    ['deploy', 'rollout start CHG-1'],
    ['post-deploy', 'change complete CHG-1'],
    ['completion', 'change complete CHG-1'],
  ])('for %s is the command %s', (stage, command) => {
    expect(commandFor(FIELDS, stage)).toBe(`fairlead-vendor ${command}`);
  });

  it.each<[string, RegExp, (record: ChangeRecord) => ChangeRecord]>([
    ['no stages', /no stages/, (r) => ({ ...r, stages: [] })],
    ['another intake', /its intake/, (r) => ({ ...r, scope: 'something harmless' })],
    [
      'an event that was changed',
      /the event before verification at/,
      (r) => ({ ...r, stages: r.stages.map((e, i) => (i === 1 ? { ...e, actor: 'eve' } : e)) }),
    ],
    ['fields that no stage wrote', /its release, tree or result/, (r) => ({ ...r, release: OTHER })],
  ])('of a record with %s', (_what, problem, tamper) => {
    const refusal = refusalOf(() => verifyChangeRecord(tamper(completed)));

    expect(dataOf(refusal, 'vendor/record-invalid')).toEqual({
      change: 'CHG-1',
      problem: expect.stringMatching(problem),
    });
  });
});

describe('an event that is looked for', () => {
  it('is the newest of its stage, or none', () => {
    const failed = transition(recordAt('build'), eventFor('verification', 'failed'));
    const passed = transition(failed, eventFor('verification'));

    expect([failed, passed].map((record) => eventOf(record, 'verification')?.outcome)).toEqual([
      'failed',
      'passed',
    ]);
    expect(eventOf(passed, 'release')).toBeUndefined();
    expect(builtRelease(passed, 'release')).toBe(BUILT);
  });

  it('may be of the same second as the one before', () => {
    const at = recordAt('build').stages.at(-1)?.at ?? '';

    expect(transition(recordAt('build'), { ...eventFor('verification'), at }).stages).toHaveLength(3);
  });
});

describe('failures', () => {
  it('keeps a change that failed verification at verification', () => {
    const failed = transition(recordAt('build'), eventFor('verification', 'failed'));

    expect(stageDue(failed)).toBe('verification');
    expect(codeOf(() => transition(failed, eventFor('release')))).toBe('vendor/stage-not-due');
  });

  it('lets the same artifact be verified again', () => {
    const failed = transition(recordAt('build'), eventFor('verification', 'failed'));

    const verified = transition(failed, eventFor('verification'));

    expect(stageDue(verified)).toBe('release');
    verifyChangeRecord(verified);
  });

  it('ends a change whose post-deploy verification failed as rolled back, and not otherwise', () => {
    const failed = transition(recordAt('deploy'), eventFor('post-deploy', 'failed'));

    expect(codeOf(() => transition(failed, eventFor('completion')))).toBe('vendor/outcome-mismatch');
    expect(transition(failed, eventFor('completion', 'failed')).result).toBe('rolled-back');
  });

  it('does not let a verified change end as rolled back', () => {
    const act = () => transition(recordAt('post-deploy'), eventFor('completion', 'failed'));

    expect(codeOf(act)).toBe('vendor/outcome-mismatch');
  });
});

describe('abandonment', () => {
  const giveUp = (record: ChangeRecord) => {
    const details = { reason: 'built from the wrong directory' };
    const at = '2026-01-01T11:00:00Z';
    return transition(record, { stage: 'abandonment', outcome: 'failed', details, at, actor: 'anna' });
  };

  it.each(['intake', 'build', 'verification'] as const)('ends a change after %s, on its record', (stage) => {
    const record = giveUp(recordAt(stage));

    expect(record.result).toBe('abandoned');
    expect(stageDue(record)).toBeNull();
    expect(codeOf(() => transition(record, eventFor('verification')))).toBe('vendor/change-closed');
    verifyChangeRecord(changeRecord.parse(JSON.parse(JSON.stringify(record))));
  });

  it.each(['release', 'deploy', 'post-deploy'] as const)('is refused after %s', (stage) => {
    expect(codeOf(() => giveUp(recordAt(stage)))).toBe('vendor/released');
  });

  it('is refused of what has ended', () => {
    expect(codeOf(() => giveUp(recordAt('completion')))).toBe('vendor/change-closed');
    expect(codeOf(() => giveUp(giveUp(recordAt('build'))))).toBe('vendor/change-closed');
  });

  it('cannot be taken out of a record, nor be put in', () => {
    const abandoned = giveUp(recordAt('build'));
    const revived: ChangeRecord = { ...abandoned, stages: abandoned.stages.slice(0, -1) };

    expect(codeOf(() => verifyChangeRecord(revived))).toBe('vendor/record-invalid');
    expect(codeOf(() => verifyChangeRecord({ ...recordAt('build'), result: 'abandoned' }))).toBe(
      'vendor/record-invalid',
    );
  });
});

describe('the artifact', () => {
  const afterBuild = STAGES.slice(STAGES.indexOf('verification'));

  it.each(afterBuild)('cannot be exchanged at %s', (stage) => {
    const before = STAGES[STAGES.indexOf(stage) - 1] ?? 'intake';

    const act = () => transition(recordAt(before), eventFor(stage, 'passed', OTHER));

    expect(codeOf(act)).toBe('vendor/digest-mismatch');
  });

  it('has a tree exactly when it is a capability', () => {
    const suite = openChange({ ...FIELDS, component: 'core' }, '2026-01-01T10:00:00Z', 'anna');

    expect(codeOf(() => transition(suite, eventFor('build')))).toBe('vendor/record-invalid');
  });
});

describe('time', () => {
  it('refuses an event earlier than the one before', () => {
    const act = () =>
      transition(recordAt('build'), { ...eventFor('verification'), at: '2025-12-31T00:00:00Z' });

    expect(codeOf(act)).toBe('vendor/clock-behind');
  });
});

describe('verifying a record', () => {
  it.each(STAGES)('accepts what the pipeline wrote up to %s', (stage) => {
    const record = recordAt(stage);

    verifyChangeRecord(record);

    expect(changeRecord.parse(JSON.parse(JSON.stringify(record)))).toEqual(record);
  });

  it.each<[string, (record: ChangeRecord) => ChangeRecord]>([
    [
      'a stage taken out',
      (r) => ({ ...r, stages: r.stages.filter((event) => event.stage !== 'verification') }),
    ],
    [
      'two stages exchanged',
      (r) => ({ ...r, stages: [r.stages[0]!, r.stages[2]!, r.stages[1]!, ...r.stages.slice(3)] }),
    ],
    ['another component', (r) => ({ ...r, component: 'core/api' })],
    ['another scope', (r) => ({ ...r, scope: 'something harmless' })],
    ['another tolerance', (r) => ({ ...r, tolerance: '100%' })],
    ['another revision', (r) => ({ ...r, revision: 'git:0000000' })],
    ['another release', (r) => ({ ...r, release: OTHER })],
    ['another tree', (r) => ({ ...r, tree: { ...TREE, bytes: 7 } })],
    ['another result', (r) => ({ ...r, result: 'open' })],
    [
      'another actor',
      (r) => ({ ...r, stages: r.stages.map((e, i) => (i === 3 ? { ...e, actor: 'eve' } : e)) }),
    ],
    [
      'another time',
      (r) => ({ ...r, stages: r.stages.map((e, i) => (i === 1 ? { ...e, at: '2026-01-01T10:01:30Z' } : e)) }),
    ],
    ['the last stage cut off', (r) => ({ ...r, stages: r.stages.slice(0, -1) })],
    ['no stage at all', (r) => ({ ...r, stages: [] })],
  ])('refuses %s', (_what, tamper) => {
    const tampered = tamper(recordAt('completion'));

    expect(codeOf(() => verifyChangeRecord(tampered))).toMatch(/^vendor\//);
  });

  it('refuses another actor on any event that another one follows', () => {
    const record = recordAt('completion');
    const editable = record.stages.slice(0, -1).map((_, index) => index);

    fc.assert(
      fc.property(
        fc.constantFrom(...editable),
        fc.string({ minLength: 1, maxLength: 20 }),
        (index, actor) => {
          fc.pre(actor !== record.stages[index]?.actor);
          const stages = record.stages.map((event, i) => (i === index ? { ...event, actor } : event));
          expect(codeOf(() => verifyChangeRecord({ ...record, stages }))).toBe('vendor/record-invalid');
        },
      ),
    );
  });
});
