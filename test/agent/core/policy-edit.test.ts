// Edits of the policy: each does what it says and nothing else, and what it cannot do is refused by name.
import { describe, expect, it } from 'vitest';
import { diffPolicies } from '../../../agent/core/policy-edit.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import type { PolicyEdit } from '../../../shared/protocol/admin-policy.ts';
import { DEFAULT_POLICY, type Policy, policy } from '../../../shared/schema/policy.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';
import { editPolicy } from '../../support/finished.ts';

const AUTHOR = { by: 'ada', reason: 'audit', at: instantMs('2026-03-01T10:00:00Z') };
const KEY = 'a'.repeat(64);
const OTHER_KEY = 'b'.repeat(64);
const window = (name: string) => ({ name, cron: '0 2 * * *', duration: 'PT2H', zone: 'UTC' });

/** One of everything. */
const FULL: Policy = policy.parse({
  ...DEFAULT_POLICY,
  pins: [
    { level: 'platform', version: '2.x', owner: 'bob', reason: 'old' },
    { level: 'suite', name: 'core', version: '1.x', owner: 'bob', reason: 'old' },
    { level: 'capability', name: 'core/auth', version: '~1.0', owner: 'bob', reason: 'old' },
  ],
  windows: { allow: [window('night')], deny: [window('fair')] },
  approvals: {
    required: 1,
    approvers: [
      { name: 'ada', key: KEY },
      { name: 'bob', key: OTHER_KEY },
    ],
  },
  hold: { since: '2026-03-01T00:00:00Z', until: '2026-03-09T00:00:00Z', reason: 'old', by: 'bob' },
  emergencyHold: { since: '2026-03-01T00:00:00Z', until: '2026-03-02T00:00:00Z', reason: 'old', by: 'bob' },
});
const PIN = '"owner":"ada","reason":"audit"';
const HOLD = { until: '2026-03-02T10:00:00Z' };

