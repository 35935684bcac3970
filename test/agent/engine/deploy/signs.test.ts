// Signs of life of the deployment engine: long work is granted its time, and work that hangs is missed.
import { describe, expect, it } from 'vitest';
import { createPulse, LONGEST_STEP_MS, withSigns } from '../../../../agent/engine/deploy/signs.ts';
import { auth, instanceWith } from '../../../support/deploy-instance.ts';
import { type Deployable, planOf } from '../../../support/deploy-releases.ts';
import { createFakeClock, settle } from '../../../support/fake-clock.ts';

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

describe('a sign of life', () => {
  const WORDS = ['one', 'two', 'three'] as const;

  /** Every port of the engine, each call of which answers with its name and words. */
  function heard() {
    const promised: unknown[] = [];
    const answer =
      (name: string) =>
      async (...words: readonly unknown[]) => [name, ...words];
    const ports = (names: string) => Object.fromEntries(names.split(' ').map((name) => [name, answer(name)]));
    const parts = {
      journal: ports('read append begin replace end'),
      driver: ports('prepare start stop status runs'),
      prober: ports('probe'),
      volumes: ports('verifyCopyable verifyRoom save verifyRestorable restore verifyWhole keepOnly'),
      trees: ports('add verify repair hand has collect'),
      clock: { ...ports('sleep'), monotonic: () => 7 },
    };
    const pulse = { promise: (part: string, ms: number) => void promised.push([part, ms]) };
    return { parts: withSigns(parts as never, pulse as never) as never, promised };
  }

  it.each<[string, string, number]>([
    ['journal', 'read', 0],
    ['journal', 'append', 0],
    ['driver', 'prepare', 0],
    ['trees', 'add', 0],
    ['trees', 'verify', 0],
    ['trees', 'repair', 0],
    ['trees', 'hand', 0],
  ])('comes with %s.%s, which answers as ever', async (port, call, ownMs) => {
    const { parts, promised } = heard();

    const answer = await (parts as Record<string, Record<string, (...words: readonly string[]) => unknown>>)[
      port
    ]?.[call]?.(...WORDS);

    const handedOn = { read: 0, append: 1, verify: 2, hand: 2 }[call] ?? WORDS.length;
    expect(answer).toEqual([call, ...WORDS.slice(0, call === 'add' ? 2 : handedOn)]);
    expect(promised).toEqual([['services', LONGEST_STEP_MS + ownMs]]);
  });

  it('grants what a step grants itself', async () => {
    const { parts, promised } = heard();
    const { driver, prober, volumes, clock } = parts as Record<
      string,
      Record<string, (...words: readonly unknown[]) => unknown>
    >;
    const { signal } = new AbortController();

    expect(await driver?.start?.({ startTimeoutMs: 5 })).toEqual(['start', { startTimeoutMs: 5 }]);
    const containers = { kind: 'compose', startTimeoutMs: 5, once: { migrate: 7, seed: 1 } };
    expect(await driver?.start?.(containers as never)).toEqual(['start', containers]);
    const two = { snapshot: ['data', 'more'] };
    expect(await volumes?.save?.(two, 2)).toEqual(['save', two, 2]);
    expect(await volumes?.restore?.({ snapshot: ['data'] }, 2)).toEqual([
      'restore',
      { snapshot: ['data'] },
      2,
    ]);
    expect(await driver?.start?.({})).toEqual(['start', {}]);
    expect(await driver?.stop?.('core/auth', 7)).toEqual(['stop', 'core/auth', 7]);
    expect(await prober?.probe?.({ timeoutMs: 9 }, signal)).toEqual(['probe', { timeoutMs: 9 }, signal]);
    expect(await clock?.sleep?.(11, signal)).toEqual(['sleep', 11, signal]);

    expect(promised).toEqual(
      [5, 13, 2 * HOUR_MS, HOUR_MS, 0, 7, 9, 11].map((ms) => ['services', LONGEST_STEP_MS + ms]),
    );
  });

  it('is none where somebody only asks', async () => {
    const { parts, promised } = heard();
    const { driver, trees, journal, clock } = parts as Record<
      string,
      Record<string, (...words: readonly unknown[]) => unknown>
    >;

    expect(await driver?.status?.('core/auth')).toEqual(['status', 'core/auth']);
    expect(await trees?.has?.('digest')).toEqual(['has', 'digest']);
    expect(await journal?.end?.(1)).toEqual(['end', 1]);
    expect(clock?.monotonic?.()).toBe(7);
    expect(promised).toEqual([]);
  });

  it('hands on who may end a wait for the network', async () => {
    const { parts } = heard();
    const { trees } = parts as Record<string, Record<string, (...words: readonly unknown[]) => unknown>>;
    const { signal } = new AbortController();

    expect(await trees?.add?.('tree', signal)).toEqual(['add', 'tree', signal]);
    expect(await trees?.repair?.('files', 'how', signal)).toEqual(['repair', 'files', 'how', signal]);
  });

  it('that was promised is missed a millisecond after its time, whenever it was promised', async () => {
    const clock = createFakeClock();
    await clock.advance(1_000_000);
    const pulse = createPulse(clock);
    expect(pulse.silent()).toBeNull();
    pulse.promise('services', 5_000);

    await clock.advance(5_000);
    expect(pulse.silent()).toBeNull();
    await clock.advance(1);
    expect(pulse.silent()).toBe('services');
    pulse.promise('services', 5_000);
    expect(pulse.silent()).toBeNull();
  });
});
