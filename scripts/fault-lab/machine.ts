// The services of the laboratory: a machine whose memory outlives the agent, and probes that ask it.
import { closeSync, openSync, readFileSync, writeFileSync, writevSync } from 'node:fs';
import type { Driver, ServiceUnit } from '../../agent/ports/driver.ts';
import type { Prober } from '../../agent/ports/prober.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';

/** How a release behaves, by `core/auth@1.0.1`; every other one is healthy. `stuck` cannot be stopped. */
export type Behaviour = 'red' | 'stuck' | 'fails smoke';

/** What runs, by component. */
export type Services = Readonly<Record<string, { readonly release: string; readonly identity: string }>>;

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
  const find = (component: ComponentKey) => {
    verifyAlive();
    return memory.read()[component];
  };
  const driver: Driver = {
    async start(unit) {
      const running = find(unit.component);
      if (running?.identity === unit.identity) return;
      if (running !== undefined) throw new Error(`another ${unit.component} runs`);
      const { component, identity } = unit;
      memory.write({ ...memory.read(), [component]: { release: releaseOf(unit), identity } });
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
    maintain: async () => {},
  };
  return { driver, prober: createProber(find, behaviours) };
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

function createProber(
  find: (component: ComponentKey) => Services[string] | undefined,
  behaviours: Readonly<Record<string, Behaviour>>,
): Prober {
  return {
    async probe(probe) {
      switch (probe.kind) {
        case 'tcp':
          return { healthy: false, detail: 'nobody listens' };
        case 'exec': {
          const [command = '', release = ''] = probe.exec;
          const healthy = behaviours[release] !== `fails ${command}`;
          return { healthy, detail: healthy ? 'exit status 0' : 'exit status 1' };
        }
        case 'http': {
          const running = find(`core/${new URL(probe.url).hostname.split('.')[0]}` as ComponentKey);
          const healthy = running !== undefined && behaviours[running.release] !== 'red';
          return { healthy, detail: healthy ? 'HTTP 200' : 'HTTP 503' };
        }
      }
    },
  };
}

/** Every release of the laboratory runs `serve RELEASE`. */
function releaseOf(unit: ServiceUnit): string {
  return unit.kind === 'process' ? (unit.exec[1] ?? '') : '';
}
