// The operator's own compose files: which are in force in a generation, and since when.
import { describeOverride } from '../../../shared/compile/config.ts';
import type { DeploymentRecord, OverrideInForce } from '../../../shared/schema/deployment.ts';
import type { Generation } from '../../core/deploy/generation.ts';

type Configured = Pick<Generation, 'config' | 'manifest'>;

/** As a generation on the disk has them. */
export function overridesIn({ config, manifest }: Configured): OverrideInForce[] {
  return manifest.components.flatMap(({ component }) => {
    const override = describeOverride(config, component);
    return override === null ? [] : [{ component, ...override }];
  });
}

/** With the first of the deployments, counted back from the last one, that had the very same in it: where every one after it is still known. */
export async function overridesNow(
  current: Configured | null,
  records: readonly DeploymentRecord[],
  readGenerations: () => Promise<readonly Generation[]>,
): Promise<OverrideInForce[]> {
  const inForce = current === null ? [] : overridesIn(current);
  if (inForce.length === 0) return [];
  const generations = new Map((await readGenerations()).map((each) => [each.number, each]));
  const ends = records.filter(({ state }) => state === 'committed').toReversed();
  return inForce.map((override) => {
    const { component, digest } = override;
    const isSame = ({ generation }: DeploymentRecord) => {
      const then = generations.get(generation);
      return then === undefined ? null : describeOverride(then.config, component)?.digest === digest;
    };
    const other = ends.findIndex((record) => isSame(record) !== true);
    const before = ends[other];
    const first = ends.at(Math.max(other, 0) - 1);
    // Nothing that is known has it yet: a deployment is on its way, or its record is lost.
    if (first === undefined || other === 0) return override;
    // Records are kept for good, generations are not: that one may have had it as well.
    if (before !== undefined && isSame(before) === null) return override;
    const { generation, stages } = first;
    const at = stages.at(-1)?.at;
    return at === undefined ? override : { ...override, since: { generation, at } };
  });
}
