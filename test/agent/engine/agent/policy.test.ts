// The rules of an install through its socket: shown with what is wrong with them, tried before they are recorded, and changed by who may.
import { describe, expect, it } from 'vitest';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import { formatInstant } from '../../../../shared/encoding/instant.ts';
import { signHold } from '../../../../shared/policy/hold-receipt.ts';
import type { PolicyReply } from '../../../../shared/protocol/admin-policy.ts';
import type { HoldStatement } from '../../../../shared/schema/hold-receipt.ts';
import { DEFAULT_POLICY, type Policy, policy as policySchema } from '../../../../shared/schema/policy.ts';
import { signingKeyFromSeed } from '../../../../shared/trust/key.ts';
import { createAgentNetwork, INSTANCE, releaseOf } from '../../../support/agent-network.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';

const NIGHT = { name: 'night', cron: '0 2 * * *', duration: 'PT2H', zone: 'UTC' };
const REASON = { reason: 'why' };

async function ruled(part: Partial<Record<keyof Policy, unknown>> = {}) {
  const network = createAgentNetwork();
  network.world.policy = { kind: 'readable', policy: policySchema.parse({ ...DEFAULT_POLICY, ...part }) };
  network.publish(releaseOf('1.0.0'));
  await network.start();
  network.world.audit.length = 0;
  const { ask } = network;
  const shown = async () => (await ask('GET', '/v1/policy')) as PolicyReply;
  const edit = async (change: object, more: object = {}) =>
    (await ask('PUT', '/v1/policy', { edit: change, ...REASON, ...more })) as PolicyReply;
  return { ...network, shown, edit };
}
const pin = (name: string, version: string, more: object = {}) => ({
  ...{ level: 'capability', name, version, owner: 'bob', reason: 'certified' },
  ...more,
});

describe('a window shorter than the soak of the policy', () => {
  const short = { kind: 'window', list: 'allow', ...NIGHT, duration: 'PT4M' };

  it('is refused, and taken by an agent that was told to watch for less', async () => {
    const { edit } = await ruled();
    const told = createAgentNetwork({ soakMs: 1_000 });
    await told.start();

    expect((await rejectionOf(edit(short))).code).toBe('policy/unsatisfiable');
    expect(await told.ask('PUT', '/v1/policy', { edit: short, ...REASON })).toMatchObject({
      unsatisfiable: [],
    });
    expect(await told.ask('GET', '/v1/policy')).toMatchObject({ unsatisfiable: [] });
  });
});

describe('the policy that is shown', () => {
  it('is the policy with its next openings, and nothing that is wrong', async () => {
    const { shown, world } = await ruled({ windows: { allow: [NIGHT], deny: [] } });

    expect(await shown()).toEqual({
      schema: 'fairlead/policy-reply@1',
      policy: (world.policy as { policy: Policy }).policy,
      ...{ problem: null, changes: [], unsatisfiable: [], stale: [] },
      openings: [2, 3, 4].map((day) => ({
        opens: `2026-03-0${day}T02:00:00Z`,
        closes: `2026-03-0${day}T04:00:00Z`,
      })),
    });
  });

  it('is none where it cannot be read, and says why', async () => {
    const { shown, world } = await ruled();
    world.policy = { kind: 'unreadable', problem: 'settings.json is no JSON' };

    expect(await shown()).toEqual({
      ...{ schema: 'fairlead/policy-reply@1', policy: null, problem: 'settings.json is no JSON' },
      ...{ changes: [], unsatisfiable: [], stale: [], openings: [] },
    });
  });

  it('opens for ever where only days are denied, once such a day is over', async () => {
    const { shown } = await ruled({ windows: { allow: [], deny: [{ ...NIGHT, cron: '0 9 1 3 *' }] } });

    const [first] = (await shown()).openings;

    expect(first?.opens).toBe('2026-03-01T11:00:00Z');
  });

  it('names what holds nothing any more, and every pin in vain, of a component or of a version', async () => {
    const { shown } = await ruled({
      pins: [
        pin('core/auth', '1.x', { expires: '2026-02-01T00:00:00Z' }),
        pin('core/atuh', '1.x'),
        pin('core/api', '1.x'),
      ],
    });

    expect((await shown()).stale).toEqual([
      expect.stringContaining('the pin of core/auth expired'),
      expect.stringMatching(/^the pin core.atuh at 1\.x is in vain: /),
      expect.stringMatching(/^the pin core.api at 1\.x is in vain: /),
    ]);
  });

  it('names what can never be met', async () => {
    const { shown } = await ruled({ windows: { allow: [{ ...NIGHT, cron: '0 2 30 2 *' }], deny: [] } });

    expect((await shown()).unsatisfiable).toContainEqual(expect.stringContaining('night'));
  });

  it('holds a pin of what runs here for useful, though the vendor lists it no more', async () => {
    const { shown, world, edit } = await ruled({ pins: [pin('core/auth', '1.0.0')] });
    world.catalog = { ...world.catalog, releases: [], rollouts: [] };
    await world.clock.advance(60_000);

    expect((await shown()).stale).toEqual([]);
    expect((await edit({ kind: 'pin', component: 'core/auth', version: '1.0.0' })).policy?.pins).toHaveLength(
      1,
    );
  });
});

