// The services of the laboratory: a machine whose memory outlives the agent, and probes that ask it.
import { closeSync, openSync, readFileSync, writeFileSync, writevSync } from 'node:fs';
import type { Driver, ServiceUnit } from '../../../agent/ports/deploy.ts';
import type { Prober } from '../../../agent/ports/machine.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';

/**
 * How a release behaves, by `core/auth@1.0.1`; every other one is healthy. `stuck` cannot be stopped, what `tires` is
 * healthy until it is verified, and red in its soak.
 */
export type Behaviour = 'red' | 'stuck' | 'tires';

export interface Service {
  readonly release: string;
  readonly identity: string;
  /** Its port setting; empty for those that are reached by name. */
  readonly port: string;
}

/** What runs, by what the driver calls it. */
export type Services = Readonly<Record<string, Service>>;

export interface MachineMemory {
  read(): Services;
  write(services: Services): void;
}

export interface Machine {
  readonly driver: Driver;
  readonly prober: Prober;
}

/** `verifyAlive` throws once the agent that asks is dead: nothing it still tries has any effect. */
export function createMachine(
  memory: MachineMemory,
  behaviours: Readonly<Record<string, Behaviour>>,
  verifyAlive: () => void = () => undefined,
): Machine {
  const services = () => {
    verifyAlive();
    return memory.read();
  };
  const find = (component: ComponentKey) => services()[component];
  const driver: Driver = {
    prepare: async () => {},
    keepOnly: async () => {},
    async start(unit) {
      const running = find(unit.component);
      if (running?.identity === unit.identity) return;
      if (running !== undefined) throw new Error(`another ${unit.component} runs`);
      memory.write({ ...memory.read(), [unit.component]: noteOf(unit) });
    },
    async stop(component) {
      const running = find(component);
      if (running === undefined) return 'stopped';
      if (behaviours[running.release] === 'stuck') return 'stuck';
      const { [component]: _, ...others } = memory.read();
      memory.write(others);
      return 'stopped';
    },
    status: async (component) => (find(component) ? { kind: 'running', pid: 1 } : { kind: 'absent' }),
    runs: async (unit) => find(unit.component)?.identity === unit.identity,
    exited: (component, signal) =>
      new Promise((resolve) => {
        if (memory.read()[component] === undefined || signal.aborted) return resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    logs: async () => '',
    ranOnce: async () => [],
    maintain: async () => {},
  };
  return { driver, prober: createProber(services, behaviours) };
}

/** Gone with the process, as services are with a power cut. */
export function createVolatileMemory(): MachineMemory {
  let services: Services = {};
  return {
    read: () => services,
    write: (next) => {
      services = next;
    },
  };
}

const MEMORY_BYTES = 4096;

/** A file of fixed size changed by one pwritev(2): a call of its own kind, so that faults can leave it alone. */
export function createFileMemory(path: string): MachineMemory {
  return {
    read: () => JSON.parse(readFileSync(path, 'utf8')),
    write(services) {
      const text = JSON.stringify(services).padEnd(MEMORY_BYTES);
      const file = openSync(path, 'r+');
      writevSync(file, [Buffer.from(text.slice(0, 1)), Buffer.from(text.slice(1))], 0);
      closeSync(file);
    },
  };
}

export function createMemoryFile(path: string): void {
  writeFileSync(path, '{}'.padEnd(MEMORY_BYTES));
}

/** Probes of a service that tires are all well for as long as it takes to be verified. */
const TIRES_AFTER = 2;

function createProber(services: () => Services, behaviours: Readonly<Record<string, Behaviour>>): Prober {
  let answered = 0;
  const isWell = ({ release }: Service) => {
    const behaviour = behaviours[release];
    return behaviour === 'tires' ? ++answered <= TIRES_AFTER : behaviour !== 'red';
  };
  return {
    async probe(probe) {
      switch (probe.kind) {
        case 'tcp':
        case 'unix':
          return { healthy: false, detail: 'nobody listens' };
        case 'exec':
          return { healthy: true, detail: 'exit status 0' };
        case 'http': {
          const { hostname, port } = new URL(probe.url);
          const name = `core/${hostname.split('.')[0]}@`;
          const asked = Object.values(services()).find(
            (one) => one.release.startsWith(name) && one.port === port,
          );
          const healthy = asked !== undefined && isWell(asked);
          return { healthy, detail: healthy ? 'HTTP 200' : 'HTTP 503' };
        }
      }
    },
  };
}

/** Every release of the laboratory runs `serve RELEASE`, or is told its name. */
function noteOf(unit: ServiceUnit): Service {
  const release = (unit.kind === 'process' ? unit.exec[1] : unit.env.RELEASE) ?? '';
  const { PORT: port = '' } = unit.env;
  return { release, identity: unit.identity, port };
}
