// Approvals on this instance: what becomes of each, which are kept, and when the same word counts once.
import { describe, expect, it } from 'vitest';
import {
  type ApprovalFacts,
  type ApprovalsFile,
  addReceipt,
  approvalsFile,
  isKnown,
  NO_APPROVALS,
  newestEnded,
  type ReceivedApproval,
  rememberPlan,
  selectOpen,
  weighAll,
} from '../../../agent/core/approvals.ts';
import { planDigest } from '../../../shared/compile/plan.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { signReceipt } from '../../../shared/policy/receipt.ts';
import type { ApprovalReceipt, ApprovalStatement } from '../../../shared/schema/approval.ts';
import type { DeploymentState } from '../../../shared/schema/deployment.ts';
import { signingKeyFromSeed } from '../../../shared/trust/key.ts';
import { PLANNED } from '../../support/answers.ts';
import { recordOf } from '../../support/deployments.ts';

const OFFER = planDigest(PLANNED);
const OTHER = digestOfValue('another plan');
const NOW = instantMs('2026-03-01T10:00:00Z');
const alice = signingKeyFromSeed(new Uint8Array(32).fill(1));
const bob = signingKeyFromSeed(new Uint8Array(32).fill(2));
const key = (one: typeof alice) => one.key.keyval.public;

const statement = (changes: Partial<ApprovalStatement> = {}): ApprovalStatement => ({
  schema: 'fairlead/approval@1',
  plan: OFFER,
  verdict: 'approve',
  by: 'somebody',
  reason: 'tested',
  at: '2026-03-01T09:00:00Z',
  expires: '2026-03-01T11:00:00Z',
  ...changes,
});
const socket = (changes: Partial<ApprovalStatement> = {}): ApprovalReceipt => ({
  schema: 'fairlead/receipt@1',
  authority: 'socket',
  statement: statement(changes),
});
const signed = (by = alice, changes: Partial<ApprovalStatement> = {}) => signReceipt(statement(changes), by);
const received = (receipt: ApprovalReceipt, after = 0): ReceivedApproval => ({
  receipt,
  received: '2026-03-01T09:30:00Z',
  after,
});
const fileOf = (...receipts: readonly ReceivedApproval[]): ApprovalsFile => ({
  ...NO_APPROVALS,
  receipts: [...receipts],
});
const NOBODY = { required: 1, approvers: [] };
const ALICE = { required: 1, approvers: [{ name: 'alice', key: key(alice) }] };
const facts = (changes: Partial<ApprovalFacts> = {}): ApprovalFacts => ({
  rules: NOBODY,
  offer: PLANNED,
  records: [],
  now: NOW,
  ...changes,
});
const deployed = (id: number, state: DeploymentState, plan = OFFER) => recordOf(id, [state], { plan });
const OVER = { expires: '2026-03-01T10:00:00Z' };

describe('an approval', () => {
  it.each<[string, ReceivedApproval, Partial<ApprovalFacts>, string, string | null]>([
    ['counts', received(socket()), {}, 'counts', 'local'],
    [
      'counts by an approver’s key, under the name the policy gives it',
      received(signed()),
      { rules: ALICE },
      'counts',
      'alice',
    ],
    [
      'is void over the socket where approvers have keys',
      received(socket()),
      { rules: ALICE },
      'invalid',
      null,
    ],
    ['is void by a key that is no approver’s', received(signed(bob)), { rules: ALICE }, 'invalid', null],
    [
      'is void where the signature is another’s',
      received({ ...signed(bob), key: key(alice) }),
      { rules: ALICE },
      'invalid',
      'alice',
    ],
    ['is final as a no, however old', received(socket({ verdict: 'deny', ...OVER })), {}, 'final', 'local'],
    [
      'is final as a no of another plan',
      received(socket({ verdict: 'deny', plan: OTHER })),
      {},
      'final',
      'local',
    ],
    ['expires in its moment', received(socket(OVER)), {}, 'expired', 'local'],
    [
      'is superseded where another plan is on offer',
      received(socket({ plan: OTHER })),
      {},
      'superseded',
      'local',
    ],
    ['is superseded where nothing is on offer', received(socket()), { offer: null }, 'superseded', 'local'],
    [
      'is spent by the deployment of its plan',
      received(socket(), 3),
      { records: [deployed(4, 'committed')] },
      'spent',
      'local',
    ],
    [
      'is spent by one that was rolled back',
      received(socket(), 3),
      { records: [deployed(4, 'rolled-back')] },
      'spent',
      'local',
    ],
    [
      'is not spent by one that ended before it',
      received(socket(), 4),
      { records: [deployed(4, 'committed')] },
      'counts',
      'local',
    ],
    [
      'is not spent by one that was abandoned',
      received(socket(), 3),
      { records: [deployed(4, 'abandoned')] },
      'counts',
      'local',
    ],
    [
      'is not spent by one under way',
      received(socket(), 3),
      { records: [deployed(4, 'starting')] },
      'counts',
      'local',
    ],
    [
      'is not spent by another plan',
      received(socket(), 3),
      { records: [deployed(4, 'committed', OTHER)] },
      'counts',
      'local',
    ],
    [
      'that is a no is never spent',
      received(socket({ verdict: 'deny' }), 3),
      { records: [deployed(4, 'committed')] },
      'final',
      'local',
    ],
  ])('%s', (_what, one, given, state, approver) => {
    expect(weighAll(fileOf(one), facts(given))).toEqual([
      { receipt: one.receipt, approver, state, changed: [] },
    ]);
  });

  it('for a plan that was remembered tells how the one on offer differs', () => {
    const meant = { ...PLANNED, reversible: 'no' as const };
    const file = {
      ...fileOf(received(socket({ plan: planDigest(meant) })), received(socket())),
      plans: [PLANNED, meant],
    };

    expect(weighAll(file, facts()).map(({ changed }) => changed)).toEqual([
      ['the way back: yes, was: no'],
      [],
    ]);
    expect(weighAll(file, facts({ offer: null }))[0]?.changed).toEqual([]);
  });
});

