// Deployments of the laboratory: where an instance stands, what happens to it, and how that ends without a fault.
import { hexOf } from '../../shared/encoding/digest.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { PlanReason } from '../../shared/schema/deployment.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import {
  draftPack,
  entryOf,
  join,
  SAMPLE_ENTRIES,
  sectionsOf,
} from '../../test/agent/adapters/tree-store/pack-builder.ts';
import {
  API,
  AUTH,
  type Deployable,
  deployableOf,
  type Extras,
  planOf,
  releaseOf,
  WEB,
} from '../../test/support/deploy-releases.ts';
import type { Instance } from './instance.ts';
import type { Behaviour } from './machine.ts';

export interface Scenario {
  readonly name: string;
  /** What was committed one after the other before. */
  readonly history: readonly Deployable[];
  readonly keepGenerations: number;
  readonly behaviours: Readonly<Record<string, Behaviour>>;
  /** Services are entries in a file, or processes of this machine. */
  readonly services: 'noted' | 'processes';
  readonly act: (instance: Instance) => Promise<unknown>;
  readonly end: 'committed' | 'rolled-back' | 'inconsistent';
}

const packs = new Map<string, Buffer>();
/** The full pack of every tree, by the tree's digest in hex. */
export const PACKS: ReadonlyMap<string, Buffer> = packs;

const releases = new Map<string, string>();
/** `core/auth@1.0.0` for every tree, by the tree's digest in hex. */
export const RELEASES: ReadonlyMap<string, string> = releases;

const ONE = deployable({ [AUTH]: '1.0.0', [API]: '1.0.0' });
const TWO = deployable({ [AUTH]: '1.1.0', [API]: '1.1.0' });
const THREE = deployable({ [AUTH]: '1.2.0', [API]: '1.1.0' });
const FIXED = deployable({ [AUTH]: '1.0.1', [API]: '1.0.0' });
const SWAPPED = deployable({ [AUTH]: '1.0.0', [WEB]: '1.0.0' });

const NEXT = deployable({ [AUTH]: '2.0.0' });

const RUNNING_ONE = asProcesses({ [AUTH]: '1.0.0', [API]: '1.0.0' });
const RUNNING_TWO = asProcesses({ [AUTH]: '1.1.0', [API]: '1.0.0' });
const RUNNING_NEXT = asProcesses({ [AUTH]: '2.0.0' });

const KEPT = { keepGenerations: 5, behaviours: {}, services: 'noted' } as const;

export const SCENARIOS: readonly Scenario[] = [
  { ...KEPT, name: 'first', history: [], act: deployTo(ONE), end: 'committed' },
  { ...KEPT, name: 'update', history: [ONE], act: deployTo(TWO), end: 'committed' },
  {
    ...KEPT,
    name: 'failing',
    history: [ONE],
    behaviours: { 'core/auth@1.1.0': 'red' },
    act: deployTo(TWO),
    end: 'rolled-back',
  },
  {
    ...KEPT,
    name: 'forced',
    history: [ONE],
    act: deployTo(FIXED, { kind: 'forced', advisories: ['FL-2026-0003'] }),
    end: 'committed',
  },
  { ...KEPT, name: 'swap', history: [ONE], act: deployTo(SWAPPED), end: 'committed' },
  { ...KEPT, name: 'rollback', history: [ONE, TWO], act: rollBack, end: 'committed' },
  {
    ...KEPT,
    name: 'collect',
    history: [ONE, FIXED, TWO],
    keepGenerations: 2,
    act: deployTo(THREE),
    end: 'committed',
  },
  {
    ...KEPT,
    name: 'hanging',
    history: [ONE],
    behaviours: { 'core/auth@1.0.0': 'stuck' },
    act: deployTo(TWO),
    end: 'rolled-back',
  },
];

/** Deployed over processes: one service stays, one changes. */
export const PROCESSES: Scenario = {
  ...KEPT,
  name: 'processes',
  history: [RUNNING_ONE],
  services: 'processes',
  act: deployTo(RUNNING_TWO),
  end: 'committed',
};

/** A deployment that every instance must still be able to make, whatever happened to it. */
export function deployNext(instance: Instance, { services }: Scenario): Promise<unknown> {
  return deployTo(services === 'processes' ? RUNNING_NEXT : NEXT)(instance);
}

function deployTo(to: Deployable, reason: PlanReason = { kind: 'channel' }): Scenario['act'] {
  return async ({ deployer }) => {
    const plan = planOf(await deployer.current(), to, reason);
    await deployer.deploy({ ...to, plan, actor: 'agent', stillAllowed: async () => true });
  };
}

async function rollBack({ deployer }: Instance): Promise<void> {
  await deployer.rollback({ reason: 'customers complain', actor: 'ada' });
}

/** A service that does nothing, twice: its child must end with it. */
function asProcesses(versions: Readonly<Record<string, string>>): Deployable {
  const exec = ['/bin/sh', '-c', 'sleep 600 & wait', 'SERVICE'];
  const health = [{ exec: ['true'], startPeriod: 'PT5S', interval: 'PT1S', successes: 2, failures: 2 }];
  const service = { driver: 'process', exec, stopTimeout: 'PT5S' };
  return deployable(versions, { service, health, smoke: [{ exec: ['true'] }], hooks: {} });
}

export async function deployHistory(instance: Instance, scenario: Scenario): Promise<void> {
  for (const deployable of scenario.history) await deployTo(deployable)(instance);
  await instance.settled();
}

function deployable(versions: Readonly<Record<string, string>>, extras: Extras = {}): Deployable {
  const all = Object.entries(versions).map(([key, version]) => {
    const component = key as ComponentKey;
    const release = `${component}@${version}`;
    const command = (name: string) => [{ exec: [name, release] }];
    const hooks = {
      preflight: command('preflight'),
      snapshot: command('snapshot'),
      restore: command('restore'),
    };
    const noted = { smoke: command('smoke'), hooks, reversible: 'snapshot' };
    const own = { ...noted, ...extras, tree: packedTree(release) };
    return [component, releaseOf(component, version, own)] as const;
  });
  return deployableOf(Object.fromEntries(all));
}

/** The sample tree with a name of its own in it. */
function packedTree(name: string): TreeRef {
  const own = entryOf(`text-${name.replace('/', '-')}`, 'one text, two files\n');
  const draft = draftPack(SAMPLE_ENTRIES.with(-1, own));
  packs.set(hexOf(draft.ref.digest), join(sectionsOf(draft)));
  releases.set(hexOf(draft.ref.digest), name);
  return draft.ref;
}
