// What containers may reach of the machine: listed, allowed and taken back, one part for one component at a time.
import { capabilityConfigOf, withPart } from '../../shared/compile/config.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { AllowanceRequest, AllowanceRow } from '../../shared/protocol/settings.ts';
import { componentKeyOf } from '../../shared/schema/common.ts';
import { type InstanceConfig, instanceConfig } from '../../shared/schema/instance.ts';
import { parseDocument } from '../../shared/schema/parse-document.ts';
import type { Concerned } from './setting-change.ts';

/** By component, each in the order in which it was allowed. */
export function allowancesOf({ suites }: InstanceConfig): readonly AllowanceRow[] {
  return Object.entries(suites)
    .flatMap(([suite, { capabilities }]) =>
      Object.entries(capabilities).flatMap(([name, { allow = [] }]) =>
        allow.map((reach) => ({ component: componentKeyOf(suite, name), reach })),
      ),
    )
    .sort((a, b) => (a.component < b.component ? -1 : Number(a.component > b.component)));
}

type Edit = Pick<AllowanceRequest, 'component' | 'reach' | 'allowed'>;

/**
 * A slip in the name would allow nothing: what is allowed is to something that runs or is on offer. It is taken back from
 * anything. Errors: setting/no-component, document/invalid where there are too many.
 */
export function changeAllowance(
  concerned: readonly Concerned[],
  before: InstanceConfig,
  { component, reach, allowed }: Edit,
): { readonly config: InstanceConfig; readonly changes: readonly string[] } {
  const components = concerned.map(({ release }) => componentKeyOf(release.suite, release.name));
  if (allowed && !components.includes(component)) {
    const known = [...new Set(components)].sort().join(', ');
    throw new FairleadError('setting/no-component', { component, components: known });
  }
  const [suite = '', name = ''] = component.split('/');
  const { allow = [] } = capabilityConfigOf(before, suite, name);
  if (allow.includes(reach) === allowed) return { config: before, changes: [] };
  const edited = withPart(
    before,
    { suite, name },
    { allow: allowed ? [...allow, reach] : allow.filter((one) => one !== reach) },
  );
  return {
    config: parseDocument(instanceConfig, edited, 'the instance configuration'),
    changes: [`${allowed ? '+' : '-'} ${component} may reach ${reach}`],
  };
}
