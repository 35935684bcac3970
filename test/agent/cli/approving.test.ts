// Approving from two machines: keys, receipts that travel, and the policy that names whose word counts.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { approve, importApproval, listApprovals } from '../../../agent/cli/commands/approvals.ts';
import {
  createApprover,
  listApprovers,
  removeApprover,
  requireApprovals,
  trustApprover,
} from '../../../agent/cli/commands/approver.ts';
import { hold } from '../../../agent/cli/commands/hold.ts';
import type { Digest } from '../../../shared/encoding/digest.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { dataOf, refusedCode, rejectionOf } from '../../support/error-code.ts';
import { settle } from '../../support/fake-clock.ts';
import { atTerminal } from '../../support/terminal.ts';

const HOUR_MS = 3_600_000;

const PASSPHRASE = 'correct horse';

/** An instance on `manual` that trusts alice, whose key is in a file. */
async function trusting() {
  const terminal = await atTerminal('manual', { passphrase: PASSPHRASE });
  const { context, ask } = terminal;
  const directory = temporaryDirectory();
  const key = join(directory, 'alice.json');
  await createApprover(context, 'alice', { key });
  await trustApprover(context, 'alice', key, { reason: 'head of operations' });
  const explanation = (await ask('GET', '/v1/explanation')) as { decision: { target: { plan: Digest } } };
  return { ...terminal, directory, key, plan: explanation.decision.target.plan };
}

describe('an approver’s key', () => {
  it('is made once, for its owner alone, and sealed', async () => {
    const { context, key } = await trusting();

    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(readFileSync(key, 'utf8')).not.toContain(PASSPHRASE);
    expect((await rejectionOf(createApprover(context, 'alice', { key }))).code).toBe('file/exists');
  });

  it('needs a passphrase that is no joke', async () => {
    const { context } = await atTerminal('manual', { passphrase: 'short' });

    const made = createApprover(context, 'bob', { key: join(temporaryDirectory(), 'bob.json') });

    expect((await rejectionOf(made)).code).toBe('vendor/passphrase-short');
  });
});

describe('approve', () => {
  it('signs and hands in at once where the agent is', async () => {
    const { context, key, plan, world } = await trusting();

    expect(await approve(context, plan, { key, reason: 'tested' })).toBe(0);
    await settle();

    expect(world.deployer.records).toMatchObject([{ state: 'committed' }]);
  });

  it('needs no agent with --out, and the receipt counts where it is imported, once', async () => {
    const { context, key, plan, directory, world, lines } = await trusting();
    const out = join(directory, 'receipt.json');
    const offline = { ...context, client: { call: () => Promise.reject(new Error('no agent here')) } };

    expect(await approve(offline, plan, { key, out, reason: 'tested', ticket: 'CHG7' })).toBe(0);
    expect(world.deployer.records).toEqual([]);
    expect(await importApproval(context, out)).toBe(0);
    await settle();

    expect(world.deployer.records).toMatchObject([{ state: 'committed' }]);
    await listApprovals(context);
    expect(lines().at(-1)).toMatch(/approve +alice .*used +CHG7: tested/);
    expect(dataOf(await rejectionOf(importApproval(context, out)), 'agent/refused').code).toBe(
      'approval/replayed',
    );
  });

  it('is refused when the receipt was altered on its way', async () => {
    const { context, key, plan, directory } = await trusting();
    const out = join(directory, 'receipt.json');
    await approve(context, plan, { key, out, reason: 'tested' });
    writeFileSync(out, readFileSync(out, 'utf8').replace('tested', 'forced'));

    expect(dataOf(await rejectionOf(importApproval(context, out)), 'agent/refused').code).toBe(
      'approval/altered',
    );
  });

  it('says so with a wrong passphrase, or none', async () => {
    const { context, key, plan } = await trusting();
    const wrong = { ...context, passphrase: 'wrong horse' };
    const none = { ...context, passphrase: undefined };

    expect((await rejectionOf(approve(wrong, plan, { key, reason: 'x' }))).code).toBe(
      'vendor/wrong-passphrase',
    );
    expect((await rejectionOf(approve(none, plan, { key, reason: 'x' }))).code).toBe('vendor/no-passphrase');
  });

  it('names the file that is missing or is no receipt', async () => {
    const { context, directory } = await trusting();
    const file = join(directory, 'x.json');

    expect((await rejectionOf(importApproval(context, file))).code).toBe('file/missing');
    writeFileSync(file, '{}');
    expect((await rejectionOf(importApproval(context, file))).code).toBe('document/invalid');
  });
});

