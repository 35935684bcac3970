// Whether the agent still gets on, as it says of itself.
import { describe, expect, it } from 'vitest';
import { createPulse } from '../../../../agent/engine/deploy/signs.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { createAgentNetwork } from '../../../support/agent-network.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const HOUR_MS = 3_600_000;

describe('the pulse', () => {
  it('names the part that breaks its promise', async () => {
    const clock = createFakeClock();
    const pulse = createPulse(clock);
    pulse.promise('rounds', 10_000);
    pulse.promise('services', 20_000);

    await clock.advance(20_000);

    expect(pulse.silent()).toBe('rounds');
  });

  it('holds nobody to a shorter promise while a longer one stands', async () => {
    const clock = createFakeClock();
    const pulse = createPulse(clock);
    pulse.promise('services', 20_000);
    pulse.promise('services', 1_000);

    await clock.advance(20_000);

    expect(pulse.silent()).toBeNull();
  });
});

describe('the rounds of the agent', () => {
  it('are heard of for as long as they come', async () => {
    const { world, pulse, start } = createAgentNetwork();
    world.serverError = new FairleadError('transport/unreachable', {
      url: 'https://vendor.example',
      problem: 'gone',
    });
    await start();

    await world.clock.advance(48 * HOUR_MS);

    expect(pulse.silent()).toBeNull();
  });

  it('are missed when one of them never ends', async () => {
    const { world, pulse, start } = createAgentNetwork();
    await start();
    world.decisions.read = () => new Promise(() => {});

    await world.clock.advance(7 * HOUR_MS);

    expect(pulse.silent()).toBe('rounds');
  });
});
