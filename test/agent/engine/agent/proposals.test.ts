// Proposals: the policy says what becomes of them, a person answers what waits, and the answer goes back with its reason.
import { describe, expect, it } from 'vitest';
import { FairleadError } from '../../../../shared/errors/error.ts';
import {
  type DescribedProposal,
  proposalsReply,
  verdictReply,
} from '../../../../shared/protocol/proposal.ts';
import { advisory } from '../../../../shared/schema/advisory.ts';
import { DEFAULT_POLICY, type Policy } from '../../../../shared/schema/policy.ts';
import type { Wish } from '../../../../shared/schema/proposal.ts';
import { createAgentNetwork, POLL_MS, releaseOf } from '../../../support/agent-network.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { settle } from '../../../support/fake-clock.ts';

const PIN = { kind: 'pin', component: 'core/auth', version: '~1.0' };
const DEPLOY = { kind: 'deploy', release: 'core/auth@1.1.0' };

/** An agent that runs 1.0.0 on a frozen channel; 1.1.0 is on offer. */
async function running(remote: Policy['remote'], policy: Partial<Policy> = {}) {
  const network = createAgentNetwork();
  const { world } = network;
  network.publish(releaseOf('1.0.0'));
  await network.start();
  await settle();
  network.publish(releaseOf('1.1.0'));
  world.policy = {
    kind: 'readable',
    policy: { ...DEFAULT_POLICY, channel: 'frozen', remote, ...policy },
  };
  await world.clock.advance(2 * POLL_MS);
  await settle();
  world.audit.length = 0;
  const list = async () => proposalsReply.parse(await network.ask('GET', '/v1/proposals')).proposals;
  const round = async () => {
    await world.clock.advance(2 * POLL_MS);
    await settle();
  };
  return {
    ...network,
    list,
    round,
    vendor: world.vendor,
    /** What the server proposes, as the agent knows it after a round. */
    async propose(wish: Wish | object, overrides: object = {}) {
      const proposal = world.vendor.propose(wish, overrides);
      await round();
      return {
        proposal,
        entry: (await list()).findLast(({ id }) => id === proposal.id) as DescribedProposal,
      };
    },
    say: async (number: number, verdict: 'accept' | 'decline') => {
      const reply = await network.ask('POST', `/v1/proposals/${number}/${verdict}`, { reason: 'agreed' });
      await settle();
      return verdictReply.parse(reply).proposal;
    },
    pins: () => (world.policy.kind === 'readable' ? world.policy.policy.pins : []),
    version: () => world.deployer.generations.at(-1)?.manifest.components[0]?.version,
    events: () => world.audit.map(({ event }) => event),
  };
}

describe('a policy that ignores', () => {
  it('lets nothing come of a proposal, and tells the server so', async () => {
    const agent = await running('ignore');

    const { proposal, entry } = await agent.propose(PIN);

    expect(entry.state).toBe('ignored');
    expect(agent.vendor.lastOf(proposal)).toMatchObject({ answer: 'ignored', code: 'proposal/ignored' });
    expect(agent.pins()).toEqual([]);
    expect(agent.events()).toEqual(['proposal-received', 'proposal-answered']);
  });

  it('is what a new install has', () => {
    expect(DEFAULT_POLICY.remote).toBe('ignore');
  });
});