describe('an edit', () => {
  it.each<[string, PolicyEdit, readonly string[]]>([
    ['of the channel', { kind: 'channel', channel: 'frozen' }, ['- channel: "auto"', '+ channel: "frozen"']],
    ['of which fixes come', { kind: 'security', from: 'high' }, ['+ security.from: "high"']],
    [
      'pins the platform anew',
      { kind: 'pin', component: 'platform', version: '2.4.x' },
      [
        '- pins: {"level":"platform","version":"2.x","owner":"bob","reason":"old"}',
        `+ pins: {"level":"platform","version":"2.4.x",${PIN}}`,
      ],
    ],
    [
      'pins a suite for a while',
      { kind: 'pin', component: 'web', version: '1.x', expires: '2026-04-01T00:00:00Z' },
      [`+ pins: {"level":"suite","name":"web","version":"1.x",${PIN},"expires":"2026-04-01T00:00:00Z"}`],
    ],
    [
      'pins a capability',
      { kind: 'pin', component: 'core/api', version: '1.0.0' },
      [`+ pins: {"level":"capability","name":"core/api","version":"1.0.0",${PIN}}`],
    ],
    [
      'takes a pin away',
      { kind: 'unpin', component: 'core' },
      ['- pins: {"level":"suite","name":"core","version":"1.x","owner":"bob","reason":"old"}'],
    ],
    [
      'holds',
      { kind: 'hold', emergency: false, until: HOLD.until },
      [
        '- hold.since: "2026-03-01T00:00:00Z"',
        '- hold.until: "2026-03-09T00:00:00Z"',
        '- hold.reason: "old"',
        '- hold.by: "bob"',
        '+ hold.since: "2026-03-01T10:00:00Z"',
        '+ hold.until: "2026-03-02T10:00:00Z"',
        '+ hold.reason: "audit"',
        '+ hold.by: "ada"',
      ],
    ],
    [
      'releases forced patches alone',
      { kind: 'release', emergency: true },
      [
        '- emergencyHold.since: "2026-03-01T00:00:00Z"',
        '- emergencyHold.until: "2026-03-02T00:00:00Z"',
        '- emergencyHold.reason: "old"',
        '- emergencyHold.by: "bob"',
      ],
    ],
    [
      'moves a window to the other list under its name',
      { kind: 'window', list: 'deny', ...window('night') },
      [
        `- windows.allow: ${JSON.stringify(window('night'))}`,
        `+ windows.deny: ${JSON.stringify(window('night'))}`,
      ],
    ],
    [
      'adds a window',
      { kind: 'window', list: 'allow', ...window('noon') },
      [`+ windows.allow: ${JSON.stringify(window('noon'))}`],
    ],
    [
      'takes a deny window away',
      { kind: 'unwindow', name: 'fair' },
      [`- windows.deny: ${JSON.stringify(window('fair'))}`],
    ],
    [
      'gives an approver another key',
      { kind: 'approver', name: 'ada', key: 'c'.repeat(64) },
      [
        `- approvals.approvers: {"name":"ada","key":"${KEY}"}`,
        `+ approvals.approvers: {"name":"ada","key":"${'c'.repeat(64)}"}`,
      ],
    ],
    [
      'takes an approver away',
      { kind: 'unapprover', name: 'bob' },
      [`- approvals.approvers: {"name":"bob","key":"${OTHER_KEY}"}`],
    ],
    [
      'asks for two',
      { kind: 'required', required: 2 },
      ['- approvals.required: 1', '+ approvals.required: 2'],
    ],
  ])('%s, and nothing else', (_what, edit, changes) => {
    expect(diffPolicies(FULL, editPolicy(FULL, edit, AUTHOR))).toEqual(changes);
  });

  it.each<[string, PolicyEdit, string, string]>([
    ['pin', { kind: 'unpin', component: 'core/api' }, 'policy/no-such-pin', 'platform, core, core/auth'],
    ['window', { kind: 'unwindow', name: 'noon' }, 'policy/no-such-window', 'night, fair'],
    ['approver', { kind: 'unapprover', name: 'eve' }, 'policy/no-such-approver', 'ada, bob'],
  ])('of a %s that is not there says what is', (_what, edit, code, listed) => {
    const refusal = refusalOf(() => editPolicy(FULL, edit, AUTHOR));

    expect(refusal.code).toBe(code);
    expect(Object.values(refusal.data)).toContain(listed);
    expect(Object.values(refusalOf(() => editPolicy(DEFAULT_POLICY, edit, AUTHOR)).data)).toContain('none');
  });

  it('that nobody could satisfy is refused, and one that leaves the policy as wrong as it was is not', () => {
    const two: PolicyEdit = { kind: 'required', required: 3 };
    expect(codeOf(() => editPolicy(FULL, two, AUTHOR))).toBe('document/invalid');

    const never = { ...window('never'), cron: '0 2 30 2 *' };
    const edit = { kind: 'window', list: 'allow', ...never } as const;
    expect(codeOf(() => editPolicy(DEFAULT_POLICY, edit, AUTHOR))).toBe('policy/unsatisfiable');
    const wrong = policy.parse({ ...DEFAULT_POLICY, windows: { allow: [never], deny: [] } });
    expect(editPolicy(wrong, { kind: 'channel', channel: 'frozen' }, AUTHOR).channel).toBe('frozen');
  });

  it('begins a new policy only by naming a channel', () => {
    expect(editPolicy(null, { kind: 'channel', channel: 'manual' }, AUTHOR)).toEqual({
      ...DEFAULT_POLICY,
      channel: 'manual',
    });
    const pinned = () => editPolicy(null, { kind: 'pin', component: 'core', version: '1.x' }, AUTHOR);
    expect(dataOf(refusalOf(pinned), 'policy/unreadable')).toMatchObject({ path: 'settings.json' });
  });
});

