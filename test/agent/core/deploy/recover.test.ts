// Recovery as a pure choice: what the journal and the disk say, and the one way on.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxEntries, type RecoveryFacts, recover } from '../../../../agent/core/deploy/recover.ts';
import { isUntouched } from '../../../../agent/core/deploy/states.ts';
import { DEPLOYMENT_STATES, type DeploymentState, isFinal } from '../../../../shared/schema/deployment.ts';
import type { JournalEntry } from '../../../../shared/schema/journal.ts';

const WHOLE: RecoveryFacts = {
  journalDamaged: false,
  previous: true,
  committed: false,
  changedComponents: 1,
  lived: false,
};

type Written = DeploymentState | 'resumed';

function journalOf(...written: readonly Written[]): readonly JournalEntry[] {
  return written.map((what, index) => {
    const position = { sequence: index + 1, at: '2026-01-31T10:00:00.000Z' };
    return what === 'resumed'
      ? { kind: 'resumed', ...position }
      : { kind: 'entered', ...position, state: what };
  });
}

const of = (code: string) => ({ code, component: null, fault: 'environment' });

describe('recovery', () => {
  it.each<[string, readonly Written[], Partial<RecoveryFacts>, string]>([
    ['forgets a deployment that touched nothing', ['planned', 'preflight'], {}, 'abandon'],
    ['takes up one that had begun to stop services', ['planned', 'stopping'], {}, 'resume'],
    ['takes up one that was being watched', ['planned', 'soaking'], {}, 'resume'],
    ['rolls back after a second crash on the way forward', ['starting', 'resumed'], {}, 'roll-back'],
    ['finishes a rollback', ['verifying', 'rolling-back'], {}, 'finish-rollback'],
    [
      'finishes a rollback however often it crashed',
      ['rolling-back', ...Array<'resumed'>(9).fill('resumed')],
      {},
      'finish-rollback',
    ],
    [
      'gives up what never ends',
      ['rolling-back', ...Array<'resumed'>(maxEntries(1)).fill('resumed')],
      {},
      'give-up',
    ],
    ['settles what has ended', ['soaking', 'committed'], {}, 'settle'],
    [
      'settles what has ended though damage follows',
      ['soaking', 'committed'],
      { journalDamaged: true },
      'settle',
    ],
    [
      'rolls back when the journal cannot be trusted',
      ['planned', 'fetching'],
      { journalDamaged: true },
      'roll-back',
    ],
    ['keeps a commit that the disk proves', ['planned'], { journalDamaged: true, committed: true }, 'commit'],
    ['gives up when there is no way back', ['starting'], { previous: false }, 'give-up'],
    ['abandons without needing a way back', ['fetching'], { previous: false }, 'abandon'],
  ])('%s', (_, written, facts, expected) => {
    expect(recover(journalOf(...written), { ...WHOLE, ...facts }).kind).toBe(expected);
  });

  it.each([
    ['the release of two crashes', false, false, 'release'],
    ['nobody where the process that asks was itself at work', false, true, 'environment'],
    ['nobody where an earlier process had lived on', true, false, 'environment'],
  ])('blames %s', (_, resumedAlive, lived, fault) => {
    const position = { sequence: 2, at: '2026-01-31T10:00:00.000Z' };
    const entries = [
      ...journalOf('starting'),
      { kind: 'resumed', ...position, lived: resumedAlive } as const,
    ];

    expect(recover(entries, { ...WHOLE, lived })).toMatchObject({ kind: 'roll-back', failure: { fault } });
  });

  it.each([
    [0, 120],
    [1, 160],
    [3, 240],
  ])(
    'of %i changed components has room for %i entries, and gives up at one more',
    (changedComponents, most) => {
      const having = (entries: number) =>
        recover(journalOf('rolling-back', ...Array<'resumed'>(entries - 1).fill('resumed')), {
          ...WHOLE,
          changedComponents,
        });

      expect(having(most).kind).toBe('finish-rollback');
      expect(having(most + 1)).toMatchObject({ kind: 'give-up', failure: { code: 'deploy/endless' } });
      expect(maxEntries(changedComponents)).toBe(most);
    },
  );

  it.each<[string, readonly Written[], Partial<RecoveryFacts>, object]>([
    ['an interruption', ['planned', 'fetching'], {}, { kind: 'abandon', failure: of('deploy/interrupted') }],
    ['a lost way back', ['starting'], { previous: false }, { failure: of('deploy/generation-lost') }],
    ['damage', ['starting'], { journalDamaged: true }, { failure: of('deploy/journal-damaged') }],
    [
      'damage without a way back',
      ['starting'],
      { journalDamaged: true, previous: false },
      { kind: 'give-up', failure: of('deploy/journal-damaged') },
    ],
    [
      'crashes by what was deployed',
      ['soaking', 'resumed'],
      {},
      { failure: { ...of('deploy/went-down'), fault: 'release' } },
    ],
  ])('blames %s, and no component', (_what, written, facts, recovery) => {
    expect(recover(journalOf(...written), { ...WHOLE, ...facts })).toMatchObject(recovery);
  });

  it('names the state that was interrupted', () => {
    const { failure } = recover(journalOf('fetching'), WHOLE) as {
      readonly failure: { readonly message: string };
    };

    expect(failure.message).toContain('fetching');
  });

  it('counts no run that was left on purpose, and every other', () => {
    const position = { sequence: 2, at: '2026-01-31T10:00:00.000Z' };
    const left = { kind: 'left', ...position } as const;
    const taken = { kind: 'resumed', ...position } as const;

    expect(recover([...journalOf('soaking'), left], WHOLE).kind).toBe('resume');
    expect(recover([...journalOf('soaking'), left, taken], WHOLE).kind).toBe('resume');
    expect(recover([...journalOf('soaking'), taken, left], WHOLE).kind).toBe('resume');
    expect(recover([...journalOf('soaking'), taken], WHOLE).kind).toBe('roll-back');
  });

  it('never goes forward from a rollback, whatever else is true', () => {
    const facts = fc.record({
      journalDamaged: fc.boolean(),
      previous: fc.boolean(),
      committed: fc.constant(false),
      changedComponents: fc.nat(9),
      lived: fc.boolean(),
    });
    const after = fc.array(fc.constant<Written>('resumed'), { maxLength: 20 });
    fc.assert(
      fc.property(facts, after, (disk, more) => {
        const { kind } = recover(journalOf('verifying', 'rolling-back', ...more), disk);

        expect(['finish-rollback', 'roll-back', 'give-up']).toContain(kind);
      }),
    );
  });

  it('touches a live system only where the journal says that it may have been touched', () => {
    for (const state of DEPLOYMENT_STATES) {
      const { kind } = recover(journalOf(state), WHOLE);

      expect(kind === 'abandon').toBe(isUntouched(state));
      expect(kind === 'settle').toBe(isFinal(state));
    }
  });
});
