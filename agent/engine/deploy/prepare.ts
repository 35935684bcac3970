// Preparing a generation's components: settings resolved, references read, everything rendered and ready to run.
import { planBetween } from '../../../shared/compile/plan.ts';
import { fillReferences, referenceKey, referencesIn } from '../../../shared/compile/references.ts';
import { resolveSettings, secretSettings } from '../../../shared/compile/settings.ts';
import { durationMs } from '../../../shared/encoding/duration.ts';
import { type ComponentKey, componentKeyOf } from '../../../shared/schema/common.ts';
import type { BlueGreen } from '../../../shared/schema/service.ts';
import {
  blueGreenOf,
  otherSlot,
  portsOf,
  SLOTS,
  type Slot,
  selectSlot,
  settingsIn,
  slotKey,
} from '../../core/deploy/blue-green.ts';
import { ComponentTrouble } from '../../core/deploy/failure.ts';
import { type RenderInput, type RunnableComponent, render } from '../../core/deploy/render.ts';
import type { Generation } from '../../ports/deployer.ts';
import type { Route } from '../../ports/traffic.ts';
import type { DeployerOptions } from './options.ts';

type Sources = Pick<DeployerOptions, 'trees' | 'store' | 'readReference' | 'driver' | 'traffic' | 'secrets'>;

export interface PreparedComponent extends RunnableComponent {
  /** How its traffic comes to it; null where clients connect to the service itself. */
  readonly route: Route | null;
  /** The slot beside it; null as above. */
  readonly beside: Beside | null;
}

/** Where the version before or the next one stands. */
export interface Beside {
  /** What the driver calls it. */
  readonly service: ComponentKey;
  readonly port: number;
  readonly drainMs: number;
}

/** Null when the generation has no such component. Errors: document/invalid, setting/unreadable, deploy/unknown-variable. */
export async function prepare(
  sources: Sources,
  generation: Generation | null,
  component: ComponentKey,
): Promise<PreparedComponent | null> {
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
    treeDirectory: sources.trees.directoryOf(release.document.tree.digest),
    dataDirectory: sources.store.dataDirectoryOf(component),
  };
  const blueGreen = blueGreenOf(release.document);
  if (blueGreen === null) return { ...render(input), route: null, beside: null };
  return renderInSlot(sources, input, blueGreen);
}

/** Where it runs, or else where it would: see selectSlot. */
async function renderInSlot(
  { driver, traffic }: Sources,
  input: RenderInput,
  blueGreen: BlueGreen,
): Promise<RunnableComponent & { readonly route: Route; readonly beside: Beside }> {
  const rendered = SLOTS.map((slot) => {
    const { unit, ...rest } = render({ ...input, settings: settingsIn(slot, blueGreen, input.settings) });
    return { ...rest, slot, unit: { ...unit, component: slotKey(rest.component, slot) } };
  });
  const component = componentKeyOf(input.release.document.suite, input.release.document.name);
  const taken = new Set<Slot>();
  let running: Slot | null = null;
  for (const { slot, unit } of rendered) {
    if ((await driver.status(unit.component)).kind !== 'running') continue;
    if (await driver.runs(unit)) running = slot;
    else taken.add(slot);
  }
  const chosen = selectSlot({ running, taken, directed: await traffic.slotOf(component) });
  const one = rendered.find(({ slot }) => slot === chosen) ?? rendered[0];
  if (one === undefined) throw new TypeError('there are two slots');
  const ports = portsOf(component, blueGreen, input.settings);
  const other = otherSlot(chosen);
  return {
    ...one,
    route: {
      component,
      driver: one.unit.kind === 'systemd' ? 'systemd' : 'process',
      slot: chosen,
      address: blueGreen.address,
      publicPort: ports.public,
      port: ports[chosen],
      user: one.unit.user,
    },
    beside: {
      service: slotKey(component, other),
      port: ports[other],
      drainMs: durationMs(blueGreen.drain),
    },
  };
}

/** Those of the named components that the generation has, in the order named. */
export async function prepareAll(
  sources: Sources,
  generation: Generation | null,
  components: readonly ComponentKey[],
): Promise<readonly PreparedComponent[]> {
  const prepared: PreparedComponent[] = [];
  for (const component of components) {
    const one = await onBehalfOf(component, () => prepare(sources, generation, component));
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
  if (generation === null) return [];
  const reason = { kind: 'manual' } as const;
  return planBetween({ from: null, to: generation, reason, stored: new Set() })?.start ?? [];
}
