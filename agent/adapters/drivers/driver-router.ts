// One driver for all kinds of units: a capability may change how it is run from one version to the next.
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { isDriverEnabled } from '../../../shared/schema/drivers/drivers.ts';
import type {
  Driver,
  DriverName,
  ServiceStatus,
  ServiceUnit,
  StopOutcome,
  UnitOf,
} from '../../ports/deploy.ts';

export type Drivers = { readonly [Name in DriverName]: Driver<UnitOf<Name>> };

/** What can be asked of a driver without a unit. */
type Holder = Omit<Driver, 'start' | 'runs' | 'prepare' | 'keepOnly' | 'ranOnce'>;

interface Held {
  readonly driver: Holder;
  readonly status: ServiceStatus;
}

/**
 * Each driver knows what it started, so nothing is recorded here: whoever holds a component is asked. What is not enabled is
 * refused before anything stops; a way back goes on, for what ran once is better than nothing.
 */
export function createDriverRouter(drivers: Drivers, enabled?: readonly DriverName[]): Driver {
  const everyone: readonly Holder[] = Object.values(drivers);
  // Each driver takes the units of its own kind, under which it stands here.
  const driverOf = (unit: ServiceUnit) => drivers[unit.kind] as Driver;
  /** Who was last seen to hold a component: asked first, and for the log of what has just been stopped. */
  const last = new Map<ComponentKey, Holder>();

  /** The driver that runs the component, else the one that did. */
  async function held(component: ComponentKey): Promise<Held | undefined> {
    const known = last.get(component);
    const [likely] = known === undefined ? [] : await ask([known], component);
    if (likely?.status.kind === 'running') return likely;
    const found = (await ask(everyone, component)).filter(({ status }) => status.kind !== 'absent');
    const holder = found.find(({ status }) => status.kind === 'running') ?? found[0];
    if (holder !== undefined) last.set(component, holder.driver);
    return holder;
  }

  /** Of what does not run any more, whoever has lines of it; the files first, for they ask nobody. */
  async function writer(component: ComponentKey): Promise<Holder | undefined> {
    for (const driver of [drivers.process, drivers.systemd, drivers.compose]) {
      const line = await driver.logs(component, 1).catch(() => '');
      if (line !== '') return driver;
    }
    return undefined;
  }

  return {
    async prepare(unit, again, signal) {
      const { kind, component } = unit;
      if (again !== true && !isDriverEnabled(kind, enabled)) {
        throw new FairleadError('service/driver-disabled', {
          component,
          driver: kind,
          enabled: enabled?.join(',') ?? '',
        });
      }
      return await driverOf(unit).prepare(unit, again, signal);
    },
    async keepOnly(component, unit) {
      for (const [kind, driver] of Object.entries(drivers)) {
        await (driver as Driver).keepOnly(component, unit?.kind === kind ? unit : null);
      }
    },
    async start(unit) {
      const { component } = unit;
      const chosen = driverOf(unit);
      const others = everyone.filter((driver) => driver !== chosen);
      if ((await stopAll(others, component, unit.stopTimeoutMs)) === 'stuck') {
        throw new FairleadError('service/stuck', { component });
      }
      last.set(component, chosen);
      await chosen.start(unit);
    },
    runs: (unit) => driverOf(unit).runs(unit),
    stop: (component, timeoutMs) => stopAll(everyone, component, timeoutMs),
    status: async (component) => (await held(component))?.status ?? { kind: 'absent' },
    async exited(component, signal) {
      await (await held(component))?.driver.exited(component, signal);
    },
    async logs(component, maxBytes, since) {
      const driver = (await held(component))?.driver ?? last.get(component) ?? (await writer(component));
      return (await driver?.logs(component, maxBytes, since)) ?? '';
    },
    ranOnce: (unit) => driverOf(unit).ranOnce(unit),
    async maintain(component) {
      await (await held(component))?.driver.maintain(component);
    },
  };
}

function ask(drivers: readonly Holder[], component: ComponentKey): Promise<readonly Held[]> {
  return Promise.all(drivers.map(async (driver) => ({ driver, status: await driver.status(component) })));
}

async function stopAll(
  drivers: readonly Holder[],
  component: ComponentKey,
  timeoutMs: number,
): Promise<StopOutcome> {
  return worstOf(await Promise.all(drivers.map((driver) => driver.stop(component, timeoutMs))));
}

function worstOf(outcomes: readonly StopOutcome[]): StopOutcome {
  if (outcomes.includes('stuck')) return 'stuck';
  return outcomes.includes('killed') ? 'killed' : 'stopped';
}
