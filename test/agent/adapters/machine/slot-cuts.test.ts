// The slots on a disk that forgets: whatever the moment of a kill or a power cut, there is an agent to start, and it is known which.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createAgentSlots } from '../../../../agent/adapters/machine/agent-slots.ts';
import { type SlotFacts, trialStageOf } from '../../../../agent/core/deploy/agent-slots.ts';
import { createRandom } from '../../../labs/faults/suite.ts';
import type { CrashDisk } from '../../../support/crash-disk.ts';
import { emptyDisk, MOUNT_POINT, mount } from '../../../support/crash-mount.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const slots = createAgentSlots(`${MOUNT_POINT}/state`);
const TRIAL = {
  ...({ schema: 'fairlead/agent-trial@1', component: 'fairlead/agent', identity: 'x' } as const),
  ...({ slot: 'b', from: 'a', began: '2026-03-01T10:00:00Z', needsServer: true, damages: 0 } as const),
} as never;
const SEEDS = 12;

class Crash extends Error {}

async function fill(slot: 'a' | 'b', text: string): Promise<void> {
  const source = join(temporaryDirectory(), 'source');
  writeFileSync(source, text);
  await slots.fill(slot, source, async (digest) => ({
    ...{ schema: 'fairlead/agent-slot@1', version: text, digest, component: null, identity: text },
  }));
}

/** What is found after a kill or a cut at each call of `act` that changes the disk, each state once. */
async function foundAfterCuts(before: CrashDisk, act: () => Promise<void>) {
  let found: SlotFacts[] = [];
  let during: readonly SlotFacts[] = [];
  const look = async () => {
    mount.before = () => undefined;
    const facts = await slots.read();
    // Whatever is current can be started.
    expect(facts.current !== null && (await slots.isIntact(facts.current))).toBe(true);
    found.push(facts);
  };
  for (let at = 1, isOver = false; !isOver; at++) {
    mount.disk = before.copy('strict');
    let calls = 0;
    mount.before = () => {
      if (++calls >= at) throw new Crash();
    };
    await act().then(
      () => {
        isOver = true;
      },
      () => undefined,
    );
    const killed = mount.disk.copy();
    // What it answered for is there for good.
    if (isOver) [during, found] = [found, []];
    await look();
    for (let seed = 1; seed <= SEEDS; seed++) {
      mount.disk = killed.copy().afterPowerCut(createRandom(seed));
      await look();
    }
  }
  const states = (all: readonly SlotFacts[]) =>
    [...new Set(all.map((facts) => `${facts.current} ${trialStageOf(facts)}`))].sort();
  return { during: states(during), after: states(found) };
}

async function prepared(...acts: readonly (() => Promise<void>)[]): Promise<CrashDisk> {
  mount.before = () => undefined;
  mount.disk = emptyDisk().copy('strict');
  await fill('a', 'old');
  await slots.point('a');
  for (const act of acts) await act();
  return mount.disk.copy();
}

const fillOther = () => fill('b', 'new');
const begin = () => slots.beginTrial({ from: 'a', to: 'b' }, TRIAL);

it.each<[string, readonly (() => Promise<void>)[], () => Promise<void>, readonly string[], string]>([
  ['the other slot is filled', [], fillOther, ['a none'], 'a none'],
  ['a trial begins', [fillOther], begin, ['a none', 'a prepared', 'b open'], 'b open'],
  [
    'a trial begins once more after a cut',
    [fillOther, begin, slots.goBack],
    begin,
    ['a prepared', 'a returned', 'b open'],
    'b open',
  ],
  ['it goes back', [fillOther, begin], slots.goBack, ['a returned', 'b open'], 'a returned'],
  ['it has proved itself', [fillOther, begin], slots.renew, ['b open'], 'b open'],
  ['its trial ends', [fillOther, begin], slots.conclude, ['b none', 'b open'], 'b none'],
  [
    'the trial of one that came back ends',
    [fillOther, begin, slots.goBack],
    slots.conclude,
    ['a none', 'a returned'],
    'a none',
  ],
])('while %s, old or new is started, and nothing between', async (_, before, act, during, after) => {
  const found = await foundAfterCuts(await prepared(...before), act);

  expect(found).toEqual({ during, after: [after] });
});

it('a way back that stands is counted on whatever was lost, so that no cut keeps a broken agent', async () => {
  const before = await prepared(fillOther, begin);
  for (let seed = 1; seed <= SEEDS; seed++) {
    mount.disk = before.copy('strict').afterPowerCut(createRandom(seed));
    expect(await slots.read()).toMatchObject({ current: 'b', wayBack: 'a' });
  }
});
