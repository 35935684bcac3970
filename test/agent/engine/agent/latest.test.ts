// Who asks while a decision is made: told at once where it takes its time, and what they may see where it does not.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Conclusion } from '../../../../agent/core/conclude.ts';
import { createLatest, type Latest } from '../../../../agent/engine/agent/latest.ts';
import { settle } from '../../../support/fake-clock.ts';

const conclusionOf = (verdict: string) =>
  ({ decision: { verdict }, offer: null, emergency: {}, pins: [] }) as unknown as Conclusion;

/** A decision that ends when it is told to. */
function slow(verdict: string) {
  const { promise, resolve, reject } = Promise.withResolvers<Conclusion>();
  let begun = 0;
  const conclude = () => {
    begun++;
    return promise;
  };
  return { conclude, begun: () => begun, end: () => resolve(conclusionOf(verdict)), fail: reject };
}

let latest: Latest;
let sleeps: (() => void)[];
const loseTime = async () => {
  for (const wake of sleeps.splice(0)) wake();
  await settle();
};

beforeEach(() => {
  sleeps = [];
  latest = createLatest({ sleep: () => new Promise((resolve) => void sleeps.push(resolve)) });
  latest.note(conclusionOf('before'));
});

describe('who asks while another’s decision is made', () => {
  it('waits for it, and is told their own: it knows what changed meanwhile', async () => {
    const [first, second] = [slow('first'), slow('second')];
    const one = latest.soonest(first.conclude);
    const two = latest.soonest(second.conclude);
    await settle();
    expect(second.begun()).toBe(0);

    first.end();
    second.end();

    expect(await one).toEqual({ kind: 'made', conclusion: conclusionOf('first') });
    expect(await two).toEqual({ kind: 'made', conclusion: conclusionOf('second') });
  });

  it('is told the one before where it takes its time, and begins none afterwards', async () => {
    const [first, second] = [slow('first'), slow('second')];
    const one = latest.soonest(first.conclude);
    const two = latest.soonest(second.conclude);
    await loseTime();

    const before = { kind: 'in-the-making', last: conclusionOf('before') };
    expect([await one, await two]).toEqual([before, before]);
    first.end();
    await settle();
    expect(second.begun()).toBe(0);
  });

  it('waits for its own no longer than for both', async () => {
    const [first, second] = [slow('first'), slow('second')];
    const one = latest.soonest(first.conclude);
    const two = latest.soonest(second.conclude);
    first.end();
    await one;
    await loseTime();

    expect(second.begun()).toBe(1);
    expect((await two).kind).toBe('in-the-making');
  });

  it('is not told its error', async () => {
    const [first, second] = [slow('first'), slow('second')];
    const one = latest.soonest(first.conclude);
    const two = latest.soonest(second.conclude);

    first.fail(new Error('damaged'));
    second.end();

    await expect(one).rejects.toThrow('damaged');
    expect((await two).kind).toBe('made');
  });
});

it('of a conclusion nothing is kept but what it says: its facts hold the whole catalog', async () => {
  const facts = { catalog: 'large' };
  latest.note({ ...conclusionOf('noted'), facts } as Conclusion);

  const asked = latest.soonest(slow('slow').conclude);
  await loseTime();

  expect(await asked).toEqual({ kind: 'in-the-making', last: conclusionOf('noted') });
});
