// Deployments to try with every fault there is: where the instance stands, what happens to it, how it must end.
import type { Deployer } from '../../agent/ports/deploy.ts';
import type { DeploymentRecord } from '../../shared/schema/deployment.ts';
import { API, AUTH, type Deployable, deployableOf, releaseOf, WEB } from './deploy-releases.ts';
import { createWorld, deploy, type World } from './deploy-world.ts';
import type { Behaviour } from './fake-machine.ts';

export interface DeployScenario {
  readonly name: string;
  /** What was committed one after the other before the fault. */
  readonly history: readonly Deployable[];
  readonly behaviours?: Readonly<Record<string, Behaviour>>;
  readonly act: (world: World, deployer: Deployer) => Promise<DeploymentRecord>;
  /** What runs when the deployment ends new, and old. */
  readonly newServices: readonly string[];
  readonly oldServices: readonly string[];
  /** How it ends without a fault. */
  readonly end: 'committed' | 'rolled-back';
}

const ONE = deployableOf({
  [AUTH]: '1.0.0',
  [API]: releaseOf(API, '1.0.0', { requires: { [AUTH]: '^1.0.0' } }),
});
const TWO = deployableOf({
  [AUTH]: releaseOf(AUTH, '1.1.0', { reversible: 'snapshot' }),
  [API]: releaseOf(API, '1.1.0', { requires: { [AUTH]: '^1.1.0' } }),
});
const SWAPPED = deployableOf({ [AUTH]: '1.0.0', [WEB]: '1.0.0' });

/** A capability whose versions stand side by side, on the ports 8001 and 8002. */
export const besides = (version: string) =>
  deployableOf({
    [AUTH]: releaseOf(AUTH, version, {
      service: {
        driver: 'process',
        exec: ['serve'],
        env: { PORT: '${settings.port}' },
        blueGreen: { public: 'port', slots: ['blue', 'green'] },
      },
      settings: Object.fromEntries(
        ['port', 'blue', 'green'].map((name, index) => [name, { type: 'integer', default: 8000 + index }]),
      ),
      health: [
        { http: 'http://auth.test:${settings.port}/', startPeriod: 'PT10S', successes: 2, failures: 2 },
      ],
      hooks: {},
    }),
  });

const ONE_RUNS = ['core/api@1.0.0', 'core/auth@1.0.0'];
const TWO_RUNS = ['core/api@1.1.0', 'core/auth@1.1.0'];

export const SCENARIOS: readonly DeployScenario[] = [
  {
    name: 'a good update',
    history: [ONE],
    act: (_, deployer) => deploy(deployer, TWO),
    newServices: TWO_RUNS,
    oldServices: ONE_RUNS,
    end: 'committed',
  },
  {
    name: 'an update that stays unhealthy',
    history: [ONE],
    behaviours: { 'core/auth@1.1.0': 'red' },
    act: (_, deployer) => deploy(deployer, TWO),
    newServices: TWO_RUNS,
    oldServices: ONE_RUNS,
    end: 'rolled-back',
  },
  {
    name: 'a first installation',
    history: [],
    act: (_, deployer) => deploy(deployer, ONE),
    newServices: ONE_RUNS,
    oldServices: [],
    end: 'committed',
  },
  {
    name: 'a first installation that exits at once',
    history: [],
    behaviours: { 'core/api@1.0.0': 'exits' },
    act: (_, deployer) => deploy(deployer, ONE),
    newServices: ONE_RUNS,
    oldServices: [],
    end: 'rolled-back',
  },
  {
    name: 'a removal beside an installation',
    history: [ONE],
    act: (_, deployer) => deploy(deployer, SWAPPED),
    newServices: ['core/auth@1.0.0', 'core/web@1.0.0'],
    oldServices: ONE_RUNS,
    end: 'committed',
  },
  {
    name: 'a blue-green update',
    history: [besides('1.0.0')],
    act: (_, deployer) => deploy(deployer, besides('1.1.0')),
    newServices: ['core/auth@1.1.0'],
    oldServices: ['core/auth@1.0.0'],
    end: 'committed',
  },
  {
    name: 'a blue-green update that degrades',
    history: [besides('1.0.0')],
    behaviours: { 'core/auth@1.1.0': 'late' },
    act: (_, deployer) => deploy(deployer, besides('1.1.0')),
    newServices: ['core/auth@1.1.0'],
    oldServices: ['core/auth@1.0.0'],
    end: 'rolled-back',
  },
  {
    name: 'a rollback by hand',
    history: [ONE, TWO],
    act: (_, deployer) => deployer.rollback({ reason: 'customers complain', actor: 'ada' }),
    newServices: ONE_RUNS,
    oldServices: TWO_RUNS,
    end: 'committed',
  },
];

/** The instance before the fault. */
export async function prepareWorld(scenario: DeployScenario): Promise<World> {
  const world = createWorld({ soakMs: 4_000 });
  const { deployer } = world.boot();
  await deployer.recover();
  for (const deployable of scenario.history) {
    const record = await deploy(deployer, deployable);
    if (record.state !== 'committed') throw new Error(`the history ended ${record.state}`);
  }
  for (const [release, behaviour] of Object.entries(scenario.behaviours ?? {})) {
    world.behaviours.set(release, behaviour);
  }
  return world;
}
