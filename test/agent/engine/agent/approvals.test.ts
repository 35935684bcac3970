// Approvals: for exactly one plan, by who may give them, once, and never in the dark.
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { signReceipt } from '../../../../shared/policy/receipt.ts';
import { type ApprovalsReply, approvalsReply } from '../../../../shared/protocol/admin-policy.ts';
import type { ApprovalStatement, SignedReceipt } from '../../../../shared/schema/approval.ts';
import { DEFAULT_POLICY, type Policy } from '../../../../shared/schema/policy.ts';
import { type SigningKey, signingKeyFromSeed } from '../../../../shared/trust/key.ts';
import { createAgentNetwork, INSTANCE, releaseOf } from '../../../support/agent-network.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { settle } from '../../../support/fake-clock.ts';

const DAY_MS = 86_400_000;
const alice = signingKeyFromSeed(new Uint8Array(32).fill(1));
const bob = signingKeyFromSeed(new Uint8Array(32).fill(2));
const mallory = signingKeyFromSeed(new Uint8Array(32).fill(3));
const BOTH = [
  { name: 'alice', key: alice.key.keyval.public },
  { name: 'bob', key: bob.key.keyval.public },
];

/** An agent on `manual` with 1.0.0 on offer, and the hands that may say yes. */
async function asked(approvals: Partial<Policy['approvals']> = {}) {
  const network = createAgentNetwork();
  const { world, ask } = network;
  const rules = { ...DEFAULT_POLICY.approvals, ...approvals };
  world.policy = { kind: 'readable', policy: { ...DEFAULT_POLICY, channel: 'manual', approvals: rules } };
  network.publish(releaseOf('1.0.0'));
  await network.start();
  const planOf = async () =>
    ((await ask('GET', '/v1/explanation')) as { decision: { target: { plan: Digest } } }).decision.target
      .plan;
  const list = async () => approvalsReply.parse(await ask('GET', '/v1/approvals'));
  const say = async (body: object = {}) =>
    (await ask('POST', '/v1/approvals', {
      plan: await planOf(),
      verdict: 'approve',
      reason: 'CAB 12',
      ...body,
    })) as ApprovalsReply;
  const receiptBy = async (key: SigningKey, by: string, changes: Partial<ApprovalStatement> = {}) =>
    signReceipt(
      {
        schema: 'fairlead/approval@1',
        plan: await planOf(),
        verdict: 'approve',
        by,
        reason: 'looks good',
        at: formatInstant(world.clock.now()),
        expires: formatInstant(world.clock.now() + DAY_MS),
        ...changes,
      },
      key,
    );
  const handIn = (receipt: unknown) => ask('POST', '/v1/approvals/receipts', { receipt });
  return { ...network, planOf, list, say, receiptBy, handIn };
}

/** One receipt has done what it was for: the deployment went back, and what it met is out of the way. */
async function used() {
  const all = await asked({ required: 1, approvers: BOTH });
  const { world, receiptBy, handIn, ask } = all;
  const receipt = await receiptBy(alice, 'alice');
  world.deployer.ends = 'rolled-back';
  await handIn(receipt);
  await settle();
  world.deployer.ends = 'committed';
  await ask('DELETE', '/v1/quarantine/core/auth', { reason: 'mended' });
  return { ...all, receipt };
}

