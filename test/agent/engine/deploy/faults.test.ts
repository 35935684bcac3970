// The fault table: every way a deployment can be hit, once or for ever, and exactly how it then goes.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { prepareWorld, SCENARIOS } from '../../../support/deploy-scenarios.ts';
import { chainOf } from '../../../support/deploy-world.ts';
import type { Behaviour } from '../../../support/fake-machine.ts';
import { type Call, Crash, type Faults } from '../../../support/fault-gate.ts';

interface Row {
  readonly name: string;
  readonly scenario: string;
  readonly behaviours?: Readonly<Record<string, Behaviour>>;
  /** One fault for each life of the agent, at the first call that matches; `for ever` at every one in every life. */
  readonly faults: readonly FaultAt[];
  readonly forEver?: boolean;
  readonly powerCut?: boolean;
  readonly chain: string;
  readonly failure: string | null;
  readonly quarantined: readonly string[];
  readonly runs: readonly string[];
}

interface FaultAt {
  /** `driver.start core/auth@1.1.0`, `journal.append entered verifying`, … */
  readonly at: string;
  readonly fault: ReturnType<Faults>;
}

const ROWS = JSON.parse(
  readFileSync(new URL('../../../vectors/faults/deployment.json', import.meta.url), 'utf8'),
) as readonly Row[];
const MOST_LIVES = 60;

describe('a deployment under fault', () => {
  it.each(ROWS)('$name', async (row) => {
    const scenario = SCENARIOS.find((one) => one.name === row.scenario);
    if (scenario === undefined) throw new Error(`no scenario ${row.scenario}`);
    const world = await prepareWorld(scenario);
    for (const [release, behaviour] of Object.entries(row.behaviours ?? {})) {
      world.behaviours.set(release, behaviour);
    }
    const before = world.disk.records.size;
    const lives = row.forEver ? MOST_LIVES : Math.max(1, row.faults.length);

    for (let life = 0; life < lives; life++) {
      const { deployer } = world.boot(faultsOf(row, life));
      try {
        await deployer.recover();
        if (life === 0) await scenario.act(world, deployer);
        break;
      } catch (error) {
        // A refusal before anything has begun is an answer; a crash leaves the rest to the next life.
        if (!(error instanceof Crash)) break;
      }
      if (row.powerCut) world.powerCut();
    }
    await world.boot().deployer.recover();

    const record = [...world.disk.records.values()].slice(before).at(-1);
    expect({
      chain: chainOf(record),
      failure: record?.failure?.code ?? null,
      quarantined: world.disk.quarantine
        .filter(({ until }) => until === undefined)
        .map((entry) => `${entry.component}@${entry.version}`),
      runs: world.running(),
    }).toEqual({ chain: row.chain, failure: row.failure, quarantined: row.quarantined, runs: row.runs });
  });
});

function faultsOf(row: Row, life: number): Faults {
  const wanted = row.faults[row.forEver ? 0 : life];
  let hits = 0;
  return (call: Call) => {
    if (wanted === undefined || `${call.port} ${call.detail}`.trim() !== wanted.at) return 'none';
    hits += 1;
    return hits === 1 || row.forEver ? wanted.fault : 'none';
  };
}
