// The status: each fact has its line while it is the case, and none else.
import { describe, expect, it } from 'vitest';
import { renderBrief, renderStatus } from '../../../shared/present/status.ts';
import { blocker, CURRENT, MARKED, statusOf } from '../../support/answers.ts';
import { recordOf } from '../../support/deployments.ts';

const render = (changes: object = {}) => renderStatus(statusOf(changes), MARKED);
const QUIET = render();
const CONTACT = {
  at: '2026-03-01T10:03:00Z',
  outcome: 'unchanged',
  failure: null,
  next: '2026-03-01T11:00:00Z',
};
const COMPONENT = {
  component: 'core/auth',
  version: '1.0.0',
  tree: `sha256:${'0'.repeat(64)}`,
  origin: 'latest',
  health: 'healthy',
  service: 'running (pid 812)',
};
const QUARANTINED = {
  component: 'core/auth',
  version: '1.0.1',
  since: '2026-03-01T09:00:00Z',
  reason: 'stopped running',
  record: 7,
};
const OVERRIDE = {
  component: 'core/web',
  file: '/etc/fairlead/web.yaml',
  digest: `sha256:${'0123456789abcdef'.repeat(4)}`,
};
const HOLD = { until: '2026-03-02T10:00:00Z', by: 'ada', reason: 'audit' };