describe('a pin that is new', () => {
  const versions = {
    components: ['core/auth', 'core'],
    versionsOf: (component: string) => (component === 'core/auth' ? ['1.1.0', '1.0.0'] : []),
  } as never;
  const pinned = (component: string, version: string) => () =>
    editPolicy(DEFAULT_POLICY, { kind: 'pin', component, version }, AUTHOR, versions);

  it('is taken where it is about something', () => {
    expect(pinned('core/auth', '1.x')().pins).toHaveLength(1);
  });

  it.each([
    ['core/atuh', '1.x', 'core/atuh at 1.x'],
    ['core/auth', '7.x', 'core/auth at 7.x'],
  ])('is refused where nobody ever released it: %s %s', (component, version, pin) => {
    expect(dataOf(refusalOf(pinned(component, version)), 'policy/pin-in-vain')).toMatchObject({ pin });
  });

  it('alone is looked at: one that was in vain before keeps nobody from another edit', () => {
    const vain = { level: 'capability', name: 'core/atuh', version: '1.x', owner: 'bob', reason: 'old' };
    const known = policy.parse({ ...DEFAULT_POLICY, pins: [vain] });
    const edits: readonly PolicyEdit[] = [
      { kind: 'pin', component: 'core/auth', version: '1.x' },
      { kind: 'channel', channel: 'frozen' },
      { kind: 'unpin', component: 'core/atuh' },
    ];

    for (const edit of edits) expect(() => editPolicy(known, edit, AUTHOR, versions)).not.toThrow();
  });
});

describe('what is wrong with an edit', () => {
  const refusedAt = (edit: PolicyEdit) =>
    dataOf(
      refusalOf(() => editPolicy(FULL, edit, { ...AUTHOR, reason: 'x'.repeat(2_000) })),
      'document/invalid',
    ).issues.map(({ path }) => path);
  const at = (edit: PolicyEdit) =>
    dataOf(
      refusalOf(() => editPolicy(FULL, edit, AUTHOR)),
      'document/invalid',
    ).issues.map(({ path }) => path);

  it.each<[PolicyEdit, string]>([
    [{ kind: 'window', list: 'allow', ...window('n'), cron: 'x' }, '--cron'],
    [{ kind: 'window', list: 'allow', ...window('n'), duration: 'x' }, '--duration'],
    [{ kind: 'window', list: 'deny', ...window('n'), zone: 'x' }, '--zone'],
    [{ kind: 'window', list: 'deny', ...window('n'), name: '' }, 'the name'],
    [{ kind: 'pin', component: 'core/api', version: '1.x', expires: 'x' }, '--expires'],
    [{ kind: 'pin', component: 'core/api', version: 'newest' }, 'the version'],
    [{ kind: 'pin', component: '../x', version: '1.x' }, 'the name'],
    [{ kind: 'hold', emergency: true, until: '2027-01-01T00:00:00Z' }, 'the end of the hold'],
    [{ kind: 'approver', name: 'eve', key: 'x' }, 'the key'],
    [{ kind: 'required', required: 9 }, 'the number of approvals'],
  ])('is named as it was typed: %j', (edit, path) => {
    expect(at(edit)).toEqual([path]);
  });

  it('is each part once, a reason that is too long among them', () => {
    expect(refusedAt({ kind: 'pin', component: 'core/api', version: 'newest' }).sort()).toEqual([
      '--reason',
      'the version',
    ]);
  });
});

describe('a difference of policies', () => {
  it('is nothing between equals, and names what is new or gone by its path', () => {
    expect(diffPolicies(FULL, FULL)).toEqual([]);
    const kept = { ...FULL, retention: { ...FULL.retention, bytes: 7 } };
    expect(diffPolicies(FULL, kept)).toEqual(['+ retention.bytes: 7']);
    expect(diffPolicies(kept, FULL)).toEqual(['- retention.bytes: 7']);
  });
});

it('leaves no trace of fixes that come by an order alone: an earlier agent reads a policy of that kind', () => {
  const high = editPolicy(DEFAULT_POLICY, { kind: 'security', from: 'high' }, AUTHOR);

  expect(high.security).toEqual({ from: 'high' });
  expect(editPolicy(high, { kind: 'security', from: 'critical' }, AUTHOR)).toEqual(DEFAULT_POLICY);
});