describe('what the decision weighs', () => {
  it('is every genuine answer that still stands, with whose it is', () => {
    const file = fileOf(
      received(signed()),
      received(socket({ verdict: 'deny', ...OVER })),
      received(socket(OVER)),
      received(socket({ plan: OTHER }), 3),
      received({ ...signed(bob), key: key(alice) }),
    );

    expect(selectOpen(file, [deployed(4, 'committed', OTHER)], NOW)).toEqual([
      { plan: OFFER, verdict: 'approve', approver: key(alice), expires: instantMs('2026-03-01T11:00:00Z') },
      { plan: OFFER, verdict: 'deny', approver: 'local', expires: NOW },
    ]);
  });
});

describe('an answer that comes', () => {
  const added = received(signed());

  it.each<[string, ReceivedApproval, boolean]>([
    [
      'the same word of the same person about the same plan',
      received(signed(alice, { reason: 'again' })),
      false,
    ],
    ['a yes of somebody else', received(signed(bob)), true],
    ['a no of the same person', received(signed(alice, { verdict: 'deny' })), true],
    ['a yes to another plan', received(signed(alice, { plan: OTHER })), true],
    ['the same word that has expired', received(signed(alice, OVER)), true],
  ])('is added or not beside %s', (_what, there, adds) => {
    expect(addReceipt(fileOf(there), added, facts())).toEqual(adds ? fileOf(there, added) : null);
  });

  it('is added beside the same word that was spent', () => {
    const records = [deployed(4, 'committed')];

    expect(
      addReceipt(fileOf(received(signed(), 3)), { ...added, after: 4 }, facts({ records }))?.receipts,
    ).toHaveLength(2);
  });

  it('displaces nothing that stands, and of what does not only the oldest beyond five hundred', () => {
    const idle = Array.from({ length: 501 }, (_, i) => received(socket({ ...OVER, reason: `${i}` })));
    const standing = received(socket({ plan: OTHER }));

    const kept = addReceipt(fileOf(...idle.slice(0, 1), standing, ...idle.slice(1)), added, facts());

    expect(kept?.receipts).toEqual([standing, ...idle.slice(1), added]);
  });

  it('is known once it was handed in, by statement and key', () => {
    const file = fileOf(received(signed()), received(socket()));

    expect(isKnown(file, signed())).toBe(true);
    expect(isKnown(file, socket())).toBe(true);
    expect(isKnown(file, signed(bob))).toBe(false);
    expect(isKnown(file, socket({ reason: 'another' }))).toBe(false);
  });
});

describe('plans that somebody was asked about', () => {
  it('are remembered once, the last twenty', () => {
    const plans = Array.from({ length: 21 }, (_, i) => ({ ...PLANNED, to: digestOfValue(`manifest ${i}`) }));
    const file = plans.reduce((known, plan) => rememberPlan(known, plan) ?? known, NO_APPROVALS);

    expect(file.plans).toEqual(plans.slice(1));
    expect(rememberPlan(file, plans[20] as typeof PLANNED)).toBeNull();
  });
});

describe('the newest deployment that ended', () => {
  it('is the highest number among those that did', () => {
    expect(newestEnded([])).toBe(0);
    expect(newestEnded([deployed(2, 'abandoned'), deployed(3, 'committed'), deployed(4, 'starting')])).toBe(
      3,
    );
  });

  it('is nothing in a file of an older version, whose answers are still read', () => {
    const old = {
      schema: 'fairlead/approvals-file@1',
      plans: [],
      receipts: [{ receipt: socket(), received: OVER.expires }],
    };

    expect(approvalsFile.parse(old).receipts[0]?.after).toBe(0);
  });
});
