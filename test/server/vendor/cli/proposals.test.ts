// `fairlead-vendor proposals`: what was proposed, of one install or one status, and what became of it.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ProposalModel } from '../../../../shared/protocol/fleet-proposals.ts';
import { createVendor, type Vendor } from '../../../support/vendor.ts';

const ONE = '3f0f6a3e-6a0f-4c55-9d5e-2f6f3f1b8c11';
const TWO = '3f0f6a3e-6a0f-4c55-9d5e-2f6f3f1b8c12';
let vendor: Vendor;

function proposalFor(instance: string, name: string, more: Partial<ProposalModel>): ProposalModel {
  return {
    id: instance.replace('3f0f', '7777'),
    ...{ kind: 'unpin', instance_id: instance, instance_name: name, group: null, policy_id: null },
    ...{ status: 'proposed', revision: 1, asks: 'take the pin of core away', reason: 'certified' },
    wish: { kind: 'unpin', component: 'core' },
    proposed_by: 'token fleet',
    ...{ created_at: '2026-11-20T12:00:00Z', updated_at: '2026-11-20T12:00:00Z' },
    ...{ expires_at: '2026-12-20T12:00:00Z', answered_at: null, answer: null },
    ...more,
  };
}

beforeAll(async () => {
  vendor = await createVendor();
  const summary = { hostname: 'h', agentVersion: '1', enrolled: '2026-11-20T12:00:00Z', lastSeen: null };
  for (const [id, name] of [
    [ONE, 'Rome'],
    [TWO, 'Oslo'],
  ] as const) {
    vendor.server.instances.push({ id, name, ...summary, channel: null, manifest: null, verdict: null });
  }
  const refused = { revision: 1, answer: 'refused', code: 'proposal/declined', change: null } as const;
  const text = 'alice declined it: \u001b[2Jnot before the audit';
  vendor.server.proposals.push(
    proposalFor(ONE, 'Rome', {}),
    proposalFor(TWO, 'Oslo', {
      status: 'refused',
      answer: { ...refused, text, by: 'alice', at: '2026-11-21T12:00:00Z' },
    }),
  );
}, 60_000);
afterAll(() => vendor.close());

it('lists them with what the installs answered, harmlessly', async () => {
  const { out } = await vendor.run('proposals');

  expect(out).toContain('Rome');
  expect(out).toContain('not before the audit');
  expect(out).not.toContain('\u001b');
});

it('lists those of one install, by its name, or of one status', async () => {
  const idsOf = async (...argv: readonly string[]) =>
    ((await vendor.json('proposals', ...argv)).proposals as ProposalModel[]).map((one) => one.instance_id);

  expect(await idsOf('--instance', 'Rome')).toEqual([ONE]);
  expect(await idsOf('--status', 'refused')).toEqual([TWO]);
  expect(await vendor.refusal('proposals', '--instance', 'Paris')).toBe('vendor/instance-not-found');
});