describe('a policy that asks', () => {
  it('puts it before a person, and says in the status that it waits', async () => {
    const agent = await running('propose');

    const { proposal, entry } = await agent.propose(PIN);

    expect(entry).toMatchObject({ number: 1, state: 'waiting', asks: 'pin core/auth at ~1.0' });
    expect(agent.vendor.lastOf(proposal)).toMatchObject({ answer: 'queued', text: 'it waits for a person' });
    expect(await agent.ask('GET', '/v1/status')).toMatchObject({ proposals: 1 });
    expect(agent.pins()).toEqual([]);
  });

  it('pins in the name of the person who accepts, with both reasons', async () => {
    const agent = await running('propose');
    const { proposal, entry } = await agent.propose(PIN);

    const accepted = await agent.say(entry.number, 'accept');

    expect(accepted.state).toBe('accepted');
    expect(agent.pins()).toMatchObject([
      {
        name: 'core/auth',
        version: '~1.0',
        owner: 'alice',
        reason: 'agreed; proposal 1 of the vendor: it is certified',
      },
    ]);
    expect(agent.events()).toEqual(['proposal-received', 'policy-changed', 'proposal-answered']);
    await agent.round();
    expect(agent.vendor.lastOf(proposal)).toMatchObject({ answer: 'accepted', by: 'alice' });
  });

  it('deploys on a frozen channel what a person accepts', async () => {
    const agent = await running('propose');
    const { proposal, entry } = await agent.propose(DEPLOY);
    expect(agent.version()).toBe('1.0.0');

    await agent.say(entry.number, 'accept');
    await agent.round();

    expect(agent.version()).toBe('1.1.0');
    expect(agent.world.deployer.records.at(-1)).toMatchObject({ actor: 'alice' });
    expect(agent.vendor.lastOf(proposal)).toMatchObject({ answer: 'accepted', change: 2 });
  });

  it('tells the server why a person declined', async () => {
    const agent = await running('propose');
    const { proposal, entry } = await agent.propose(DEPLOY);

    const declined = await agent.say(entry.number, 'decline');
    await agent.round();

    expect(declined.state).toBe('refused');
    expect(agent.vendor.lastOf(proposal)).toMatchObject({
      answer: 'refused',
      code: 'proposal/declined',
      text: 'alice declined it: agreed',
    });
    expect((await rejectionOf(agent.say(entry.number, 'accept'))).code).toBe('proposal/closed');
  });

  it('leaves a proposal with the person when a gate refuses it', async () => {
    const agent = await running('propose');
    const { entry } = await agent.propose({ ...PIN, version: '7.0.0' });

    expect((await rejectionOf(agent.say(entry.number, 'accept'))).code).toBe('policy/pin-in-vain');

    expect((await agent.list())[0]?.state).toBe('waiting');
    expect(agent.pins()).toEqual([]);
  });
});

describe('a policy that accepts', () => {
  it('does what is asked, in the vendor’s name', async () => {
    const agent = await running('accept');

    const { proposal } = await agent.propose(PIN);

    expect(agent.pins()).toMatchObject([{ version: '~1.0', owner: 'the vendor (token fleet)' }]);
    expect(agent.vendor.lastOf(proposal)).toMatchObject({ answer: 'accepted' });
  });

  it('deploys, once a window is open', async () => {
    const night = { name: 'night', cron: '0 11 * * *', duration: 'PT1H', zone: 'UTC' } as never;
    const agent = await running('accept', { windows: { allow: [night], deny: [] } });

    const { proposal } = await agent.propose(DEPLOY);
    expect(agent.vendor.lastOf(proposal)).toMatchObject({ answer: 'queued' });
    expect(agent.vendor.lastOf(proposal)?.text).toContain('no maintenance window is open');
    expect(agent.version()).toBe('1.0.0');
    const told = agent.vendor.answers.length;
    await agent.world.clock.advance(1_200_000);
    expect(agent.vendor.answers).toHaveLength(told);
    await agent.world.clock.advance(2_400_000);

    expect(agent.version()).toBe('1.1.0');
    expect(agent.vendor.lastOf(proposal)).toMatchObject({ answer: 'accepted', change: 2 });
  });

  it('answers with the gate that refuses', async () => {
    const agent = await running('accept');

    const unreleased = await agent.propose({ kind: 'deploy', release: 'core/auth@9.9.9' });
    const vain = await agent.propose({ ...PIN, version: '7.0.0' });
    const absent = await agent.propose({ kind: 'unpin', component: 'core/auth' });
    const nowhere = await agent.propose({ kind: 'rollback', to: 99 });

    const codes = [unreleased, vain, absent, nowhere].map(
      ({ proposal }) => agent.vendor.lastOf(proposal)?.code,
    );
    expect(codes).toEqual([
      'plan/no-such-release',
      'policy/pin-in-vain',
      'policy/no-such-pin',
      'rollback/no-target',
    ]);
  });

  it('goes by the kind: a word for each', async () => {
    const agent = await running({ pin: 'accept', deploy: 'propose' });

    const pin = await agent.propose(PIN);
    const deploy = await agent.propose(DEPLOY);
    const rollback = await agent.propose({ kind: 'rollback' });

    const answers = [pin, deploy, rollback].map(({ proposal }) => agent.vendor.lastOf(proposal)?.answer);
    expect(answers).toEqual(['accepted', 'queued', 'ignored']);
  });

  it('takes its word back where the moment has not come', async () => {
    const hold = { since: '2026-03-01T00:00:00Z', until: '2026-03-09T00:00:00Z', reason: 'sale', by: 'bob' };
    const agent = await running('accept', { hold });
    const { proposal, entry } = await agent.propose(DEPLOY);
    expect(entry.state).toBe('due');

    agent.world.policy = { kind: 'readable', policy: { ...DEFAULT_POLICY, remote: 'propose', hold } };
    await agent.round();
    expect((await agent.list())[0]?.state).toBe('waiting');
    agent.world.policy = {
      kind: 'readable',
      policy: { ...DEFAULT_POLICY, channel: 'frozen', remote: 'accept' },
    };
    await agent.round();

    expect(agent.version()).toBe('1.0.0');
    expect(agent.vendor.lastOf(proposal)).toMatchObject({ answer: 'queued', text: 'it waits for a person' });
  });
});

