// Reporting off: nothing about the install leaves, and everything else goes on; on again, what happened meanwhile stays here.
import { describe, expect, it } from 'vitest';
import { statusReply } from '../../../../shared/protocol/admin.ts';
import { reportingReply, sentReply } from '../../../../shared/protocol/sent.ts';
import { createAgentNetwork, releaseOf } from '../../../support/agent-network.ts';
import { rejectionOf } from '../../../support/error-code.ts';

const MINUTES_MS = 60_000;

async function installed() {
  const network = createAgentNetwork();
  network.publish(releaseOf('1.0.0'));
  await network.start();
  await network.world.clock.advance(5 * MINUTES_MS);
  const say = async (reporting: 'on' | 'off') =>
    reportingReply.parse(await network.ask('PUT', '/v1/reporting', { reporting, reason: 'a test' }));
  const status = async () => statusReply.parse(await network.ask('GET', '/v1/status'));
  /** Everything that the server has heard in this install's name. */
  const heard = () => {
    const { reports, dials } = network.world;
    return { reports: reports.length, dials: dials.length };
  };
  return { ...network, say, status, heard };
}

describe('reporting off', () => {
  it('lets nothing pass, and updates come all the same', async () => {
    const { world, publish, say, heard, status } = await installed();
    await say('off');
    const before = heard();

    publish(releaseOf('1.1.0'));
    await world.clock.advance(60 * MINUTES_MS);

    expect(world.deployer.records.map(({ state }) => state)).toEqual(['committed', 'committed']);
    expect(world.refreshes.length).toBeGreaterThan(2);
    expect(heard()).toEqual(before);
    expect(await status()).toMatchObject({ unsentReports: 0, reporting: { off: true } });
  });

  it('ends the connection that is open, and opens none', async () => {
    const { world, say, heard } = await installed();
    expect(world.line).not.toBeNull();

    await say('off');
    await world.clock.advance(10 * MINUTES_MS);
    expect(world.line).toBeNull();
    const { dials } = heard();
    await world.clock.advance(180 * MINUTES_MS);

    expect(heard().dials).toBe(dials);
  });

  it('is on the record before it counts, with who said so and why', async () => {
    const { world, say } = await installed();
    await say('off');

    expect(world.audit.at(-1)).toMatchObject({
      event: 'policy-changed',
      actor: 'alice',
      details: { edit: '{"kind":"reporting","reporting":"off"}', reason: 'a test' },
    });
  });

  it('is what a file that cannot be read means', async () => {
    const { world, heard } = await installed();
    world.reporting.damaged = 'reporting.json cannot be read';
    const before = heard();

    await world.clock.advance(60 * MINUTES_MS);

    expect(heard().reports).toBe(before.reports);
  });

  it('keeps what was done meanwhile here, when it is on again', async () => {
    const { world, publish, say, heard } = await installed();
    await say('off');
    publish(releaseOf('1.1.0'));
    await world.clock.advance(60 * MINUTES_MS);
    await say('on');
    const { dials } = heard();

    publish(releaseOf('1.2.0'));
    await world.clock.advance(60 * MINUTES_MS);

    const told = world.reports.flatMap(({ records }) => records.map(({ id }) => id));
    expect(new Set(told)).toEqual(new Set([1, 3]));
    expect(heard().dials).toBeGreaterThan(dials);
  });

  it('asks the vendor for no template, and says why', async () => {
    const { ask, say } = await installed();
    await say('off');

    expect((await rejectionOf(ask('POST', '/v1/template', { name: 'careful' }))).code).toBe('reporting/off');
  });

  it('is said by the outbox of each kind, which shows what would leave', async () => {
    const { ask, say } = await installed();
    const on = sentReply.parse(await ask('GET', '/v1/sent'));
    await say('off');
    const off = sentReply.parse(await ask('GET', '/v1/sent'));

    expect(on.requests.map(({ leaves }) => leaves)).toEqual([true, true]);
    expect(off).toMatchObject({
      reporting: 'off',
      requests: [
        { kind: 'metadata', leaves: true },
        { kind: 'report', leaves: false, waits: false },
      ],
    });
  });
});
