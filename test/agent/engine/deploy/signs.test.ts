// Signs of life of the deployment engine: long work is granted its time, and work that hangs is missed.
import { describe, expect, it } from 'vitest';
import { createPulse } from '../../../../agent/engine/deploy/signs.ts';
import { auth, instanceWith } from '../../../support/deploy-instance.ts';
import { type Deployable, planOf } from '../../../support/deploy-releases.ts';
import { settle } from '../../../support/fake-clock.ts';

const HOUR_MS = 3_600_000;

/** A deployment that waits for ever at its last question before the stop. */
async function hangingAt(target: Deployable) {
  const { world } = await instanceWith(auth('1.0.0'));
  const pulse = createPulse(world.clock);
  const { deployer } = world.boot(undefined, pulse);
  const plan = planOf(await deployer.current(), target);
  await new Promise<void>((asked) => {
    const stillAllowed = () => {
      asked();
      return new Promise<boolean>(() => {});
    };
    void deployer.deploy({ ...target, plan, actor: 'agent', stillAllowed });
  });
  return { world, pulse, deployer };
}

describe('the deployment engine', () => {
  it('is missed when a deployment hangs, though its supervisor pauses beside it', async () => {
    const { world, pulse, deployer } = await hangingAt(auth('1.1.0'));
    const ended = new AbortController();

    const supervision = deployer.supervise(ended.signal);
    while (world.clock.monotonic() < 3 * HOUR_MS) await settle();
    ended.abort();
    await supervision;

    expect(pulse.silent()).toBe('services');
  });

  it('is missed when a deployment hangs, however often it is asked how things are', async () => {
    const { world, pulse, deployer } = await hangingAt(auth('1.1.0'));
    const seen = [];

    for (let hour = 0; hour < 3; hour++) {
      world.clock.advance(HOUR_MS - 1);
      await deployer.health();
      seen.push(pulse.silent());
    }

    expect(seen).toEqual([null, null, 'services']);
  });

  it('is granted all the time that a hook asks for', async () => {
    const hooks = { preflight: [{ exec: ['migrate'], timeout: 'PT10H' }] };
    const { world, pulse } = await hangingAt(auth('1.1.0', { hooks }));

    world.clock.advance(11 * HOUR_MS);

    expect(pulse.silent()).toBeNull();
  });

  it('is heard of for as long as it looks after what runs', async () => {
    const { world } = await instanceWith(auth('1.0.0'));
    const pulse = createPulse(world.clock);
    const { deployer } = world.boot(() => {
      if (world.clock.monotonic() > 3 * HOUR_MS) ended.abort();
      return 'none';
    }, pulse);
    const ended = new AbortController();

    await deployer.supervise(ended.signal);

    expect(world.clock.monotonic()).toBeGreaterThan(3 * HOUR_MS);
    expect(pulse.silent()).toBeNull();
  });
});
