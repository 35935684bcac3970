// A server that lies about proposals: numbers, sizes, texts, repetitions, swaps, and kills at the worst moment.
import { describe, expect, it } from 'vitest';
import type { ProposalEntry } from '../../../../agent/core/proposals.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { proposalsReply, verdictReply } from '../../../../shared/protocol/proposal.ts';
import { DEFAULT_POLICY, type Policy } from '../../../../shared/schema/policy.ts';
import { createAgentNetwork, POLL_MS, releaseOf } from '../../../support/agent-network.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { settle } from '../../../support/fake-clock.ts';

const PIN = { kind: 'pin', component: 'core/auth', version: '~1.0' };

async function running(remote: Policy['remote']) {
  const network = createAgentNetwork();
  const { world } = network;
  network.publish(releaseOf('1.0.0'));
  await network.start();
  await settle();
  network.publish(releaseOf('1.1.0'));
  world.policy = { kind: 'readable', policy: { ...DEFAULT_POLICY, channel: 'frozen', remote } };
  await world.clock.advance(2 * POLL_MS);
  await settle();
  world.audit.length = 0;
  return {
    ...network,
    vendor: world.vendor,
    list: async () => proposalsReply.parse(await network.ask('GET', '/v1/proposals')).proposals,
    round: async () => {
      await world.clock.advance(2 * POLL_MS);
      await settle();
    },
    say: async (number: number, verdict: 'accept' | 'decline') =>
      verdictReply.parse(
        await network.ask('POST', `/v1/proposals/${number}/${verdict}`, { reason: 'agreed' }),
      ).proposal,
    pins: () => (world.policy.kind === 'readable' ? world.policy.policy.pins : []),
  };
}

/** The state file as a killed process leaves it. */
/** Alice's yes stands, and nothing is known of the act. */
function crashedAfterHerYes(agent: Awaited<ReturnType<typeof running>>) {
  const accepted = { by: 'alice', reason: 'agreed', person: true };
  crashedIn(agent, (each) => ({ ...each, state: 'acting', accepted, acting: { after: 1 } }));
}

function crashedIn(
  agent: Awaited<ReturnType<typeof running>>,
  change: (one: ProposalEntry) => ProposalEntry,
) {
  const file = agent.world.proposals.value;
  if (file === null) throw new Error('nothing was taken in');
  agent.world.proposals.value = { ...file, entries: file.entries.map(change) };
}

describe('a flood', () => {
  it('fills a list of a hundred, takes two hundred a day, and costs the log no more', async () => {
    const agent = await running('propose');
    for (let i = 0; i < 5_000; i++) agent.vendor.propose(PIN);

    for (let i = 0; i < 5; i++) await agent.round();

    expect((await agent.list()).filter(({ state }) => state === 'waiting')).toHaveLength(100);
    expect(agent.world.audit.length).toBeLessThanOrEqual(200);
  });

  it('that is ignored costs the log two hundred a day', async () => {
    const agent = await running('ignore');
    for (let i = 0; i < 1_000; i++) agent.vendor.propose(PIN);
    const notes = () => agent.world.audit.filter(({ event }) => event === 'proposal-answered').length;

    for (let i = 0; i < 5; i++) {
      await agent.round();
      agent.vendor.open.splice(0, 120);
    }
    expect(notes()).toBe(200);
    agent.world.clock.setWallClock(agent.world.clock.now() + 24 * 3_600_000);
    await agent.round();

    expect(notes()).toBeGreaterThan(200);
    expect(agent.world.proposals.value?.entries.length).toBeLessThanOrEqual(401);
  });

  it('keeps nobody from their own commands, nor the rounds from going on', async () => {
    const agent = await running('propose');
    for (let i = 0; i < 500; i++) agent.vendor.offer({ id: agent.vendor.idOf(i), junk: 'x'.repeat(1000) });
    const rounds = agent.world.refreshes.length;

    await agent.round();

    expect(agent.world.refreshes.length).toBeGreaterThan(rounds);
    expect(await agent.list()).toEqual([]);
  });
});