describe('holding forced patches where approvers have keys', () => {
  const order = { emergency: true, reason: 'surgery' };

  it('needs the signature of one of them', async () => {
    const { context, key, world } = await trusting();

    expect(await refusedCode(hold(context, 24 * HOUR_MS, order))).toBe('hold/signature-needed');
    expect(world.policy).not.toHaveProperty('policy.emergencyHold');
    expect(await hold(context, 24 * HOUR_MS, { ...order, key })).toBe(0);

    expect(world.policy).toMatchObject({ policy: { emergencyHold: { reason: 'surgery' } } });
    expect(world.audit.at(-1)?.details.signer).toMatch(/^[0-9a-f]{64}$/);
  });

  it('does not count by a stranger, for another time, or an hour later', async () => {
    const { context, directory, key, world, ask } = await trusting();
    const stranger = join(directory, 'mallory.json');
    await createApprover(context, 'alice', { key: stranger });
    expect(await refusedCode(hold(context, 24 * HOUR_MS, { ...order, key: stranger }))).toBe(
      'hold/signature-needed',
    );

    const sent: { edit: object }[] = [];
    const client: typeof context.client = {
      call: (method, path, reply, body) => {
        if (method === 'PUT') sent.push(body as { edit: object });
        return context.client.call(method, path, reply, body);
      },
    };
    await hold({ ...context, client }, 24 * HOUR_MS, { ...order, key });
    const again = (changes: object) =>
      refusedCode(ask('PUT', '/v1/policy', { edit: { ...sent[0]?.edit, ...changes }, reason: 'again' }));
    expect(await again({ until: '2026-03-04T00:00:00Z' })).toBe('hold/signature-needed');
    world.clock.setWallClock(world.clock.now() + 2 * 3_600_000);
    expect(await again({})).toBe('hold/signature-needed');
  });

  it('leaves an ordinary hold to whoever may open the socket', async () => {
    const { context } = await trusting();

    expect(await hold(context, 4 * HOUR_MS, { reason: 'sale' })).toBe(0);
  });
});

describe('at a terminal', () => {
  it.each([
    ['a yes approves', true, 0, 1],
    ['a no leaves the plan unanswered', false, 4, 0],
  ])('the plan is shown before the question: %s', async (_what, answer, exit, deployments) => {
    const { context, asked, lines, world, ask } = await atTerminal('manual', { interactive: true, answer });
    const { decision } = (await ask('GET', '/v1/explanation')) as { decision: { target: { plan: Digest } } };

    expect(await approve(context, decision.target.plan, { reason: 'tested' })).toBe(exit);
    await settle();

    expect(asked).toEqual(['Approve this plan?']);
    expect(lines()).toContainEqual(expect.stringMatching(/core\/auth +none +1\.0\.0/));
    expect(world.deployer.records).toHaveLength(deployments);
  });
});

describe('approver', () => {
  it('refuses to require more people than there are', async () => {
    const { context, world } = await trusting();

    expect(await refusedCode(requireApprovals(context, 2, { reason: 'four eyes' }))).toBe('document/invalid');
    expect(world.policy).toMatchObject({ policy: { approvals: { required: 1 } } });
  });

  it('lists who counts, and forgets who is removed', async () => {
    const { context, lines } = await trusting();
    await listApprovers(context);
    expect(lines()).toContainEqual(expect.stringMatching(/^alice +[0-9a-f]{64}$/));

    await removeApprover(context, 'alice', { reason: 'left' });

    expect(lines().at(-1)).toContain('socket');
    expect(
      dataOf(await rejectionOf(removeApprover(context, 'alice', { reason: 'again' })), 'agent/refused').code,
    ).toBe('policy/no-such-approver');
  });
});
