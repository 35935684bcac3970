// The smaller pieces of answers: windows, approvals, freshness and emphasis.
import { describe, expect, it } from 'vitest';
import { untilFresh } from '../../../shared/present/status.ts';
import { createStyle, wantsColor } from '../../../shared/present/table.ts';
import { renderApprovals } from '../../../shared/present/verdict.ts';
import { renderOpenings, renderWindows } from '../../../shared/present/windows.ts';
import type { ApprovalsReply } from '../../../shared/protocol/admin-policy.ts';
import { DEFAULT_POLICY, policy } from '../../../shared/schema/policy.ts';
import { PLAN } from '../../support/answers.ts';

describe('windows', () => {
  const night = { name: 'night', cron: '0 2 * * *', duration: 'PT2H', zone: 'UTC' };
  const policyWith = (windows: object) =>
    policy.parse({ ...DEFAULT_POLICY, windows: { ...DEFAULT_POLICY.windows, ...windows } });

  it('are listed by their list, with the openings below', () => {
    const shown = renderWindows(
      policyWith({ allow: [night], deny: [{ ...night, name: 'fair' }] }),
      [{ opens: '2026-03-07T02:00:00Z', closes: '2026-03-07T04:00:00Z' }],
      'UTC',
    );

    expect(shown).toEqual([
      'LIST   NAME   CRON       DURATION  ZONE',
      'allow  night  0 2 * * *  PT2H      UTC',
      'deny   fair   0 2 * * *  PT2H      UTC',
      'Next openings:',
      '  sat 2026-03-07 02:00 UTC (2026-03-07T02:00:00Z) until sat 2026-03-07 04:00 UTC (2026-03-07T04:00:00Z)',
    ]);
  });

  it('that there are none of keep nothing', () => {
    expect(renderWindows(DEFAULT_POLICY, [], 'UTC')).toEqual([
      'No windows: a deployment may start at any time.',
    ]);
  });

  it('that never open are said to', () => {
    expect(renderOpenings([], 'UTC')).toEqual(['No deployment may ever start.']);
  });
});

describe('approvals', () => {
  const statement = {
    plan: PLAN,
    verdict: 'approve',
    by: 'uid 1000',
    expires: '2026-03-02T10:00:00Z',
    reason: 'audit',
  };
  const given = (
    state: string,
    changes: object = {},
    approver: string | null = 'ada',
    changed: string[] = [],
  ) => ({ receipt: { statement: { ...statement, ...changes } }, approver, state, changed }) as never;
  const reply = (changes: Partial<ApprovalsReply>): ApprovalsReply => ({
    schema: 'fairlead/approvals@1',
    plan: PLAN,
    given: 1,
    required: 2,
    approvals: [],
    ...changes,
  });

  it('are counted, or there is nothing to approve', () => {
    expect(renderApprovals(reply({}))).toEqual([
      `1 of 2 approvals for the plan on offer, ${PLAN}`,
      'No approvals yet.',
    ]);
    expect(renderApprovals(reply({ plan: null }))[0]).toBe('Nothing is on offer to approve.');
  });

  it.each<[string, never, RegExp]>([
    ['a yes', given('counts'), /approve {2}ada +2026-03-02T10:00:00Z {2}counts +audit$/],
    ['a no, which is for good', given('final', { verdict: 'deny' }), /deny +ada +for good +final +audit$/],
    ['one used', given('spent'), / used +audit$/],
    ['one expired', given('expired'), / expired +audit$/],
    ['one for another plan', given('superseded'), / superseded: .+ audit$/],
    ['one by nobody known', given('invalid', {}, null), / uid 1000 .+void: /],
    ['one by the socket, whose account is named', given('counts', {}, 'local'), / uid 1000 /],
    ['a ticket before the reason', given('counts', { ticket: 'OPS-7' }), / OPS-7: audit$/],
  ])('show %s', (_what, one, line) => {
    expect(renderApprovals(reply({ approvals: [one] }))[2]).toMatch(line);
  });

  it('name the beginning of the plan', () => {
    expect(
      renderApprovals(reply({ approvals: [given('counts')] }))[2]?.startsWith(
        `${PLAN.slice(0, 19)}  approve`,
      ),
    ).toBe(true);
  });

  it('say once what changed since', () => {
    const differs = given('superseded', {}, 'ada', ['core/auth: 1.0.1 instead of 1.0.0']);
    expect(renderApprovals(reply({ approvals: [differs, differs] })).slice(4)).toEqual([
      'What changed since:',
      '  core/auth: 1.0.1 instead of 1.0.0',
    ]);
    expect(renderApprovals(reply({ approvals: [given('counts')] }))).toHaveLength(3);
  });
});

describe('until when nothing new is installed', () => {
  const contactAfter = (code: string | null) => ({
    at: '2026-03-01T10:00:00Z',
    outcome: 'failed' as const,
    failure: code === null ? null : { code, message: '', hint: '' },
    next: '2026-03-01T11:00:00Z',
  });

  it.each([
    ['before the first question', null, 'until the server is reached'],
    [
      'where the server has nothing newer',
      contactAfter(null),
      'until the vendor signs anew: the server was reached',
    ],
    [
      'where the server has what is expired',
      contactAfter('trust/expired'),
      'until the vendor signs anew: what the server has',
    ],
    [
      'where the server is not believed',
      contactAfter('trust/threshold'),
      'until the server sends what can be believed',
    ],
    ['where the server is silent', contactAfter('transport/unreachable'), 'until the server is reached'],
    ['after anything else', contactAfter('agent/busy'), 'until it can be refreshed (agent/busy)'],
    [
      'after what only a later version knows',
      contactAfter('future/news'),
      'until it can be refreshed (future/news)',
    ],
  ])('%s', (_what, contact, words) => {
    expect(untilFresh(contact).startsWith(words)).toBe(true);
  });
});

describe('emphasis', () => {
  it('is written for a terminal, and text is left alone elsewhere', () => {
    const { bold, dim, good, warn, bad } = createStyle(true);
    expect([bold('x'), dim('x'), good('x'), warn('x'), bad('x')]).toEqual([
      '\u001b[1mx\u001b[22m',
      '\u001b[2mx\u001b[22m',
      '\u001b[32mx\u001b[39m',
      '\u001b[33mx\u001b[39m',
      '\u001b[31mx\u001b[39m',
    ]);
    expect(createStyle(false).bad('x')).toBe('x');
  });

  it.each([
    ['a terminal', {}, true, true],
    ['an empty NO_COLOR', { NO_COLOR: '' }, true, true],
    ['no terminal', {}, false, false],
    ['NO_COLOR', { NO_COLOR: '1' }, true, false],
    ['a dumb terminal', { TERM: 'dumb' }, true, false],
    ['another terminal', { TERM: 'xterm' }, true, true],
  ])('is wanted or not with %s', (_what, env, isTerminal, wanted) => {
    expect(wantsColor(env, isTerminal)).toBe(wanted);
  });
});