describe('what cannot be read', () => {
  it.each([
    ['nothing', null],
    ['a number', 7],
    ['a list', [[]]],
    ['no id', { wish: PIN }],
    ['an id that is a path', { id: '../../etc/passwd', revision: 1, wish: PIN }],
    ['another kind', { kind: 'run', exec: ['sh'] }],
    ['a key that nobody knows', { ...PIN, exec: ['sh'] }],
    ['a setting', { kind: 'setting', component: 'core/auth', key: 'port', value: '81' }],
    [
      'a policy that changes who decides',
      { kind: 'policy', template: { name: 'x', channel: 'auto', remote: 'accept' } },
    ],
    [
      'a policy with approvers',
      { kind: 'policy', template: { name: 'x', channel: 'auto', approvals: { required: 1 } } },
    ],
    ['an override', { kind: 'deploy', release: 'core/auth@1.1.0', override: ['window'] }],
    ['an accepted risk', { kind: 'rollback', to: 1, acceptRisk: ['FL-1'] }],
    ['a release that is a path', { kind: 'deploy', release: '../x@1.0.0' }],
    ['a version of many words', { ...PIN, version: 'x'.repeat(300) }],
    ['a generation below none', { kind: 'rollback', to: -1 }],
    ['a fraction of a generation', { kind: 'rollback', to: 1.5 }],
    [
      'a window that nobody can evaluate',
      {
        kind: 'policy',
        template: {
          name: 'x',
          channel: 'auto',
          windows: { allow: [{ name: 'w', cron: 'x y z', duration: 'PT1H', zone: 'UTC' }] },
        },
      },
    ],
  ])('hides no other: %s', async (_what, sent) => {
    const agent = await running('accept');
    const wish = typeof sent === 'object' && sent !== null && 'kind' in sent;
    if (wish) agent.vendor.propose(sent);
    else agent.vendor.offer(sent);
    const good = agent.vendor.propose(PIN);

    await agent.round();

    expect((await agent.list()).map(({ id }) => id)).toEqual([good.id]);
    expect(agent.vendor.lastOf(good)?.answer).toBe('accepted');
  });
});

describe('a text', () => {
  it('that would drive a terminal, or the log, is harmless before it is anywhere', async () => {
    const agent = await running('propose');
    agent.vendor.propose(PIN, { reason: 'nice\u001b[2J\u202e\nFAKE LINE', by: 'root\u0007\u0000' });

    await agent.round();

    const [one] = await agent.list();
    expect([one?.reason, one?.by]).toEqual(['nice�[2J� FAKE LINE', 'root��']);
    expect(JSON.stringify([agent.world.audit, agent.world.proposals.value])).not.toMatch(
      /\\u001b|\\u202e|\\u0007/,
    );
  });

  it('is never too long for the pin, the record and the log that it goes into', async () => {
    const agent = await running('accept');
    const good = agent.vendor.propose(PIN, { reason: 'r'.repeat(300), by: 'b'.repeat(300) });
    const long = agent.vendor.propose(PIN, { reason: 'r'.repeat(301) });

    await agent.round();

    expect(agent.vendor.lastOf(good)?.answer).toBe('accepted');
    expect(agent.vendor.lastOf(long)).toBeUndefined();
    expect(agent.pins()[0]?.reason.length).toBeLessThanOrEqual(300);
  });
});

describe('a number', () => {
  it('stands for what was looked at: what takes its place is another proposal', async () => {
    const agent = await running('propose');
    const first = agent.vendor.propose(PIN);
    await agent.round();
    agent.vendor.open.length = 0;
    agent.vendor.offer({ ...first, revision: 2, wish: { kind: 'rollback' } });
    await agent.round();

    expect((await rejectionOf(agent.say(1, 'accept'))).code).toBe('proposal/closed');
    expect((await agent.list()).map(({ number, state, kind }) => [number, state, kind])).toEqual([
      [1, 'superseded', 'pin'],
      [2, 'waiting', 'rollback'],
    ]);
  });

  it('is not taken by an earlier revision, nor twice by one', async () => {
    const agent = await running('propose');
    const two = agent.vendor.propose(PIN, { revision: 2 });
    agent.vendor.offer({ ...two, revision: 1, wish: { kind: 'rollback' } }, two, two);

    await agent.round();
    await agent.round();

    expect((await agent.list()).map(({ kind, state }) => [kind, state])).toEqual([['pin', 'waiting']]);
  });

  it('answered once is answered so again, and done once', async () => {
    const agent = await running('accept');
    const one = agent.vendor.propose(PIN);
    await agent.round();
    const edits = () => agent.world.audit.filter(({ event }) => event === 'policy-changed').length;
    const before = edits();

    agent.vendor.offer(one);
    await agent.round();

    expect(edits()).toBe(before);
    expect(
      agent.vendor.answers.filter(({ id, answer }) => id === one.id && answer === 'accepted'),
    ).toHaveLength(2);
  });
});

