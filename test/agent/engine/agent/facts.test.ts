// The facts of an install: found, said and taken back, on the record before they count, and what the vendor offers a class.
import { describe, expect, it } from 'vitest';
import { explanationReply } from '../../../../shared/protocol/admin.ts';
import { factsReply } from '../../../../shared/protocol/facts.ts';
import type { Classes } from '../../../../shared/schema/classes.ts';
import { createAgentNetwork, releaseOf } from '../../../support/agent-network.ts';
import { rejectionOf } from '../../../support/error-code.ts';

const MINUTES_MS = 60_000;

async function installed() {
  const network = createAgentNetwork();
  network.publish(releaseOf('1.0.0'));
  await network.start();
  await network.world.clock.advance(5 * MINUTES_MS);
  const { ask, world, publish } = network;
  return {
    ...network,
    say: async (fact: string, values: readonly string[] | null) =>
      factsReply.parse(await ask('PUT', '/v1/facts', { fact, values, reason: 'moved' })),
    explain: async () => explanationReply.parse(await ask('GET', '/v1/explanation')).decision,
    /** Offers 1.1.0 to these alone. */
    async offer(classes: Classes) {
      publish(releaseOf('1.1.0'));
      const rollouts = world.catalog.rollouts.map((one) => ({ ...one, classes: [...classes] }));
      world.catalog = { ...world.catalog, rollouts };
      await world.clock.advance(20 * MINUTES_MS);
    },
  };
}

const valuesOf = ({ facts }: { readonly facts: readonly { fact: string; values: unknown }[] }) =>
  Object.fromEntries(facts.map(({ fact, values }) => [fact, values]));

describe('the facts of an install', () => {
  it('are what was found and what was said; the rest is not known', async () => {
    const { ask, say } = await installed();
    await say('database', ['postgresql:16', 'redis']);

    const reply = factsReply.parse(await ask('GET', '/v1/facts'));

    expect(valuesOf(reply)).toEqual({
      ...{ os: ['debian:12'], arch: ['x64'], driver: ['process'], suite: ['core'] },
      ...{ region: null, database: ['postgresql:16', 'redis'] },
    });
  });

  it('make an offer to a class count once it is known that this install is in it', async () => {
    const { explain, offer, say, world } = await installed();
    await offer([{ region: ['eu'] }]);
    expect((await explain()).blockers).toMatchObject([
      {
        code: 'fact-unknown',
        message: 'core/auth 1.1.0 is offered to installs with region=eu; here region not known',
        clearWith: 'fairlead facts set region VALUE --reason "why"',
      },
    ]);

    await say('region', ['us']);
    expect((await explain()).blockers).toMatchObject([
      { code: 'rollout-class', message: expect.stringContaining('here region=us') },
    ]);
    await say('region', ['eu']);
    await world.clock.advance(5 * MINUTES_MS);

    expect(world.deployer.records.map(({ state }) => state)).toEqual(['committed', 'committed']);
  });

  it('are on the record with who said so and why, before they count, and only where they change', async () => {
    const { say, world } = await installed();
    await say('region', ['eu']);
    const { length } = world.audit;
    await say('region', ['eu']);
    expect(world.audit).toHaveLength(length);
    await say('region', null);

    expect(world.audit.slice(length - 1)).toMatchObject([
      {
        event: 'policy-changed',
        actor: 'alice',
        details: { reason: 'moved', edit: expect.stringContaining('["eu"]') },
      },
      { event: 'policy-changed', details: { edit: expect.stringContaining('"before":["eu"]') } },
    ]);
  });

  it('stay as they were where the record cannot be written', async () => {
    const { ask, say, world } = await installed();
    await say('region', ['eu']);
    world.auditFull = (await rejectionOf(ask('PUT', '/v1/facts', {}))) as never;
    await rejectionOf(say('region', ['us']));
    world.auditFull = null;

    expect(valuesOf(factsReply.parse(await ask('GET', '/v1/facts'))).region).toEqual(['eu']);
  });

  it.each<[string, string, unknown]>([
    ['two regions', 'region', ['eu', 'us']],
    ['none', 'database', []],
    ['what the machine says itself', 'os', ['debian:12']],
    ['what is no name', 'region', ['EU West']],
    ['an escape', 'region', ['eu\u001b[2J']],
    ['nine databases', 'database', Array.from({ length: 9 }, (_, i) => `db${i}`)],
  ])('are not: %s', async (_name, fact, values) => {
    const { ask } = await installed();

    const refusal = await rejectionOf(ask('PUT', '/v1/facts', { fact, values, reason: 'a test' }));

    expect(refusal.code).toBe('document/invalid');
  });
});