describe('an approval through the socket', () => {
  it('lets the agent apply exactly this plan, and says by whose authority', async () => {
    const { world, say, list } = await asked();

    await say({ ticket: 'CHG0042' });
    await settle();

    expect(world.deployer.records).toMatchObject([{ state: 'committed', actor: 'agent' }]);
    expect((await list()).approvals).toMatchObject([
      { state: 'spent', approver: 'local', receipt: { authority: 'socket', statement: { by: 'alice' } } },
    ]);
    expect(world.audit.find(({ event }) => event === 'approval-given')).toMatchObject({
      actor: 'alice',
      details: { verdict: 'approve', reason: 'CAB 12', ticket: 'CHG0042' },
    });
  });

  it('is refused for a plan that has become another one, and says what changed', async () => {
    const { world, say, planOf, publish, ask } = await asked();
    const seen = await planOf();
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');
    await settle();

    const refusal = dataOf(await rejectionOf(say({ plan: seen })), 'approval/superseded');

    expect(refusal.changed).toContain('core/auth: install none → 1.1.0');
    expect(world.deployer.records).toEqual([]);
  });

  it('is superseded when the plan changes after it, and the list says how', async () => {
    const { world, say, list, publish, ask } = await asked();
    const hold = { kind: 'hold', until: '2026-03-03T00:00:00Z', emergency: false };
    await ask('PUT', '/v1/policy', { edit: hold, reason: 'not yet' });
    await say();
    publish(releaseOf('1.1.0'));
    await ask('POST', '/v1/check');
    await ask('PUT', '/v1/policy', { edit: { kind: 'release', emergency: false }, reason: 'now' });
    await settle();

    const { approvals, given } = await list();

    expect(given).toBe(0);
    expect(approvals).toMatchObject([
      { state: 'superseded', changed: [expect.stringContaining('install none → 1.1.0')] },
    ]);
    expect(world.deployer.records).toEqual([]);
  });

  it('given under a clock that was years ahead counts no more once the clock is right', async () => {
    const { world, say, list, ask } = await asked();
    const hold = { kind: 'hold', until: '2033-01-01T00:00:00Z', emergency: false };
    await ask('PUT', '/v1/policy', { edit: hold, reason: 'not yet' });
    const right = world.clock.now();
    world.clock.setWallClock(right + 5 * 365 * DAY_MS);
    await say();
    world.clock.setWallClock(right);

    expect(await list()).toMatchObject({ given: 0, approvals: [{ state: 'expired' }] });
  });

  it('is refused for a plan that nobody was shown', async () => {
    const { say } = await asked();

    const refusal = await rejectionOf(say({ plan: `sha256:${'0'.repeat(64)}` }));

    expect(refusal.code).toBe('approval/not-on-offer');
  });

  it('is spent by an attempt that had to be rolled back', async () => {
    const { world, say, ask } = await asked();
    world.deployer.ends = 'rolled-back';
    await say();
    await settle();
    world.deployer.ends = 'committed';

    await ask('DELETE', '/v1/quarantine/core/auth', { reason: 'mended' });
    await world.clock.advance(600_000);

    expect(world.deployer.records).toMatchObject([{ state: 'rolled-back' }]);
    expect(await ask('GET', '/v1/explanation')).toMatchObject({ decision: { verdict: 'ask' } });
  });

  it('is spent by an attempt during which the clock was set back', async () => {
    const { world, say, ask } = await asked();
    world.deployer.ends = 'rolled-back';
    world.deployer.slow = true;
    await say();
    await settle();
    world.clock.setWallClock(world.clock.now() - 3 * DAY_MS);
    world.deployer.finish();
    await settle();
    world.deployer.ends = 'committed';
    world.deployer.slow = false;

    await ask('DELETE', '/v1/quarantine/core/auth', { reason: 'mended' });
    await world.clock.advance(600_000);

    expect(world.deployer.records).toMatchObject([{ state: 'rolled-back' }]);
    expect(await ask('GET', '/v1/explanation')).toMatchObject({ decision: { verdict: 'ask' } });
  });

  it('is not spent by an earlier attempt, though the clock was set back since', async () => {
    const { world, say, ask } = await asked();
    world.deployer.ends = 'rolled-back';
    await say();
    await settle();
    world.deployer.ends = 'committed';
    world.clock.setWallClock(world.clock.now() - 3 * DAY_MS);
    await ask('DELETE', '/v1/quarantine/core/auth', { reason: 'mended' });
    await settle();

    await say();
    await world.clock.advance(600_000);

    expect(world.deployer.records.map(({ state }) => state)).toEqual(['rolled-back', 'committed']);
  });

  it('is not spent by an attempt that touched nothing', async () => {
    const { world, say } = await asked();
    world.deployer.ends = 'abandoned';
    await say();
    await settle();
    world.deployer.ends = 'committed';

    await world.clock.advance(600_000);

    expect(world.deployer.records.map(({ state }) => state)).toEqual(['abandoned', 'committed']);
  });

  it('expires', async () => {
    const { world, say, list, ask } = await asked();
    const hold = { kind: 'hold', until: '2026-03-20T00:00:00Z', emergency: false };
    await ask('PUT', '/v1/policy', { edit: hold, reason: 'not yet' });
    await say();
    expect(await list()).toMatchObject({ given: 1, required: 1 });

    world.clock.setWallClock(world.clock.now() + 8 * DAY_MS);

    expect(await list()).toMatchObject({ given: 0, approvals: [{ state: 'expired' }] });
  });

  it('starts one deployment, however many say yes at once', async () => {
    const { world, say, planOf } = await asked();
    world.deployer.slow = true;
    const plan = await planOf();

    const outcomes = await Promise.allSettled(Array.from({ length: 1000 }, () => say({ plan })));
    await settle();
    world.deployer.finish();
    await world.clock.advance(120_000);

    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(world.deployer.requests).toHaveLength(1);
    expect(world.approvals.value?.receipts).toHaveLength(1);
  });
});