describe('a template', () => {
  it('is shown as the server offers it, and changes nothing by that', async () => {
    const agent = await running('ignore');

    const shown = await agent.ask('POST', '/v1/template', { name: 'careful' });

    expect(shown).toMatchObject({ template: { name: 'careful', channel: 'manual' } });
    expect(agent.world.policy).toMatchObject({ policy: { channel: 'frozen' } });
  });

  it('that is adopted takes the place of channel and windows, and of nothing else', async () => {
    const night = { name: 'night', cron: '0 2 * * *', duration: 'PT1H', zone: 'UTC' };
    const agent = await running('ignore', { windows: { allow: [night as never], deny: [] }, soak: 'PT9M' });
    const adopt = (windows?: object) =>
      agent.ask('PUT', '/v1/policy', {
        edit: { kind: 'template', channel: 'manual', ...(windows === undefined ? {} : { windows }) },
        reason: 'as agreed',
      });

    await adopt();
    expect(agent.world.policy).toMatchObject({ policy: { channel: 'manual', windows: { allow: [night] } } });
    await adopt({ allow: [], deny: [{ ...night, name: 'day' }] });

    expect(agent.world.policy).toMatchObject({
      policy: {
        channel: 'manual',
        windows: { allow: [], deny: [{ name: 'day' }] },
        soak: 'PT9M',
        remote: 'ignore',
      },
    });
  });
});

describe('an unreadable policy', () => {
  it('answers nothing by a guess', async () => {
    const agent = await running('accept');
    agent.world.policy = { kind: 'unreadable', problem: 'damaged' };

    agent.vendor.propose(PIN);
    await agent.round();

    expect(agent.vendor.fetches).toBe(0);
    expect(agent.vendor.answers).toEqual([]);
  });
});

describe('what waits for its moment', () => {
  const NIGHT = { name: 'night', cron: '0 11 * * *', duration: 'PT1H', zone: 'UTC' } as never;

  it('is a way back, too, where no person says yes now', async () => {
    const agent = await running('accept', { windows: { allow: [NIGHT], deny: [] } });
    await agent.ask('POST', '/v1/apply', { reason: 'by hand', override: ['window'] });
    await settle();
    expect(agent.version()).toBe('1.1.0');
    const records = agent.world.deployer.records.length;

    const { proposal } = await agent.propose({ kind: 'rollback' });

    expect(agent.vendor.lastOf(proposal)).toMatchObject({
      answer: 'queued',
      text: 'no maintenance window is open',
    });
    expect(agent.world.deployer.records).toHaveLength(records);
    await agent.world.clock.advance(3_600_000);
    expect(agent.vendor.lastOf(proposal)?.answer).toBe('accepted');
    expect(agent.world.deployer.records).toHaveLength(records + 1);
  });

  it('ends when it ends', async () => {
    const agent = await running('propose');
    const { proposal } = await agent.propose(PIN, { expires: '2026-03-01T10:30:00Z' });

    await agent.world.clock.advance(1_800_000);

    expect((await agent.list())[0]?.state).toBe('expired');
    expect(agent.vendor.lastOf(proposal)).toMatchObject({ answer: 'refused', code: 'proposal/expired' });
  });

  it('waits on while nobody can read the policy', async () => {
    const agent = await running('propose', { windows: { allow: [NIGHT], deny: [] } });
    const { entry } = await agent.propose(DEPLOY);
    expect((await agent.say(entry.number, 'accept')).state).toBe('due');

    agent.world.policy = { kind: 'unreadable', problem: 'damaged' };
    await agent.round();

    expect((await agent.list())[0]?.state).toBe('due');
  });

  it('is tried again after what passes', async () => {
    const agent = await running('accept');
    const { deploy } = agent.world.deployer.port;
    agent.world.deployer.port.deploy = async () => {
      throw new FairleadError('transport/unreachable', { url: 'x', problem: 'down' });
    };
    const { entry } = await agent.propose(DEPLOY);
    expect(entry.state).toBe('due');

    agent.world.deployer.port.deploy = deploy;
    await agent.round();

    expect(agent.version()).toBe('1.1.0');
  });
});