describe('a status', () => {
  it('of an install that has nothing to say is four lines', () => {
    expect(QUIET).toEqual([
      'good<current: nothing else is on offer>',
      'Channel auto, track stable, generation 3; signed data fresh until 2026-03-02T10:00:00Z',
      'Instance "first-customer" of https://vendor.example, agent 0.1.0',
      'Server not asked yet',
      'Nothing is installed.',
    ]);
  });

  it.each<[string, object, readonly string[]]>([
    [
      'a platform that is mended for years',
      { support: { platform: '2.5.0', until: '2031-12-31T00:00:00Z' } },
      ['Platform 2.5.0 is mended by the vendor until 2031-12-31T00:00:00Z'],
    ],
    [
      'one that is mended for weeks',
      { support: { platform: '2.5.0', until: '2026-03-15T10:00:00Z' } },
      ['warn<Platform 2.5.0 is mended by the vendor until 2026-03-15T10:00:00Z, for 14 more days>'],
    ],
    [
      'one that is mended no more, which is an alarm',
      { support: { platform: '2.5.0', until: '2026-03-01T10:00:00Z' } },
      [],
    ],
    [
      'a compose file of the operator’s',
      { overrides: [{ ...OVERRIDE, since: { generation: 2, at: '2026-02-01T00:00:00Z' } }] },
      [
        'Override of yours over core/web: /etc/fairlead/web.yaml (sha256:0123456789ab), in force since generation 2, 2026-02-01T00:00:00Z',
      ],
    ],
    [
      'one of which nobody knows since when',
      { overrides: [OVERRIDE] },
      ['Override of yours over core/web: /etc/fairlead/web.yaml (sha256:0123456789ab)'],
    ],
    [
      'an agent in a slot',
      { slots: { current: 'b', versions: { a: '0.0.9', b: '0.1.0' }, trial: null } },
      ['Instance "first-customer" of https://vendor.example, agent 0.1.0 in slot b'],
    ],
    [
      'an agent on trial',
      {
        slots: {
          ...{ current: 'b', versions: { a: '0.0.9', b: '0.1.0' } },
          trial: { component: 'fairlead/agent', since: '2026-03-01T10:00:00Z', from: 'a' },
        },
      },
      [
        'Instance "first-customer" of https://vendor.example, agent 0.1.0 in slot b, on trial as fairlead/agent since 2026-03-01T10:00:00Z; the one before is in slot a',
      ],
    ],
    [
      'a decision in the making',
      { deciding: true },
      ['A new decision is being made; this is the one before it'],
    ],
    ['an alarm', { alarms: ['the log is damaged'] }, ['bad<! the log is damaged>']],
    [
      'a reason',
      { decision: { ...CURRENT, blockers: [blocker()] } },
      [
        'good<current: nothing else is on offer: held by ada>',
        '- held by ada [hold; admin clears it; policy.hold]',
      ],
    ],
    ['a hold while nothing is on offer', { hold: HOLD }, ['Held until 2026-03-02T10:00:00Z by ada: audit']],
    ['a contact', { contact: CONTACT }, ['Server asked 2m ago: nothing new; next time 2026-03-01T11:00:00Z']],
    ['a report that waits', { unsentReports: 1 }, ['1 deployment record not yet taken by the server']],
    [
      'no generation, on another channel and track',
      { generation: null, channel: 'frozen', track: 'candidate' },
      ['Channel frozen, track candidate, generation none; signed data fresh until 2026-03-02T10:00:00Z'],
    ],
    [
      'components, the unhealthy one marked',
      {
        components: [
          COMPONENT,
          { ...COMPONENT, component: 'core/api', health: 'unhealthy', service: 'absent' },
        ],
      },
      [
        'COMPONENT  VERSION  HEALTH     SERVICE            WHY',
        'core/auth  1.0.0    healthy    running (pid 812)  latest',
        'bad<core/api   1.0.0    unhealthy  absent             latest>',
      ],
    ],
    [
      'a quarantine for good and one for a time',
      { quarantine: [QUARANTINED, { ...QUARANTINED, component: 'core/api', until: '2026-03-01T12:00:00Z' }] },
      [
        'In quarantine:',
        '  core/auth 1.0.1 since 2026-03-01T09:00:00Z: stopped running (change 7)',
        '    fairlead quarantine lift core/auth --reason "why"',
        '  core/api 1.0.1 since 2026-03-01T09:00:00Z: stopped running (change 7)',
        '    tried again by itself at 2026-03-01T12:00:00Z, or now:',
        '    fairlead quarantine lift core/api --reason "why"',
      ],
    ],
  ])('shows %s', (_what, changes, lines) => {
    expect(render(changes).filter((line) => !QUIET.includes(line))).toEqual(lines);
  });

  it.each([
    [
      'expired',
      'signed data EXPIRED at 2026-03-02T10:00:00Z: nothing new is installed until the server is reached',
    ],
    ['clock-behind', 'THIS MACHINE’S CLOCK IS WRONG: it is earlier than data the vendor has signed'],
    ['never', 'no signed data yet'],
  ])('says how far signed data can be relied on: %s', (state, words) => {
    const [, line] = render({ freshness: { state, expires: '2026-03-02T10:00:00Z' } });
    expect(line).toBe(`Channel auto, track stable, generation 3; ${words}`);
  });

  it('names a hold once: not again beside the reason that it has become', () => {
    const shown = render({ hold: HOLD, decision: { ...CURRENT, blockers: [blocker()] } });
    expect(shown.filter((line) => line.includes('Held until'))).toEqual([]);
    const other = render({
      hold: HOLD,
      decision: { ...CURRENT, blockers: [blocker({ code: 'quarantined' })] },
    });
    expect(other).toContain('Held until 2026-03-02T10:00:00Z by ada: audit');
  });

  it('says how long what is under way still takes, where that is known', () => {
    const line = 'about 3m until it is committed, by what the last deployments took';

    expect(render({ inProgress: recordOf(4, ['soaking']), leftMs: 150_000 })).toContain(line);
    expect(render({ inProgress: recordOf(4, ['soaking']) }).join()).not.toContain('until it is committed');
  });

  it('does not give a deployment under way as the reason why nothing happens', () => {
    const blockers = [blocker({ code: 'deployment-in-progress', message: 'busy' }), blocker()];
    const decision = { ...CURRENT, verdict: 'wait', blockers };

    expect(render({ decision, inProgress: recordOf(4, ['planned']) }).slice(0, 2)).toEqual([
      'warn<change 4 is planned>',
      '- held by ada [hold; admin clears it; policy.hold]',
    ]);
    expect(render({ decision }).filter((line) => line.startsWith('- '))).toHaveLength(2);
  });

  it('is one line for each fact, whatever text from elsewhere stands in it', () => {
    const hostile = 'a\nb\u001b[2K';
    const plain = {
      alarms: ['a'],
      hold: { ...HOLD, by: 'a', reason: 'a' },
      quarantine: [{ ...QUARANTINED, reason: 'a' }],
    };
    const lines = renderStatus(
      {
        ...statusOf({ ...plain, components: [COMPONENT] }),
        alarms: [hostile],
        hold: { ...HOLD, by: hostile, reason: hostile },
        quarantine: statusOf(plain).quarantine.map((one) => ({ ...one, reason: hostile })),
        instance: { id: 'i', name: hostile, server: 'https://vendor.example' },
        components: statusOf({ components: [COMPONENT] }).components.map((one) => ({
          ...one,
          service: hostile,
        })),
      },
      MARKED,
    );

    expect(lines).toHaveLength(render({ ...plain, components: [COMPONENT] }).length);
    expect(lines.join('')).not.toMatch(/[\n\u001b]/);
  });
});

describe('a status in one line', () => {
  const brief = (changes: object = {}) => renderBrief(statusOf(changes), MARKED);
  const verdict = (kind: string) => ({ decision: { ...CURRENT, verdict: kind } });

  it.each([
    ['nothing to say', {}, []],
    ['a window that time opens', verdict('wait'), []],
    ['a hold that somebody wanted', verdict('held'), []],
    ['proposals', { proposals: 2 }, ['fairlead: warn<2 proposals of the vendor>: fairlead status']],
    ['alarms', { alarms: ['first', 'second'], proposals: 1 }, ['fairlead: bad<first>: fairlead status']],
  ])('of an install with %s', (_, changes, lines) => {
    expect(brief(changes)).toEqual(lines);
  });

  it('says that no window is ever long enough, which nobody chose', () => {
    const decision = { ...CURRENT, verdict: 'held', blockers: [blocker({ code: 'windows-too-short' })] };

    expect(brief({ decision })).toHaveLength(1);
  });

  it.each(['ask', 'blocked'])('says that a person is needed for %s', (kind) => {
    expect(brief(verdict(kind))).toHaveLength(1);
  });
});
