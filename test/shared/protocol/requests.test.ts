// What may be asked of an agent or a server: at its bound a request is taken, one beyond it is refused.
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  ACTOR_HEADER,
  ASSUMPTIONS,
  adminError,
  applyRequest,
  auditReply,
  liftReply,
  liftRequest,
  MAX_ADMIN_REQUEST_BYTES,
  OVERRIDES,
  rollbackRequest,
  startedReply,
  whatIfRequest,
} from '../../../shared/protocol/admin.ts';
import { approvalRequest, policyEdit, policyRequest } from '../../../shared/protocol/admin-policy.ts';
import { redeemReply, redeemRequest } from '../../../shared/protocol/enrolment.ts';
import { instancesReply, TOKEN_ROLES } from '../../../shared/protocol/fleet.ts';
import { proposalRequest } from '../../../shared/protocol/fleet-proposals.ts';
import { errorReply } from '../../../shared/protocol/problem.ts';
import {
  onlineKeysReply,
  packPath,
  publicationReply,
  publicationRequest,
} from '../../../shared/protocol/publication.ts';
import {
  AGENT_TOKEN,
  agentClaims,
  CHANNELS,
  instanceId,
  reportReply,
} from '../../../shared/protocol/report.ts';
import { settingRequest } from '../../../shared/protocol/settings.ts';
import {
  logsReply,
  logsRequest,
  MOST_LOG_LINES,
  rehearsalRequest,
  repairRequest,
  rollbackTo,
} from '../../../shared/protocol/upkeep.ts';
import { wayRequest } from '../../../shared/protocol/way.ts';

const INSTALL = '3f0f6a3e-6a0f-4c55-9d5e-2f6f3f1b8c11';
const takes = (schema: z.ZodType, value: unknown) => schema.safeParse(value).success;
const text = (length: number) => 'a'.repeat(length);
const list = (length: number, item: unknown) => Array.from({ length }, () => item);
const window = { kind: 'window', list: 'allow', name: 'n', cron: 'c', duration: 'd', zone: 'z' };
const redeem = { code: 'c', publicKey: text(43), hostname: 'h', agentVersion: 'v' };
const publication = { metadata: [], targets: [], changes: [] };
const setting = { component: 'core/auth', key: 'port', value: null, reason: 'why' };
const version = `1.0.0-${text(122)}`;

it.each([
  ['one instance', { instance_id: INSTALL }, true],
  ['one group', { group: 'hospitals' }, true],
  ['nobody', {}, false],
  ['both', { instance_id: INSTALL, group: 'hospitals' }, false],
])('a proposal is to an instance or a group: %s', (_whom, to, isTaken) => {
  const read = proposalRequest.safeParse({ ...to, wish: { kind: 'deploy' }, reason: 'why' });

  expect(read.success).toBe(isTaken);
  if (!read.success) {
    expect(read.error.issues).toMatchObject([
      { path: ['instance_id'], message: 'an instance or a group, and not both' },
    ]);
  }
});