describe('an edit of the policy', () => {
  it('is answered with the policy from then on and the difference, and is on the record with both', async () => {
    const { edit, world } = await ruled();
    const change = { kind: 'channel', channel: 'frozen' };

    const reply = await edit(change);

    const after = { ...DEFAULT_POLICY, channel: 'frozen' as const };
    expect(reply).toMatchObject({
      ...{ policy: after, changes: ['- channel: "auto"', '+ channel: "frozen"'], problem: null },
      ...{ stale: [], unsatisfiable: [] },
    });
    expect(world.audit).toEqual([
      {
        ...{ event: 'policy-changed', actor: 'alice' },
        details: {
          ...{ edit: JSON.stringify(change), reason: 'why' },
          policy: digestOfValue(JSON.parse(JSON.stringify(after))),
        },
      },
    ]);
    expect(world.policy).toEqual({ kind: 'readable', policy: after });
  });

  it('that is only tried changes nothing and is on no record', async () => {
    const { edit, world } = await ruled();

    const reply = await edit({ kind: 'channel', channel: 'frozen' }, { preview: true });

    expect(reply).toMatchObject({
      ...{ policy: { channel: 'frozen' }, changes: ['- channel: "auto"', '+ channel: "frozen"'] },
    });
    expect([world.audit, world.policy]).toEqual([[], { kind: 'readable', policy: DEFAULT_POLICY }]);
  });

  it('makes the agent look at once', async () => {
    const { edit, world } = await ruled({ channel: 'frozen' });

    await edit({ kind: 'channel', channel: 'auto' });
    await world.clock.advance(0);

    expect(world.deployer.requests).toHaveLength(1);
  });

  it('that pins what nobody released is refused, with the nearest that there is, and is on no record', async () => {
    const { edit, world } = await ruled();

    const refusal = await rejectionOf(edit({ kind: 'pin', component: 'core/atuh', version: '1.x' }));

    expect(dataOf(refusal, 'policy/pin-in-vain')).toMatchObject({ pin: 'core/atuh at 1.x' });
    expect(dataOf(refusal, 'policy/pin-in-vain').problem).toContain('core/auth');
    expect(world.audit).toEqual([]);
  });

  it('that begins a policy anew is told as a difference to the one a fresh install has', async () => {
    const { edit, world } = await ruled();
    world.policy = { kind: 'unreadable', problem: 'settings.json is missing' };
    const change = { kind: 'channel', channel: 'manual' };

    expect(await edit(change, { preview: true })).toMatchObject({ policy: DEFAULT_POLICY, changes: [] });
    expect(await edit(change)).toMatchObject({
      ...{ policy: { channel: 'manual' }, changes: ['- channel: "auto"', '+ channel: "manual"'] },
    });
  });
});

describe('an order to hold forced patches', () => {
  const ada = signingKeyFromSeed(new Uint8Array(32).fill(1));
  const eve = signingKeyFromSeed(new Uint8Array(32).fill(2));
  const UNTIL = '2026-03-02T10:00:00Z';
  const order = { kind: 'hold', until: UNTIL, emergency: true };
  const signedBy = (key: typeof ada, changes: Partial<HoldStatement> = {}) =>
    signHold(
      {
        ...{ schema: 'fairlead/hold@1', by: 'ada', reason: 'surgery', until: UNTIL },
        ...{ instance: INSTANCE, at: '2026-03-01T10:00:00Z', ...changes },
      } as HoldStatement,
      key,
    );
  const withKeys = () =>
    ruled({ approvals: { required: 1, approvers: [{ name: 'ada', key: ada.key.keyval.public }] } });

  it('needs no signature where nobody has a key, nor does an ordinary hold where somebody has', async () => {
    const keyless = await ruled();
    expect((await keyless.edit(order)).policy?.emergencyHold?.until).toBe(UNTIL);

    const { edit } = await withKeys();
    expect((await edit({ ...order, emergency: false })).policy?.hold?.until).toBe(UNTIL);
    expect((await edit({ kind: 'release', emergency: true })).changes).toEqual([]);
  });

  it('needs one where somebody has a key, and its signer stands in the record', async () => {
    const { edit, world } = await withKeys();

    expect((await rejectionOf(edit(order))).code).toBe('hold/signature-needed');
    expect((await rejectionOf(edit({ ...order, signed: signedBy(eve) }))).code).toBe('hold/signature-needed');
    expect(world.audit).toEqual([]);
    await edit({ ...order, signed: signedBy(ada) });

    expect(world.audit[0]?.details).toMatchObject({
      ...{ edit: JSON.stringify(order), signer: ada.key.keyval.public, reason: 'why' },
    });
  });

  it.each<[string, Partial<HoldStatement>]>([
    ['another install', { instance: '1f0e0d0c-0b0a-4908-8706-050403020100' }],
    ['another end', { until: '2026-03-02T09:00:00Z' }],
    ['another day', { at: formatInstant(Date.parse('2026-02-28T10:00:00Z')) }],
  ])('is refused where it was signed for %s', async (_what, changes) => {
    const { edit } = await withKeys();

    const signed = signedBy(ada, changes);

    expect((await rejectionOf(edit({ ...order, signed }))).code).toBe('hold/signature-needed');
  });
});