describe('the last safe point', () => {
  it.each([
    [
      'a denial',
      (network: Awaited<ReturnType<typeof asked>>, plan: Digest) =>
        network.ask('POST', '/v1/approvals', { plan, verdict: 'deny', reason: 'wait' }),
    ],
    [
      'a hold',
      (network: Awaited<ReturnType<typeof asked>>) =>
        network.ask('PUT', '/v1/policy', {
          edit: { kind: 'hold', until: '2026-03-03T00:00:00Z', emergency: false },
          reason: 'wait',
        }),
    ],
    [
      'a policy that can no longer be read',
      async ({ world }: Awaited<ReturnType<typeof asked>>) => {
        world.policy = { kind: 'unreadable', problem: 'cut off' };
      },
    ],
    [
      'another plan, which would be applied as well',
      async ({ world, publish, ask }: Awaited<ReturnType<typeof asked>>) => {
        world.policy = { kind: 'readable', policy: { ...DEFAULT_POLICY, channel: 'auto' } };
        publish(releaseOf('1.1.0'));
        await ask('POST', '/v1/check');
      },
    ],
  ])('stops what was approved by %s that came while it was fetched', async (_what, change) => {
    const network = await asked();
    const { world, say, planOf } = network;
    const plan = await planOf();
    const stillAllowed: boolean[] = [];
    const deploy = world.deployer.port.deploy;
    Object.assign(world.deployer.port, {
      deploy: (request: Parameters<typeof deploy>[0]) =>
        deploy({
          ...request,
          async stillAllowed(soakMs) {
            if (stillAllowed.length === 0) await change(network, plan);
            stillAllowed.push(await request.stillAllowed(soakMs));
            return stillAllowed.at(-1) === true;
          },
        }),
    });

    await say();
    await settle();

    expect(stillAllowed[0]).toBe(false);
    expect(world.deployer.records[0]).toMatchObject({ id: 1, state: 'abandoned' });
  });
});

describe('a denial', () => {
  it('is final for its plan, on every channel, also for an apply by hand', async () => {
    const { world, say, ask } = await asked();
    await say({ verdict: 'deny', reason: 'not this one' });
    world.clock.setWallClock(world.clock.now() + 30 * DAY_MS);
    world.freshness = { state: 'fresh', expires: world.clock.now() + DAY_MS };
    await world.clock.advance(120_000);

    expect(await ask('GET', '/v1/explanation')).toMatchObject({
      decision: { verdict: 'held', blockers: [{ code: 'approval-denied' }] },
    });
    expect((await rejectionOf(ask('POST', '/v1/apply', { reason: 'me' }))).code).toBe('apply/blocked');
    expect(world.deployer.records).toEqual([]);
  });

  it('outweighs every yes', async () => {
    const { world, receiptBy, handIn, say } = await asked({ required: 1, approvers: BOTH });
    await handIn(await receiptBy(alice, 'alice', { verdict: 'deny' }));

    await handIn(await receiptBy(bob, 'bob'));
    await settle();

    expect((await rejectionOf(say())).code).toBe('approval/keys-needed');
    expect(world.deployer.records).toEqual([]);
  });
});