describe('a field of a request', () => {
  it.each<[string, z.ZodType, (length: number) => unknown, number]>([
    ['pinned component', policyEdit, (n) => ({ kind: 'pin', component: text(n), version: '1' }), 129],
    ['version of a pin', policyEdit, (n) => ({ kind: 'pin', component: 'a', version: text(n) }), 256],
    ['unpinned component', policyEdit, (n) => ({ kind: 'unpin', component: text(n) }), 129],
    ['name of a window', policyEdit, (n) => ({ ...window, name: text(n) }), 64],
    ['cron of a window', policyEdit, (n) => ({ ...window, cron: text(n) }), 300],
    ['duration of a window', policyEdit, (n) => ({ ...window, duration: text(n) }), 64],
    ['zone of a window', policyEdit, (n) => ({ ...window, zone: text(n) }), 64],
    ['window that goes', policyEdit, (n) => ({ kind: 'unwindow', name: text(n) }), 64],
    ['name of an approver', policyEdit, (n) => ({ kind: 'approver', name: text(n), key: 'k' }), 64],
    ['key of an approver', policyEdit, (n) => ({ kind: 'approver', name: 'a', key: text(n) }), 64],
    ['approver who goes', policyEdit, (n) => ({ kind: 'unapprover', name: text(n) }), 64],
    ['overrides', applyRequest, (n) => ({ override: list(n, 'window') }), 3],
    ['accepted risks', rollbackRequest, (n) => ({ reason: 'why', acceptRisk: list(n, 'FL-1') }), 20],
    ['assumptions', whatIfRequest, (n) => ({ assume: list(n, 'auto') }), 5],
    ['target of a way', wayRequest, (n) => ({ target: text(n) }), 400],
    ['value of a setting', settingRequest, (n) => ({ ...setting, value: text(n) }), 8192],
    [
      'lines of a log',
      logsReply,
      (n) => ({ schema: 'fairlead/logs@1', component: 'a/b', lines: list(n, '') }),
      20_000,
    ],
    ['public key', redeemRequest, (n) => ({ ...redeem, publicKey: text(n) }), 43],
    [
      'roles',
      publicationRequest,
      (n) => ({ ...publication, metadata: list(n, { role: 'root', bytes: '' }) }),
      64,
    ],
    [
      'documents',
      publicationRequest,
      (n) => ({ ...publication, targets: list(n, { path: 'a', bytes: '' }) }),
      20_000,
    ],
    ['path', publicationRequest, (n) => ({ ...publication, targets: [{ path: text(n), bytes: '' }] }), 512],
  ])('may be as long as it says: %s', (_what, schema, of, most) => {
    expect([takes(schema, of(most)), takes(schema, of(most + 1))]).toEqual([true, false]);
  });

  it.each<[string, z.ZodType, (number: number) => unknown, number]>([
    ['change of a log', logsRequest, (change) => ({ component: 'core/auth', change }), 1],
    ['generation', rollbackTo, (generation) => generation, 0],
    ['sequence', reportReply, (sequence) => ({ sequence }), 1],
    ['snapshot', publicationReply, (snapshot) => ({ snapshot, timestamp: 1 }), 1],
    ['timestamp', publicationReply, (timestamp) => ({ snapshot: 1, timestamp }), 1],
  ])('counts from where it says: %s', (_what, schema, of, least) => {
    expect([takes(schema, of(least)), takes(schema, of(least - 1))]).toEqual([true, false]);
  });

  it.each<[string, z.ZodType, (text: string) => unknown, readonly string[], readonly string[]]>([
    [
      'public key',
      redeemRequest,
      (publicKey) => ({ ...redeem, publicKey }),
      ['A'.repeat(43), `09_-az${text(37)}`],
      [`${text(42)}=`, ` ${text(42)}`, `.${text(43)}`, `${text(43)}.`],
    ],
    [
      'instance',
      redeemReply,
      (instance) => ({ instance, name: 'a' }),
      ['0f0e0d0c-0b0a-4908-8706-050403020100'],
      ['', text(35), text(37), `${text(35)}g`, `/${text(36)}`, `${text(36)}/`],
    ],
    [
      'instance id',
      instanceId,
      (id) => id,
      ['0f0e0d0c-0b0a-4908-8706-050403020100', 'abcdefab-cdef-abcd-efab-cdefabcdefab'],
      [
        '0f0e0d0c-0b0a-4908-8706-0504030201',
        'x0f0e0d0c-0b0a-4908-8706-050403020100',
        '0f0e0d0c-0b0a-4908-8706-050403020100x',
        '0F0E0D0C-0b0a-4908-8706-050403020100',
        '0f0e0d0c-0b0a-4908-050403020100',
      ],
    ],
    [
      'role',
      publicationRequest,
      (role) => ({ ...publication, metadata: [{ role, bytes: '' }] }),
      ['root', 'releases-2'],
      ['', 'Root', '2root', '../root', 'root/', 'a_b'],
    ],
    [
      'online key',
      onlineKeysReply,
      (snapshot) => ({ snapshot, timestamp: '09af'.repeat(16) }),
      ['09af'.repeat(16)],
      ['', text(63), text(65), 'G'.repeat(64), `x${text(64)}`, `${text(64)}x`],
    ],
    [
      'other online key',
      onlineKeysReply,
      (timestamp) => ({ timestamp, snapshot: '09af'.repeat(16) }),
      ['09af'.repeat(16)],
      ['', text(63), text(65), 'G'.repeat(64), `x${text(64)}`, `${text(64)}x`],
    ],
    [
      'way back',
      rollbackTo,
      (to) => to,
      ['core/auth@1.0.0', `core/auth@${version}`],
      ['', 'core/auth', 'core/auth@', '@1.0.0', 'core@1.0.0', 'core/auth@1', 'core/auth@1.0.0@1.0.0'],
    ],
  ])('is written as it should be: %s', (_what, schema, of, right, wrong) => {
    expect(right.filter((one) => !takes(schema, of(one)))).toEqual([]);
    expect(wrong.filter((one) => takes(schema, of(one)))).toEqual([]);
  });
});

