// Blue and green: two versions of one capability side by side, each on a port of its own, behind one public port.
import type { FilledSettings } from '../../../shared/compile/references.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Plan } from '../../../shared/schema/deployment.ts';
import type { BlueGreen } from '../../../shared/schema/drivers/blue-green.ts';
import type { CapabilityRelease } from '../../../shared/schema/release.ts';
import type { Generation } from './generation.ts';

export const SLOTS = ['blue', 'green'] as const;
export type Slot = (typeof SLOTS)[number];

const GREEN = '.green';

export function blueGreenOf(release: CapabilityRelease | undefined): BlueGreen | null {
  return release?.service.blueGreen ?? null;
}

/** What the driver calls the service in this slot; the blue one has the component's own name. */
export function slotKey(component: ComponentKey, slot: Slot): ComponentKey {
  return slot === 'blue' ? component : twinOf(component);
}

/** What the driver would call the same service in the other slot. */
export function twinOf(key: ComponentKey): ComponentKey {
  return (key.endsWith(GREEN) ? key.slice(0, -GREEN.length) : `${key}${GREEN}`) as ComponentKey;
}

export function otherSlot(slot: Slot): Slot {
  return slot === 'blue' ? 'green' : 'blue';
}

/** In a slot the public port's setting stands for the slot's own port: the service and its probes need not know. */
export function settingsIn(slot: Slot, blueGreen: BlueGreen, settings: FilledSettings): FilledSettings {
  const port = settings[blueGreen.slots[SLOTS.indexOf(slot)] ?? ''];
  return port === undefined ? settings : { ...settings, [blueGreen.public]: port };
}

/** Error: deploy/no-port, for a setting that is no port or the same as another. */
export function portsOf(component: ComponentKey, blueGreen: BlueGreen, settings: FilledSettings) {
  const names = [blueGreen.public, ...blueGreen.slots];
  const ports = names.map((name) => {
    const port = settings[name];
    if (typeof port === 'number' && port > 0 && port < 65_536) return port;
    throw new FairleadError('deploy/no-port', { component, setting: name });
  });
  const twice = names.find((_, index) => ports.indexOf(ports[index] ?? 0) !== index);
  if (twice !== undefined) throw new FairleadError('deploy/no-port', { component, setting: twice });
  const [open = 0, blue = 0, green = 0] = ports;
  return { public: open, blue, green };
}

/** Of what a plan stops, that which goes on serving until its successor is healthy beside it. */
export function selectServing({ plan, previous, target }: Succession): ReadonlySet<ComponentKey> {
  const canServe = (component: ComponentKey) =>
    canStandBeside(previous?.releases.get(component)?.document, target.releases.get(component)?.document);
  return new Set(plan.stop.filter(canServe));
}

export interface Succession {
  readonly plan: Pick<Plan, 'stop'>;
  readonly previous: Pick<Generation, 'releases'> | null;
  readonly target: Pick<Generation, 'releases'>;
}

/** Both must be made for it and for one service manager, and neither may need its data to itself. */
function canStandBeside(from: CapabilityRelease | undefined, to: CapabilityRelease | undefined): boolean {
  const alone = [from, to].some((one) => needsDataAlone(one));
  const isSameDriver = from?.service.driver === to?.service.driver;
  return !alone && isSameDriver && blueGreenOf(from) !== null && blueGreenOf(to) !== null;
}

/** Whoever writes `blueGreen` has said that two versions share the data; `reversible` need not say it again. */
function needsDataAlone(release: CapabilityRelease | undefined): boolean {
  if (release === undefined) return true;
  const { reversible = 'yes', hooks } = release;
  return reversible !== 'yes' || hooks.snapshot.length > 0;
}

export interface SlotFacts {
  /** Where exactly this unit runs. */
  readonly running: Slot | null;
  /** Where something else runs. */
  readonly taken: ReadonlySet<Slot>;
  /** Where the traffic goes. */
  readonly directed: Slot | null;
}

/** Where a unit stands or belongs: never in the place of what serves the traffic, if that still runs. */
export function selectSlot({ running, taken, directed }: SlotFacts): Slot {
  if (running !== null) return running;
  const served = directed ?? 'blue';
  return taken.has(served) ? otherSlot(served) : served;
}