describe('signed approvals', () => {
  it('start the deployment when enough different people have signed', async () => {
    const { world, receiptBy, handIn, list } = await asked({ required: 2, approvers: BOTH });
    await handIn(await receiptBy(alice, 'alice', { instance: INSTANCE }));
    await handIn(await receiptBy(alice, 'alice', { reason: 'still good' }));
    await settle();
    expect(await list()).toMatchObject({ given: 1, required: 2 });
    expect(world.deployer.records).toEqual([]);

    await handIn(await receiptBy(bob, 'bob'));
    await settle();

    expect(world.deployer.records).toMatchObject([{ state: 'committed' }]);
  });

  it('lose none when they come at once', async () => {
    const { world, receiptBy, handIn } = await asked({ required: 2, approvers: BOTH });
    const receipts = [await receiptBy(alice, 'alice'), await receiptBy(bob, 'bob')];

    await Promise.all(receipts.map(handIn));
    await settle();

    expect(world.deployer.records).toHaveLength(1);
  });

  it('are needed for an apply by hand too', async () => {
    const { ask, say } = await asked({ required: 1, approvers: BOTH });

    expect((await rejectionOf(say())).code).toBe('approval/keys-needed');
    expect((await rejectionOf(ask('POST', '/v1/apply', { reason: 'me' }))).code).toBe('apply/blocked');
  });

  it('do not count a second time', async () => {
    const { world, receipt, handIn } = await used();

    expect((await rejectionOf(handIn(receipt))).code).toBe('approval/replayed');
    await world.clock.advance(600_000);

    expect(world.deployer.records).toHaveLength(1);
  });

  it('do not count a second time where it is lost which of them were used; one signed later does', async () => {
    const { world, receipt, receiptBy, handIn } = await used();
    Object.assign(world.approvals, { value: null, damaged: 'it ends in the middle' });

    expect((await rejectionOf(handIn(receipt))).code).toBe('approval/forgotten');
    // The person looked at what was kept of it, and removed that.
    world.approvals.damaged = null;
    expect((await rejectionOf(handIn(receipt))).code).toBe('approval/forgotten');
    await world.clock.advance(600_000);
    expect(world.deployer.records).toHaveLength(1);

    await world.clock.advance(3_600_000);
    await handIn(await receiptBy(alice, 'alice'));
    await settle();
    expect(world.deployer.records).toHaveLength(2);
  });

  it.each([
    ['of a stranger', async (by) => by(mallory, 'alice'), 'approval/stranger'],
    [
      'that was altered',
      async (by) => ({ ...(await by(alice, 'alice')), signature: 'ab'.repeat(64) }),
      'approval/altered',
    ],
    ['for another instance', async (by) => by(alice, 'alice', { instance: 'x' }), 'approval/other-instance'],
    [
      'that claims the socket’s authority',
      async (by) => ({
        schema: 'fairlead/receipt@1',
        authority: 'socket',
        statement: (await by(alice, 'a')).statement,
      }),
      'approval/altered',
    ],
    ['that is no receipt', async () => ({ plan: 'x' }), 'document/invalid'],
  ] satisfies readonly (readonly [string, Forge, string])[])('refuse one %s', async (_what, forge, code) => {
    const { world, receiptBy, handIn, list } = await asked({ required: 1, approvers: BOTH });

    expect((await rejectionOf(handIn(await forge(receiptBy)))).code).toBe(code);

    expect((await list()).approvals).toEqual([]);
    expect(world.audit.some(({ event }) => event === 'approval-given')).toBe(false);
  });

  it('count for nothing once the approver is removed, or the file was altered', async () => {
    const { world, receiptBy, handIn, list, ask } = await asked({ required: 2, approvers: BOTH });
    await handIn(await receiptBy(alice, 'alice'));
    const file = world.approvals.value;
    if (file === null) throw new Error('nothing was written');
    const [first] = file.receipts;
    if (first === undefined) throw new Error('nothing was written');
    const { receipt } = first;
    const altered = { ...receipt, statement: { ...receipt.statement, by: 'bob' } } as typeof receipt;

    world.approvals.value = { ...file, receipts: [{ ...first, receipt: altered }] };
    expect(await list()).toMatchObject({ given: 0, approvals: [{ state: 'invalid' }] });

    world.approvals.value = file;
    await ask('PUT', '/v1/policy', { edit: { kind: 'required', required: 1 }, reason: 'x' });
    await ask('PUT', '/v1/policy', { edit: { kind: 'unapprover', name: 'alice' }, reason: 'left' });
    expect(await list()).toMatchObject({ given: 0, approvals: [{ state: 'invalid', approver: null }] });
  });
});

type Forge = (
  by: (key: SigningKey, name: string, changes?: Partial<ApprovalStatement>) => Promise<SignedReceipt>,
) => Promise<unknown>;

describe('a deployment past its switch', () => {
  it('is said to be under way to who approves or applies it late', async () => {
    const { world, ask, say, planOf } = await asked();
    const plan = await planOf();
    world.deployer.slow = true;
    await say();
    await settle();
    // What is deployed is current already; nothing is on offer.
    world.deployer.generations.push({ ...world.deployer.requests[0]!, number: 1, healthy: false });

    const answer = { plan, verdict: 'approve', reason: 'late' };
    const late = [ask('POST', '/v1/apply', { reason: 'x' }), ask('POST', '/v1/approvals', answer)];

    expect(await Promise.all(late.map(async (one) => (await rejectionOf(one)).code))).toEqual([
      'deploy/busy',
      'deploy/busy',
    ]);
  });
});