describe('what a request leaves out', () => {
  it.each<[string, z.ZodType, object, object]>([
    [
      'an edit is made',
      policyRequest,
      { edit: { kind: 'unpin', component: 'a' }, reason: 'why' },
      { preview: false },
    ],
    ['a setting is made', settingRequest, setting, { preview: false }],
    ['what was added stays', repairRequest, { reason: 'why' }, { removeAdded: false }],
    ['nothing is passed over', applyRequest, {}, { override: [] }],
    ['no risk is accepted', rollbackRequest, { reason: 'why' }, { acceptRisk: [] }],
    ['nothing is supposed', whatIfRequest, {}, { assume: [] }],
  ])('is the careful way: %s', (_what, schema, request, filled) => {
    expect(schema.parse(request)).toEqual({ ...request, ...filled });
  });
});

describe('the claims of an agent', () => {
  const iss = '0f0e0d0c-0b0a-4908-8706-050403020100';

  it.each([
    ['one made at its start', 'Abc-_019', 'Abc-_019'],
    ['the longest', text(64), text(64)],
    ['one too short', text(7), undefined],
    ['one too long', text(65), undefined],
    ['other characters', 'abcdefg.', undefined],
    ['a number', 12_345_678, undefined],
  ])('keep a boot only where it is one: %s', (_what, boot, kept) => {
    expect(agentClaims.parse({ iss, boot }).boot).toBe(kept);
  });
});

describe('an approval over the socket', () => {
  it.each(['approve', 'deny'])('says %s', (verdict) => {
    const request = { plan: `sha256:${'0'.repeat(64)}`, verdict, reason: 'why' };
    expect([
      takes(approvalRequest, request),
      takes(approvalRequest, { ...request, verdict: 'perhaps' }),
    ]).toEqual([true, false]);
  });
});

describe('what agents, servers and programs of every version call the same', () => {
  it.each<[string, unknown, unknown]>([
    ['the header of the operator’s account', ACTOR_HEADER, 'fairlead-actor'],
    ['the bytes of a request to the agent', MAX_ADMIN_REQUEST_BYTES, 16_384],
    ['the token of an agent', AGENT_TOKEN, { audience: 'fairlead-server', lifetimeSeconds: 120 }],
    ['the place of a pack', packPath('0a'), 'packs/0a/full.pack'],
    ['what a token may do', TOKEN_ROLES, ['viewer', 'publisher', 'operator', 'security', 'admin']],
    ['what may be supposed', ASSUMPTIONS, ['approved', 'window', 'released', 'unpinned', 'auto']],
    ['what may be passed over', OVERRIDES, ['window', 'health', 'drift']],
    ['the channels', CHANNELS, ['auto', 'manual', 'frozen']],
    ['the lines of a log', MOST_LOG_LINES, 20_000],
  ])('%s', (_what, name, value) => {
    expect(name).toEqual(value);
  });
});

