// One piece of work at a time: who waits, who is refused, and that nothing is left at work by an agent that goes.
import { describe, expect, it } from 'vitest';
import type { Run } from '../../../../agent/engine/deploy/run.ts';
import { createTurn } from '../../../../agent/engine/deploy/turn.ts';
import { recordOf } from '../../../support/deployments.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { settle } from '../../../support/fake-clock.ts';

/** Work that ends when the test says so. */
function pending() {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { ended, end };
}

function runOf(id: number, told: string[] = []): Run {
  const record = recordOf(id, ['planned', 'soaking']);
  return {
    record,
    current: () => record,
    leave: async () => void told.push('leave'),
    giveWay: () => void told.push('give way'),
  } as unknown as Run;
}

describe('a turn', () => {
  it('goes to one piece of work after the other, whatever becomes of the first', async () => {
    const turn = createTurn();
    const order: string[] = [];
    const first = pending();
    const failing = turn.wait(async () => {
      await first.ended;
      order.push('first');
      throw new Error('it failed');
    });
    const second = turn.wait(async () => void order.push('second'));
    await settle();
    expect(order).toEqual([]);

    first.end();

    await expect(failing).rejects.toThrow('it failed');
    await second;
    expect(order).toEqual(['first', 'second']);
  });

  it('is not given to a second deployment, nor to a question, while one is under way', async () => {
    const turn = createTurn();
    const { ended, end } = pending();
    const deploying = turn.deploy(async (hold) => {
      hold(runOf(7));
      await ended;
    });
    await settle();

    for (const ask of [turn.deploy, turn.waitUnlessBusy]) {
      const refusal = await rejectionOf(ask(async () => undefined));
      expect([refusal.code, refusal.data]).toEqual(['deploy/busy', { deployment: 7 }]);
    }
    expect([turn.inProgress()?.id, turn.lastHeld()]).toEqual([7, 7]);
    end();
    await deploying;

    expect(await turn.deploy(async () => 'again')).toBe('again');
    expect(await turn.waitUnlessBusy(async () => 'asked')).toBe('asked');
    expect([turn.inProgress(), turn.lastHeld()]).toEqual([null, 7]);
  });

  it('is refused to a deployment before the first one holds it', async () => {
    const turn = createTurn();
    const deploying = turn.deploy(async () => undefined);

    expect((await rejectionOf(turn.deploy(async () => undefined))).data).toEqual({ deployment: 0 });
    await deploying;
  });

  it('is given back by a deployment that failed', async () => {
    const turn = createTurn();

    await expect(turn.deploy(() => Promise.reject(new Error('it failed')))).rejects.toThrow('it failed');
    expect(await turn.deploy(async () => 'again')).toBe('again');
  });

  it('tells nothing of a deployment that has ended', async () => {
    const turn = createTurn();
    const ended = { ...runOf(7), current: () => recordOf(7, ['committed']) };

    await turn.wait(async (hold) => {
      hold(ended);
      expect(turn.inProgress()).toBeNull();
    });
  });
});

describe('an agent that goes', () => {
  it('tells what is at work, waits until that has let go, and begins nothing more', async () => {
    const turn = createTurn();
    const { ended, end } = pending();
    const told: string[] = [];
    let isGone = false;
    const working = turn.wait(async (hold) => {
      hold(runOf(7, told));
      await ended;
    });
    await settle();

    const left = turn.leave().then(() => {
      isGone = true;
    });
    await settle();
    expect([told, isGone, turn.isLeaving()]).toEqual([['leave'], false, true]);
    end();
    await Promise.all([working, left]);

    expect(isGone).toBe(true);
    expect((await rejectionOf(turn.deploy(async () => undefined))).code).toBe('deploy/agent-stops');
    expect((await rejectionOf(turn.waitUnlessBusy(async () => undefined))).code).toBe('deploy/agent-stops');
  });

  it('tells also what only now takes hold', async () => {
    const turn = createTurn();
    const told: string[] = [];
    await turn.leave();

    await turn.wait(async (hold) => hold(runOf(7, told)));

    expect(told).toEqual(['leave']);
  });
});

describe('giving way', () => {
  it('is asked of what is at work, unless it is the very plan', async () => {
    const turn = createTurn();
    const told: string[] = [];
    const run = runOf(7, told);
    await turn.wait(async (hold, yielded) => {
      hold(run);
      turn.giveWay(run.record.plan);
      expect([told, yielded.aborted]).toEqual([[], false]);
      turn.giveWay('another plan');
      expect([told, yielded.aborted]).toEqual([['give way'], true]);
    });
    await turn.wait(async (_hold, yielded) => expect(yielded.aborted).toBe(false));
  });

  it('lets work that holds nothing wait for the network no longer', async () => {
    const turn = createTurn();

    await turn.wait(async (_hold, yielded) => {
      turn.giveWay('a plan');
      expect(yielded.aborted).toBe(true);
    });
  });
});
