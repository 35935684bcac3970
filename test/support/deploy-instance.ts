// An instance with a history, ready for one more deployment.
import type { Deployer } from '../../agent/ports/deploy.ts';
import type { TreeDeviation } from '../../agent/ports/state.ts';
import type { PlanReason } from '../../shared/schema/deployment.ts';
import { AUTH, type Deployable, deployableOf, type Extras, releaseOf } from './deploy-releases.ts';
import { createWorld, deploy, type World } from './deploy-world.ts';

/** An instance with `core/auth` alone, and the settings its operator wrote. */
export const auth = (version: string, extras: Extras = {}, settings: Readonly<Record<string, string>> = {}) =>
  deployableOf({ [AUTH]: releaseOf(AUTH, version, extras) }, { [AUTH]: settings });

/** Commits one deployable after the other; calls and commands are counted from there. */
export async function instanceWith(...history: readonly Deployable[]) {
  const world = createWorld({ retention: { generations: 3, bytes: Number.POSITIVE_INFINITY } });
  const { deployer, calls } = world.boot();
  await deployer.recover();
  for (const deployable of history) {
    const { state } = await deploy(deployer, deployable);
    if (state !== 'committed') throw new Error(`the history ended ${state}`);
  }
  world.commands.length = 0;
  calls.length = 0;
  return { world, deployer, calls };
}

export const FORCED: PlanReason = { kind: 'forced', advisories: ['FL-2026-0001'] };

/** What was done to the files of a release's tree, wherever it lies. */
export function damage(
  { disk }: World,
  { releases }: Deployable,
  ...deviations: readonly TreeDeviation[]
): void {
  for (const { document } of releases.values()) disk.deviations.set(document.tree.digest, deviations);
}

/** Nothing can be had for its tree, here or elsewhere. */
export function lose({ disk }: World, { releases }: Deployable): void {
  for (const { document } of releases.values()) disk.lost.add(document.tree.digest);
}

/** As `core/auth@1.1.0`. */
export const quarantined = (deployer: Deployer) => entriesOf(deployer, 'for good');
export const heldBack = (deployer: Deployer) => entriesOf(deployer, 'for a while');

async function entriesOf(deployer: Deployer, howLong: 'for good' | 'for a while') {
  const entries = await deployer.quarantine();
  const wanted = entries.filter(({ until }) => (until === undefined) === (howLong === 'for good'));
  return wanted.map((entry) => `${entry.component}@${entry.version}`);
}