describe('a message between an operator’s program and the agent', () => {
  const at = '2026-03-01T10:00:00Z';
  const plan = `sha256:${'0'.repeat(64)}`;
  const hold = { kind: 'hold', until: at, emergency: false };
  const signed = {
    statement: { schema: 'fairlead/hold@1', until: at, by: 'a', reason: 'r', instance: 'i', at },
    key: 'a'.repeat(64),
    signature: 'a'.repeat(128),
  };

  it.each<[string, z.ZodType, readonly object[], readonly object[]]>([
    [
      'a pin',
      policyEdit,
      [
        { kind: 'pin', component: 'a', version: '1' },
        { kind: 'pin', component: 'a', version: '1', expires: at },
      ],
      [
        { kind: 'pin', component: 'a', version: '1', expires: null },
        { kind: 'pin', component: 'a' },
      ],
    ],
    ['a hold', policyEdit, [hold, { ...hold, emergency: true, signed }], [{ kind: 'hold', until: at }]],
    ['the end of a hold', policyEdit, [{ kind: 'release', emergency: true }], [{ kind: 'release' }]],
    [
      'a channel',
      policyEdit,
      [{ kind: 'channel', channel: 'frozen' }],
      [{ kind: 'channel', channel: 'slow' }],
    ],
    [
      'a window',
      policyEdit,
      [window, { ...window, list: 'deny' }],
      [
        { ...window, list: 'perhaps' },
        { ...window, zone: undefined },
      ],
    ],
    [
      'how many must approve',
      policyEdit,
      [{ kind: 'required', required: 2 }],
      [{ kind: 'required', required: 0.5 }],
    ],
    [
      'an approval',
      approvalRequest,
      [
        { plan, verdict: 'deny', reason: 'why' },
        { plan, verdict: 'deny', reason: 'why', ticket: 'T-1' },
      ],
      [
        { plan, verdict: 'deny', reason: '' },
        { plan, verdict: 'deny', reason: 'why', ticket: null },
      ],
    ],
    [
      'an apply',
      applyRequest,
      [{}, { plan, reason: 'why', override: ['drift'] }],
      [{ override: ['all'] }, { plan: 'x' }, { reason: '' }],
    ],
    [
      'a rollback',
      rollbackRequest,
      [{ reason: 'why' }, { to: 3, reason: 'why' }, { to: 'core/auth@1.0.0', reason: 'why' }],
      [{}, { to: -1, reason: 'why' }, { to: null, reason: 'why' }],
    ],
    ['a rehearsal', rehearsalRequest, [{}, { to: 0 }], [{ to: 'core' }, { reason: 'why' }]],
    ['a what-if', whatIfRequest, [{}, { at, assume: ['auto'] }], [{ at: 'now' }, { assume: ['luck'] }]],
    [
      'a question for logs',
      logsRequest,
      [{ component: 'core/auth' }, { component: 'core/auth', change: 1, since: at }],
      [{}, { component: 'core' }, { component: 'core/auth', since: 'yesterday' }],
    ],
    ['a repair', repairRequest, [{ reason: 'why' }, { reason: 'why', removeAdded: true }], [{}]],
    [
      'a setting',
      settingRequest,
      [setting, { ...setting, value: 'x', preview: true }],
      [
        { ...setting, value: 1 },
        { ...setting, key: 'A' },
        { ...setting, value: undefined },
      ],
    ],
    ['a way', wayRequest, [{ target: 'platform@2.5.0' }], [{}]],
    ['what is lifted', liftRequest, [{ reason: 'why' }], [{}, { reason: '' }]],
    ['what was lifted', liftReply, [{ lifted: ['core/auth 1.0.0'] }, { lifted: [] }], [{ lifted: [''] }, {}]],
    ['a start', startedReply, [{ change: 1 }], [{ change: 0 }, {}]],
    [
      'an audit log',
      auditReply,
      [
        { schema: 'fairlead/audit-log@1', lines: [], count: 0, digest: null },
        { schema: 'fairlead/audit-log@1', lines: ['{}'], count: 1, digest: plan },
      ],
      [{ schema: 'fairlead/audit-log@1', lines: [], count: 0 }],
    ],
    [
      'a refusal',
      adminError,
      [{ error: { code: 'c', message: 'm', hint: 'h', exit: 2 } }],
      [{ error: { code: 'c', message: 'm', hint: 'h' } }, {}],
    ],
    [
      'a refusal of the server, whatever else it says',
      errorReply,
      [{ error: { code: 'c', message: 'm', hint: 'h' } }],
      [{ error: { code: 'c', message: 'm' } }, {}],
    ],
  ])('is %s, with what may be left out and without', (_what, schema, right, wrong) => {
    expect(right.filter((one) => !takes(schema, one))).toEqual([]);
    expect(wrong.filter((one) => takes(schema, one))).toEqual([]);
  });

  it('may say more than is known only where it is a server that answers', () => {
    const error = { code: 'c', message: 'm', hint: 'h', more: 1 };

    expect(errorReply.parse({ error, more: 1 })).toEqual({ error, more: 1 });
    expect(takes(startedReply, { change: 1, more: 1 })).toBe(false);
    expect(instancesReply.parse({ instances: [], more: 1 })).toEqual({ instances: [] });
  });

  it('goes back to a generation, or to a version by its component', () => {
    expect([rollbackTo.parse(0), rollbackTo.parse('core/auth@1.0.0-rc.1')]).toEqual([
      0,
      { component: 'core/auth', version: '1.0.0-rc.1' },
    ]);
  });
});
