// Side by side: two versions run at once, each in a slot with a port of its own, and traffic moves from one to the other.
import { durationMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { BlueGreen } from '../../../shared/schema/drivers/blue-green.ts';
import {
  otherSlot,
  portsOf,
  SLOTS,
  type Slot,
  selectSlot,
  settingsIn,
  slotKey,
} from '../../core/deploy/blue-green.ts';
import { type RenderInput, type RunnableComponent, render } from '../../core/deploy/render.ts';
import type { Neighbour, Place, Placement, Route, ServiceUnit } from '../../ports/deploy.ts';
import type { DeployerOptions } from './options.ts';

export type SideBySidePorts = Pick<DeployerOptions, 'driver' | 'traffic' | 'clock' | 'onWarning'>;

const LOOK_AFTER_PORTS_MS = 2_000;

export function placeSideBySide(
  ports: SideBySidePorts,
  component: ComponentKey,
  blueGreen: BlueGreen,
): Placement {
  return {
    services: SLOTS.map((slot) => slotKey(component, slot)),
    async place(input, leaving) {
      const placed = { component, blueGreen, input, leaving };
      const { slot, ...one } = await renderInSlot(ports, placed);
      return { ...one, place: placeIn(ports, slot, one, placed) };
    },
    close: () => ports.traffic.close(component),
  };
}

type Slotted = RunnableComponent & { readonly slot: Slot };

/** Where it runs, or else where it would: see selectSlot. */
async function renderInSlot(
  { driver, traffic }: SideBySidePorts,
  { component, blueGreen, input, leaving }: Placed,
): Promise<Slotted> {
  const inSlot = (slot: Slot): Slotted => {
    const { unit, ...rest } = render({ ...input, settings: settingsIn(slot, blueGreen, input.settings) });
    const placed = { ...unit, component: slotKey(component, slot) };
    if (unit.kind !== 'compose') return { ...rest, slot, unit: placed };
    const ports = portsOf(component, blueGreen, input.settings);
    const { volumes = [] } = blueGreen;
    const own = { of: component, volumes, publicPort: ports.public, port: ports[slot] };
    return { ...rest, slot, unit: { ...placed, slot: own } };
  };
  const rendered = { blue: inSlot('blue'), green: inSlot('green') };
  const taken = new Set<Slot>();
  let running: Slot | null = null;
  for (const slot of SLOTS) {
    const { unit } = rendered[slot];
    if (leaving.has(unit.component)) continue;
    if (await driver.runs(unit)) running = slot;
    else if ((await driver.status(unit.component)).kind === 'running') taken.add(slot);
  }
  return rendered[selectSlot({ running, taken, directed: await traffic.slotOf(component) })];
}

interface Placed {
  readonly component: ComponentKey;
  readonly blueGreen: BlueGreen;
  readonly input: RenderInput;
  readonly leaving: ReadonlySet<ComponentKey>;
}

function placeIn(
  ports: SideBySidePorts,
  slot: Slot,
  { unit }: RunnableComponent,
  { component, blueGreen, input, leaving }: Placed,
): Place {
  const numbers = portsOf(component, blueGreen, input.settings);
  const route: Route = {
    component,
    driver: unit.kind === 'systemd' || unit.kind === 'compose' ? unit.kind : 'process',
    slot,
    address: blueGreen.address,
    publicPort: numbers.public,
    port: numbers[slot],
    user: unit.user,
  };
  const { driver, traffic, onWarning } = ports;
  const beside = otherSlot(slot);
  const { stopTimeoutMs } = unit;
  const there = neighbourAt(
    ports,
    { component, service: slotKey(component, beside), stopTimeoutMs },
    numbers[beside],
  );
  const own = neighbourAt(ports, { component, service: unit.component, stopTimeoutMs }, route.port);
  return {
    ports: [route.publicPort, route.port],
    isVacant: async () =>
      leaving.has(unit.component) || (await driver.status(unit.component)).kind !== 'running',
    // There may stand what failed before, or what the last deployment replaced and somebody is still connected to.
    makeRoom: async () => ((await driver.runs(unit)) ? 0 : own.stop()),
    open: (act = (direct) => direct()) => act(() => traffic.direct(route)),
    keepOpen: (signal) => keepOpen(ports, unit, route, signal),
    neighbour: {
      ...there,
      drainMs: durationMs(blueGreen.drain),
      async stop() {
        const cut = await there.stop();
        // Until now it needed what it ran on; a deployment's end has left that to it.
        await driver.keepOnly(there.service, null).catch(onWarning);
        return cut;
      },
    },
  };
}

interface Standing {
  readonly component: ComponentKey;
  readonly service: ComponentKey;
  readonly stopTimeoutMs: number;
}

function neighbourAt(
  { driver, traffic, onWarning }: SideBySidePorts,
  { component, service, stopTimeoutMs }: Standing,
  port: number,
): Omit<Neighbour, 'drainMs'> {
  const isThere = async () => (await driver.status(service)).kind !== 'absent';
  return {
    service,
    isThere,
    connections: () => traffic.connectionsTo(port),
    async stop() {
      if (!(await isThere())) return 0;
      const connections = await traffic.connectionsTo(port);
      const outcome = await driver.stop(service, stopTimeoutMs);
      if (outcome === 'stuck') throw new FairleadError('service/stuck', { component });
      if (connections > 0) onWarning(new FairleadError('deploy/connections-cut', { component, connections }));
      return connections;
    },
  };
}

/** Whoever keeps the public port and dies is started again. */
async function keepOpen(
  { driver, traffic, clock, onWarning }: SideBySidePorts,
  unit: ServiceUnit,
  route: Route,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(LOOK_AFTER_PORTS_MS, signal);
    if (signal.aborted || !(await driver.runs(unit))) continue;
    await traffic.direct(route).catch(onWarning);
  }
}
