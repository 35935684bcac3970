// The agent dies, or the disk is full, at every single call of a deployment: it always ends old or new.
import { describe, expect, it } from 'vitest';
import { slotKey } from '../../../../agent/core/deploy/blue-green.ts';
import type { DeploymentRecord } from '../../../../shared/schema/deployment.ts';
import { type DeployScenario, prepareWorld, SCENARIOS } from '../../../support/deploy-scenarios.ts';
import { chainOf, type World } from '../../../support/deploy-world.ts';
import { Crash, type Faults } from '../../../support/fault-gate.ts';

/** How the deployment under test ended, and whether it was the machine or only the agent that died. */
interface Outcome {
  readonly world: World;
  readonly record: DeploymentRecord | undefined;
}

const FINAL = ['committed', 'rolled-back', 'abandoned'];

async function run(scenario: DeployScenario, lives: readonly Faults[], powerCut = false): Promise<Outcome> {
  const world = await prepareWorld(scenario);
  const before = world.disk.records.size;
  for (const [life, faults] of lives.entries()) {
    const { deployer } = world.boot(faults);
    try {
      await deployer.recover();
      if (life === 0) await scenario.act(world, deployer);
    } catch (error) {
      if (!(error instanceof Crash) && world.disk.journal === null) break;
    }
    if (powerCut) world.powerCut();
  }
  await world.boot().deployer.recover();
  return { world, record: [...world.disk.records.values()].slice(before).at(-1) };
}

async function countCalls(scenario: DeployScenario): Promise<number> {
  const world = await prepareWorld(scenario);
  const { deployer, calls } = world.boot();
  await deployer.recover();
  const record = await scenario.act(world, deployer);
  expect(record.state).toBe(scenario.end);
  return calls.length;
}

/** Old or new: record, link and services tell the same story, and nothing is left to do. */
function problemWith(scenario: DeployScenario, { world, record }: Outcome): string | null {
  const { disk } = world;
  const isNew = record?.state === 'committed';
  const expected = isNew ? scenario.newServices : scenario.oldServices;
  const current = record === undefined ? disk.current : isNew ? record.generation : record.previousGeneration;
  if (record !== undefined && !FINAL.includes(record.state)) return `ended ${chainOf(record)}`;
  if (disk.journal !== null) return 'the journal is still there';
  if (disk.current !== current) return `current is ${disk.current} after ${chainOf(record)}`;
  for (const [component, slot] of world.routes) {
    if (world.pidOf(slotKey(component, slot)) === null) return `traffic of ${component} leads nowhere`;
  }
  const running = world.running().join();
  return running === expected.join() ? null : `${running || 'nothing'} runs after ${chainOf(record)}`;
}

/** One interruption is no reason to end otherwise than without it, unless nothing had been touched yet. */
function problemWithEnd(scenario: DeployScenario, { record }: Outcome): string | null {
  if (record === undefined || record.state === 'abandoned' || record.state === scenario.end) return null;
  return `ended ${chainOf(record)}`;
}

function at(n: number, fault: ReturnType<Faults>): Faults {
  return (_, call) => (call === n ? fault : 'none');
}

for (const scenario of SCENARIOS) {
  describe(`${scenario.name}, whatever happens`, () => {
    for (const fault of ['crash-before', 'crash-after'] as const) {
      it(`ends old or new after a ${fault} at every call`, async () => {
        const calls = await countCalls(scenario);
        const problems: string[] = [];
        for (let n = 1; n <= calls; n++) {
          for (const powerCut of [false, true]) {
            const outcome = await run(scenario, [at(n, fault)], powerCut);
            const problem = problemWith(scenario, outcome) ?? problemWithEnd(scenario, outcome);
            if (problem !== null) problems.push(`call ${n}${powerCut ? ' with power cut' : ''}: ${problem}`);
          }
        }
        expect(problems).toEqual([]);
      });
    }

    it('ends old or new when the recovery is interrupted as well', async () => {
      const calls = await countCalls(scenario);
      const problems: string[] = [];
      for (let n = 2; n <= calls; n += 6) {
        for (let m = 1; m <= 40; m += 5) {
          const outcome = await run(scenario, [at(n, 'crash-after'), at(m, 'crash-before')]);
          const problem = problemWith(scenario, outcome);
          if (problem !== null) problems.push(`calls ${n} and ${m}: ${problem}`);
        }
      }
      expect(problems).toEqual([]);
    });

    it('ends old or new when the disk is full at any one call', async () => {
      const calls = await countCalls(scenario);
      const problems: string[] = [];
      for (let n = 1; n <= calls; n++) {
        const outcome = await run(scenario, [at(n, 'disk-full')]);
        const problem = problemWith(scenario, outcome);
        if (problem !== null) problems.push(`call ${n}: ${problem}`);
      }
      expect(problems).toEqual([]);
    });

    it('ends old or new when the disk is full from one call until the next start', async () => {
      const calls = await countCalls(scenario);
      const problems: string[] = [];
      for (let n = 1; n <= calls; n++) {
        const full: Faults = ({ port }, call) =>
          call >= n && /^(store|journal|trees)\./.test(port) ? 'disk-full' : 'none';
        const outcome = await run(scenario, [full]);
        const problem = problemWith(scenario, outcome);
        if (problem !== null) problems.push(`from call ${n}: ${problem}`);
      }
      expect(problems).toEqual([]);
    });
  });
}