describe('the exchange', () => {
  it('asks nothing where the server has no news', async () => {
    const agent = await running('propose');
    await agent.round();
    expect(agent.vendor.fetches).toBe(0);

    await agent.propose(PIN);
    await agent.round();
    await agent.round();

    expect(agent.vendor.fetches).toBe(1);
  });

  it('owes an answer until the server has it', async () => {
    const agent = await running('propose');
    const { proposal, entry } = await agent.propose(PIN);
    agent.vendor.error = new FairleadError('transport/unreachable', { url: 'x', problem: 'down' });

    await agent.say(entry.number, 'decline');
    await agent.round();
    expect((await agent.list())[0]).toMatchObject({ delivered: false });
    agent.vendor.error = null;
    await agent.round();

    expect((await agent.list())[0]).toMatchObject({ delivered: true });
    expect(agent.vendor.lastOf(proposal)?.answer).toBe('refused');
  });
});

describe('a file of proposals that was lost', () => {
  it('gives no number to another content: what somebody read about stays what they accept', async () => {
    const agent = await running('propose');
    const { entry: read } = await agent.propose(PIN);
    agent.world.proposals.value = null;
    agent.vendor.open.splice(0);

    const { entry: other } = await agent.propose(DEPLOY);

    expect(other.number).toBe(read.number + 1);
    expect((await rejectionOf(agent.say(read.number, 'accept'))).code).toBe('proposal/not-found');
  });

  it('does nothing by the policy’s word that may have been done: a person decides', async () => {
    const agent = await running('accept');
    const { proposal, entry } = await agent.propose(PIN);
    expect(entry.state).toBe('accepted');
    agent.world.proposals.value = null;
    agent.vendor.open.splice(0);
    // The answer never reached the server, which offers it again; and with it one that is new.
    agent.vendor.open.push(proposal);
    const { entry: other } = await agent.propose({ ...PIN, component: 'core/api' });

    const again = (await agent.list()).find(({ id }) => id === proposal.id);

    expect(again).toMatchObject({ state: 'waiting', answer: { by: 'agent' } });
    expect(other.state).not.toBe('waiting');
    expect((await agent.say(again?.number ?? 0, 'decline')).state).toBe('refused');
  });

  it('is begun by nothing where the log cannot be read: it alone knows which numbers were given', async () => {
    const agent = await running('propose');
    await agent.propose(PIN);
    agent.world.proposals.value = null;
    agent.world.auditError = new FairleadError('audit/damaged', { path: 'log', line: 1, problem: 'changed' });
    agent.vendor.propose(DEPLOY);
    await agent.round();
    expect(await agent.list()).toEqual([]);

    agent.world.auditError = null;
    await agent.round();

    expect((await agent.list()).map(({ number }) => number)).toEqual([2, 3]);
  });
});

it('a release that is proposed waits behind a fix that the policy lets in, and is not refused for it', async () => {
  const never = { name: 'night', cron: '0 3 1 1 *', duration: 'PT1H', zone: 'UTC' } as never;
  const { propose, say, world, publish } = await running(
    { deploy: 'propose' },
    { security: { from: 'high' }, windows: { allow: [never], deny: [] } },
  );
  publish(releaseOf('1.0.1'));
  const hole = {
    ...{ schema: 'fairlead/advisory@1', id: 'FL-2026-0003', title: 'a hole', severity: 'high', cves: [] },
    affected: [{ component: 'core/auth', versions: '<1.0.1' }],
    fixed: [{ component: 'core/auth', version: '1.0.1' }],
    published: '2026-03-01T00:00:00Z',
  };
  world.catalog = { ...world.catalog, advisories: [advisory.parse(hole)] };
  const { entry } = await propose(DEPLOY);

  const answered = await say(entry.number, 'accept');

  expect(answered.state).toBe('due');
  expect(world.deployer.records).toHaveLength(1);
});
