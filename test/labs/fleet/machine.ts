// A simulated machine: its services run, and what each version does to it shows as time passes.
import type { Driver, ServiceUnit } from '../../../agent/ports/deploy.ts';
import type { Clock, Prober } from '../../../agent/ports/machine.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { createMachine, nameOf, type Running } from '../../support/fake-machine.ts';

/** What a version does where it runs, in milliseconds after its start; it does nothing that is not named. */
export interface Fate {
  /** Its health check fails from then on. */
  readonly failsAfterMs?: number;
  /** It takes the machine down with it. */
  readonly crashesMachineAfterMs?: number;
  /** Nothing reaches this install any more while it runs; its own health check notices nothing. */
  readonly cutsNetworkAfterMs?: number;
}

export interface Machine {
  readonly driver: Driver;
  readonly prober: Prober;
  /** What runs and answers well, as `core/app@1.1.0`. */
  healthy(): readonly string[];
  /** Every service ends at once, and nobody is told. */
  losePower(): void;
}

export interface MachineOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** By what runs, as `core/app@1.1.0`. */
  readonly fateOf: (release: string) => Fate;
  /** A service was started, or stopped: what it does to the machine begins or ends. */
  readonly onStart: (fate: Fate) => void;
  readonly onStop: (fate: Fate) => void;
}

export function createSimulatedMachine({ clock, fateOf, onStart, onStop }: MachineOptions): Machine {
  const services = new Map<ComponentKey, Running>();
  const started = new WeakMap<Running, number>();
  const driver = createMachine({ behaviours: new Map(), strangers: new Set(), commands: [] }, services);

  const isWell = (service: Running) => {
    const { failsAfterMs = Number.POSITIVE_INFINITY } = fateOf(nameOf(service.unit));
    return service.state === 'running' && clock.monotonic() - (started.get(service) ?? 0) < failsAfterMs;
  };
  const answer = (service: Running | undefined) =>
    service !== undefined && isWell(service)
      ? { healthy: true, detail: 'HTTP 200' }
      : { healthy: false, detail: 'HTTP 503' };

  return {
    driver: {
      ...driver,
      async start(unit: ServiceUnit) {
        const before = services.get(unit.component);
        await driver.start(unit);
        const service = services.get(unit.component);
        if (service === undefined || service === before) return;
        started.set(service, clock.monotonic());
        onStart(fateOf(nameOf(unit)));
      },
      async stop(component, timeoutMs) {
        const service = services.get(component);
        const outcome = await driver.stop(component, timeoutMs);
        if (service !== undefined) onStop(fateOf(nameOf(service.unit)));
        return outcome;
      },
    },
    prober: {
      async probe(probe) {
        if (probe.kind === 'http') return answer(services.get(componentAt(probe.url)));
        // Nobody else is on this machine, and hooks do nothing here.
        return { healthy: probe.kind === 'exec', detail: 'nobody listens' };
      },
    },
    healthy: () => [...services.values()].filter(isWell).map(({ unit }) => nameOf(unit)),
    losePower: () => services.clear(),
  };
}

/** `http://core.app.test/` is asked of `core/app`. */
export function healthUrlOf(component: string): string {
  return `http://${component.replace('/', '.')}.test/`;
}

function componentAt(url: string): ComponentKey {
  return new URL(url).hostname.replace(/\.test$/, '').replace('.', '/') as ComponentKey;
}
