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
  readonly act: (instance: Instance) => Promise<unknown>;
  readonly end: 'committed' | 'rolled-back' | 'inconsistent';
}

const packs = new Map<string, Buffer>();
/** The full pack of every tree, by the tree's digest in hex. */
export const PACKS: ReadonlyMap<string, Buffer> = packs;

const ONE = deployable({ [AUTH]: '1.0.0', [API]: '1.0.0' });
const TWO = deployable({ [AUTH]: '1.1.0', [API]: '1.1.0' });
const THREE = deployable({ [AUTH]: '1.2.0', [API]: '1.1.0' });
const FIXED = deployable({ [AUTH]: '1.0.1', [API]: '1.0.0' });
const SWAPPED = deployable({ [AUTH]: '1.0.0', [WEB]: '1.0.0' });

const NEXT = deployable({ [AUTH]: '2.0.0' });

const KEPT = { keepGenerations: 5, behaviours: {} };

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

/** A deployment that every instance must still be able to make, whatever happened to it. */
export const deployNext = deployTo(NEXT);

function deployTo(to: Deployable, reason: PlanReason = { kind: 'channel' }): Scenario['act'] {
  return async ({ deployer }) => {
    const plan = planOf(await deployer.current(), to, reason);
    await deployer.deploy({ ...to, plan, actor: 'agent', stillAllowed: async () => true });
  };
}

async function rollBack({ deployer }: Instance): Promise<void> {
  await deployer.rollback({ reason: 'customers complain', actor: 'ada' });
}

export async function deployHistory(instance: Instance, scenario: Scenario): Promise<void> {
  for (const deployable of scenario.history) await deployTo(deployable)(instance);
  await instance.settled();
}

function deployable(versions: Readonly<Record<string, string>>): Deployable {
  const releases = Object.entries(versions).map(([key, version]) => {
    const component = key as ComponentKey;
    const command = (name: string) => [{ exec: [name, `${component}@${version}`] }];
    const hooks = {
      preflight: command('preflight'),
      snapshot: command('snapshot'),
      restore: command('restore'),
    };
    const extras = {
      tree: packedTree(`${component}@${version}`),
      smoke: command('smoke'),
      hooks,
      reversible: 'snapshot',
    };
    return [component, releaseOf(component, version, extras)] as const;
  });
  return deployableOf(Object.fromEntries(releases));
}

/** The sample tree with a name of its own in it. */
function packedTree(name: string): TreeRef {
  const own = entryOf(`text-${name.replace('/', '-')}`, 'one text, two files\n');
  const draft = draftPack(SAMPLE_ENTRIES.with(-1, own));
  packs.set(hexOf(draft.ref.digest), join(sectionsOf(draft)));
  return draft.ref;
}
