// Preparing a generation's components: settings resolved, references read, everything rendered and ready to run.
import { capabilityConfigOf } from '../../../shared/compile/config.ts';
import { dependencyOrder } from '../../../shared/compile/plan.ts';
import { fillReferences, referenceKey, referencesIn } from '../../../shared/compile/references.ts';
import { resolveSettings, secretSettings } from '../../../shared/compile/settings.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { referredImages } from '../../../shared/schema/drivers/drivers.ts';
import type { InstanceConfig } from '../../../shared/schema/instance.ts';
import type { CapabilityRelease } from '../../../shared/schema/release.ts';
import { ComponentTrouble } from '../../core/deploy/failure.ts';
import type { Generation, PlacedComponent } from '../../ports/deploy.ts';
import type { DeployerOptions } from './options.ts';
import { placementOf } from './placement.ts';
import type { SideBySidePorts } from './side-by-side.ts';

/** Also what it takes to read a log with every secret of its service known. */
export type Sources = SideBySidePorts &
  Pick<DeployerOptions, 'trees' | 'store' | 'readReference' | 'secrets'>;

const NOBODY: ReadonlySet<ComponentKey> = new Set();

/** Null when the generation has no such component. Errors: document/invalid, setting/unreadable, deploy/unknown-variable. */
export async function prepare(
  sources: Sources,
  generation: Generation | null,
  component: ComponentKey,
  leaving: ReadonlySet<ComponentKey> = NOBODY,
): Promise<PlacedComponent | null> {
  const release = generation?.releases.get(component);
  if (generation === null || release === undefined) return null;
  const { given, defaults } = resolveSettings(release.document, generation.config);
  const values = new Map<string, string>();
  for (const reference of referencesIn(given)) {
    values.set(referenceKey(reference), await sources.readReference(reference));
  }
  const settings = { ...defaults, ...fillReferences(given, values) };
  const secrets = secretSettings(release.document, given);
  for (const name of secrets) sources.secrets.learn(String(settings[name]));
  const input = {
    release,
    configured: { ...defaults, ...given },
    settings,
    secrets,
    registries: registriesFor(generation.config, release.document),
    ...allowedTo(generation.config, release.document),
    treeDirectory: sources.trees.directoryOf(release.document.tree.digest),
    dataDirectory: sources.store.dataDirectoryOf(component),
  };
  return placementOf(sources, component, release.document).place(input, leaving);
}

/** What the operator lets it reach, and lays over its compose file. */
function allowedTo(config: InstanceConfig, { suite, name, service }: CapabilityRelease) {
  const { allow, override } = capabilityConfigOf(config, suite, name);
  if (override === undefined || service.driver === 'compose') return { allow, override };
  const path = `suites.${suite}.capabilities.${name}.override`;
  throw new FairleadError('document/invalid', {
    document: 'the instance configuration',
    issues: [
      { path, expected: 'no override', found: 'one, of what is no compose file', remedy: 'remove it' },
    ],
  });
}

/** Undefined where nothing is ever fetched. */
function registriesFor(
  { registries }: InstanceConfig,
  { service }: CapabilityRelease,
): InstanceConfig['registries'] {
  return referredImages(service).length > 0 ? registries : undefined;
}

/** Exactly what the generation says of the component runs, or what may stand in its place. Errors: as of `prepare`. */
export async function runsIn(
  options: Sources & Pick<DeployerOptions, 'driver'>,
  generation: Generation | null,
  component: ComponentKey,
): Promise<boolean> {
  const one = await prepare(options, generation, component);
  return one !== null && (await options.driver.runs(one.unit));
}

/** Those of the named components that the generation has, in the order named; where they will be once those that leave have left. */
export async function prepareAll(
  sources: Sources,
  generation: Generation | null,
  components: readonly ComponentKey[],
  leaving: ReadonlySet<ComponentKey> = NOBODY,
): Promise<readonly PlacedComponent[]> {
  const prepared: PlacedComponent[] = [];
  for (const component of components) {
    const one = await onBehalfOf(component, () => prepare(sources, generation, component, leaving));
    if (one !== null) prepared.push(one);
  }
  return prepared;
}

/** Whatever `act` fails with is then the component's. */
export async function onBehalfOf<T>(component: ComponentKey, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw new ComponentTrouble(component, cause);
  }
}

export function componentsOf(generation: Generation | null): readonly ComponentKey[] {
  return generation?.manifest.components.map((one) => one.component) ?? [];
}

/** Every component of the generation, what others need first: the order in which an empty instance would start it. */
export function startOrder(generation: Generation | null): readonly ComponentKey[] {
  return generation === null ? [] : dependencyOrder(new Set(componentsOf(generation)), generation.releases);
}
