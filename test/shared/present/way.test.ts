// The way to a release: whether there is one, by which deployments, and what is in it.
import { describe, expect, it } from 'vitest';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { renderWay } from '../../../shared/present/way.ts';
import { type WayReply, wayReply } from '../../../shared/protocol/way.ts';
import { blocker, MARKED, MOVE, PLANNED } from '../../support/answers.ts';

const HOP = { plan: PLANNED, moves: [MOVE] };
const FORCED = { ...HOP, plan: { ...PLANNED, reason: { kind: 'forced', advisories: ['FL-1', 'FL-2'] } } };
const BACK = { generation: 2, plan: PLANNED, problem: null, command: 'fairlead rollback --to 2' };

const wayOf = (changes: object): WayReply =>
  wayReply.parse({
    schema: 'fairlead/way@1',
    at: '2026-03-01T10:00:00Z',
    target: 'core/auth@1.0.1',
    outcome: 'reachable',
    hops: [HOP],
    blockers: [],
    interruptionMs: null,
    ...changes,
  });
const render = (changes: object) => renderWay(wayOf(changes), MARKED);

describe('the way', () => {
  it.each<[string, object, string]>([
    ['is not needed', { outcome: 'runs', hops: [] }, 'good<core/auth@1.0.1 runs already: nothing to do>'],
    ['is free', {}, 'good<core/auth@1.0.1 takes one deployment: fairlead apply --reason "why">'],
    [
      'has stops',
      { hops: [HOP, HOP] },
      'good<core/auth@1.0.1 takes 2 deployments, one after the other: fairlead apply --reason "why">',
    ],
    [
      'is barred',
      { blockers: [blocker()] },
      'warn<core/auth@1.0.1 takes one deployment, once what stands in the way is cleared>',
    ],
    ['is not there', { outcome: 'none', hops: [] }, 'bad<nothing leads to core/auth@1.0.1 here>'],
    [
      'leads back only',
      { outcome: 'none', hops: [], back: BACK },
      'warn<no update leads to core/auth@1.0.1 here, but a rollback does>',
    ],
    [
      'does not lead back either',
      { outcome: 'none', hops: [], back: { ...BACK, problem: 'its files are gone' } },
      'bad<nothing leads to core/auth@1.0.1 here>',
    ],
  ])('%s', (_what, changes, line) => {
    expect(render(changes)[0]).toBe(line);
  });

  it('shows each deployment with what it moves and costs, and what forces it', () => {
    const lines = render({ hops: [FORCED, HOP], interruptionMs: 5000 });
    const headings = lines.filter((line) => line.endsWith(':'));

    expect(headings).toEqual(['Step 1, forced by FL-1, FL-2:', 'Step 2:']);
    expect(lines.filter((line) => line.includes('core/auth  1.0.0  1.0.1'))).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith('  Takes     about 5.0s'))).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith('  Fetches   at most 9.1 MB'))).toHaveLength(2);
    expect(render({})).toContain('Plan:');
  });

  it('names what is in it, or nothing', () => {
    expect(render({ blockers: [blocker()] }).slice(-2)).toEqual([
      'In the way:',
      '  - held by ada [hold; admin clears it; policy.hold]',
    ]);
    expect(render({}).includes('In the way:')).toBe(false);
  });

  it('tells the plan that goes back, with its command or its problem', () => {
    const sentence = `It ran here before, in generation 2: plan ${digestOfValue(PLANNED)} goes back`;

    expect(render({ back: BACK }).slice(1, 3)).toEqual([`${sentence}.`, '  fairlead rollback --to 2']);
    expect(render({ back: { ...BACK, problem: 'its files are gone' } })[1]).toBe(
      `${sentence}, but its files are gone`,
    );
  });
});