describe('a withdrawal', () => {
  it('of what waits gives it up, and is told that it was heard', async () => {
    const agent = await running('propose');
    const one = agent.vendor.propose(PIN);
    await agent.round();
    agent.vendor.open.length = 0;
    agent.vendor.offer({ id: one.id, withdrawn: true });

    await agent.round();

    expect((await agent.list())[0]?.state).toBe('withdrawn');
    expect(agent.vendor.lastOf(one)).toMatchObject({ answer: 'refused', code: 'proposal/withdrawn' });
    expect((await rejectionOf(agent.say(1, 'accept'))).code).toBe('proposal/closed');
  });

  it('that was on its way while the agent answered is heard, too', async () => {
    const agent = await running('propose');
    const one = agent.vendor.propose(PIN);
    agent.vendor.statuses.set(one.id, 'withdrawn');

    await agent.round();

    expect((await agent.list())[0]?.state).toBe('withdrawn');
  });

  it('after it was done takes nothing back', async () => {
    const agent = await running('accept');
    const one = agent.vendor.propose(PIN);
    await agent.round();
    agent.vendor.open.length = 0;
    agent.vendor.offer({ id: one.id, withdrawn: true });

    await agent.round();

    expect(agent.pins()).toHaveLength(1);
    expect(agent.vendor.lastOf(one)?.answer).toBe('accepted');
  });
});

describe('a crash', () => {
  it('behind a rollback begins no second one', async () => {
    const agent = await running({ rollback: 'propose', deploy: 'propose' });
    agent.vendor.propose({ kind: 'deploy', release: 'core/auth@1.1.0' });
    await agent.round();
    await agent.say(1, 'accept');
    await agent.round();
    agent.vendor.propose({ kind: 'rollback' });
    await agent.round();
    await agent.say(2, 'accept');
    await agent.round();
    const records = agent.world.deployer.records.length;
    expect(records).toBe(3);
    crashedIn(agent, (one) =>
      one.number === 2 ? { ...one, state: 'acting', acting: { after: 2, generation: 1 } } : one,
    );

    await agent.round();

    expect(agent.world.deployer.records).toHaveLength(records);
    expect((await agent.list())[1]).toMatchObject({ state: 'accepted', answer: { change: 3 } });
  });

  it('before the act leaves it to be done', async () => {
    const agent = await running('propose');
    const one = agent.vendor.propose({ kind: 'deploy', release: 'core/auth@1.1.0' });
    await agent.round();
    crashedAfterHerYes(agent);

    await agent.round();
    await agent.round();

    expect(agent.world.deployer.records.at(-1)).toMatchObject({ id: 2, actor: 'alice' });
    expect(agent.vendor.lastOf(one)).toMatchObject({ answer: 'accepted', change: 2 });
  });

  it('behind a pin that was taken away calls it done', async () => {
    const agent = await running('propose');
    const one = agent.vendor.propose({ kind: 'unpin', component: 'core/auth' });
    await agent.round();
    crashedAfterHerYes(agent);

    await agent.round();

    expect(agent.vendor.lastOf(one)?.answer).toBe('accepted');
  });
});

describe('a log that cannot be read', () => {
  it('keeps proposals out, which could get a number again, until it can', async () => {
    const agent = await running('accept');
    const one = agent.vendor.propose(PIN);
    agent.world.auditError = new FairleadError('audit/damaged', { path: 'log', line: 1, problem: 'changed' });
    await agent.round();
    expect([agent.pins(), await agent.list()]).toEqual([[], []]);

    agent.world.auditError = null;
    await agent.round();

    expect(agent.vendor.lastOf(one)?.answer).toBe('accepted');
  });
});

describe('a log that cannot be written', () => {
  it('keeps what the policy accepts waiting, not undone for good', async () => {
    const agent = await running('accept');
    const one = agent.vendor.propose(PIN);
    agent.world.auditFull = new FairleadError('disk/full', { path: 'log', needed: 1, free: 0 });
    await agent.round();
    expect(agent.pins()).toEqual([]);
    expect((await agent.list())[0]?.state).toBe('due');

    agent.world.auditFull = null;
    await agent.round();

    expect(agent.pins()).toHaveLength(1);
    expect(agent.vendor.lastOf(one)?.answer).toBe('accepted');
  });
});
