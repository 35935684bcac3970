// The slots by what lies there: every state that a cut can leave has one meaning and one next act.
import { describe, expect, it } from 'vitest';
import {
  describeSlots,
  planOwnStart,
  type SlotFacts,
  trialStageOf,
} from '../../../../agent/core/deploy/agent-slots.ts';

const UNIT = { component: 'fairlead/agent', identity: 'two' };
const note = (version: string, identity: string | null) =>
  ({ schema: 'fairlead/agent-slot@1', version, digest: 'x', component: UNIT.component, identity }) as never;
const TRIAL = {
  ...({ schema: 'fairlead/agent-trial@1', ...UNIT, slot: 'b', from: 'a' } as const),
  ...({ began: '2026-03-01T10:00:00Z', needsServer: true, damages: 0 } as const),
} as never;
const facts = (more: Partial<SlotFacts>): SlotFacts => ({
  current: 'a',
  notes: { a: note('1.0.0', 'one'), b: note('2.0.0', 'two') },
  wayBack: null,
  trial: null,
  ...more,
});

describe('the slots', () => {
  it.each<[string, Partial<SlotFacts>, string, string]>([
    ['were filled and nothing more', {}, 'none', 'switch'],
    ['have a way back alone, from before the note', { wayBack: 'a' }, 'none', 'switch'],
    ['have a way back and a note, and have not turned', { wayBack: 'a', trial: TRIAL }, 'prepared', 'switch'],
    ['have turned', { current: 'b', wayBack: 'a', trial: TRIAL }, 'open', 'prove'],
    ['went back', { trial: TRIAL }, 'returned', 'returned'],
    ['have kept it, and its note was not removed yet', { current: 'b', trial: TRIAL }, 'none', 'prove'],
    ['have kept it', { current: 'b' }, 'none', 'prove'],
    ['lost what was to be started', { notes: { a: note('1.0.0', 'one'), b: null } }, 'none', 'fill'],
    ['are none', { current: null }, 'none', 'missing'],
    ['have what a person installed', { notes: { a: note('1.5.0', null), b: null } }, 'none', 'fill'],
  ])('that %s: %s', (_, more, stage, plan) => {
    expect([trialStageOf(facts(more)), planOwnStart(facts(more), UNIT).kind]).toEqual([stage, plan]);
  });

  it('took the note of another unit for no verdict on this one', () => {
    const returned = facts({ trial: { ...(TRIAL as object), identity: 'three' } as never });

    expect(planOwnStart(returned, UNIT)).toMatchObject({ kind: 'switch', to: 'b' });
  });

  it('are told with what is on trial, and not at all where there are none', () => {
    expect(describeSlots(facts({ current: null }))).toEqual({});
    expect(describeSlots(facts({ current: 'b', wayBack: 'a', trial: TRIAL }))).toEqual({
      slots: {
        current: 'b',
        versions: { a: '1.0.0', b: '2.0.0' },
        trial: { component: UNIT.component, since: '2026-03-01T10:00:00Z', from: 'a' },
      },
    });
    // Its way back is prepared, and the one before runs still.
    expect(describeSlots(facts({ current: 'a', wayBack: 'a', trial: TRIAL })).slots?.trial).toBeNull();
  });
});
