// The machine in memory: services that behave as told, and probes and commands that ask them.
import type { Driver, ServiceUnit } from '../../agent/ports/deploy.ts';
import type { Prober } from '../../agent/ports/machine.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';

/** How a version behaves, by `core/auth@1.0.1`; `slow` needs a while, `late` degrades once it is judged healthy. */
export type Behaviour =
  | 'healthy'
  | 'red'
  | 'late'
  | 'exits'
  | 'unstartable'
  | 'unready'
  | 'far away'
  | 'pulled'
  | 'stuck'
  | 'breaks its neighbours'
  | 'starves the machine'
  | 'fails smoke'
  | 'fails preflight'
  | 'fails snapshot'
  | 'fails smoke and restore';

export interface Running {
  readonly unit: ServiceUnit;
  readonly pid: number;
  state: 'running' | 'exited';
  probes: number;
  readonly exits: Set<() => void>;
}

/** What the machine is told, and what it tells back. */
export interface MachineScript {
  readonly behaviours: ReadonlyMap<string, Behaviour>;
  /** Hosts and ports where a stranger listens. */
  readonly strangers: ReadonlySet<string>;
  /** Hooks and smoke tests run, as `restore core/auth@1.0.1`. */
  readonly commands: string[];
}

export function createMachine(script: MachineScript, services: Map<ComponentKey, Running>): Driver {
  let pids = 100;
  const behaviour = (unit: ServiceUnit) => script.behaviours.get(nameOf(unit)) ?? 'healthy';
  const find = (component: ComponentKey) => services.get(component);
  return {
    async prepare(unit, again, signal) {
      // What it needs comes from a registry that never ends.
      if (behaviour(unit) === 'far away' && signal?.aborted === false) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      }
      if (behaviour(unit) === 'pulled') return { bytes: 5_000, ms: 20 };
      if (behaviour(unit) !== 'unready' || again !== true) return;
      throw new FairleadError('service/start-failed', {
        component: unit.component,
        problem: 'its image is gone',
      });
    },
    keepOnly: async () => {},
    async start(unit) {
      const { component } = unit;
      const before = find(component);
      if (before?.state === 'running') {
        if (before.unit.identity === unit.identity) return;
        throw new FairleadError('service/start-failed', { component, problem: 'another version runs' });
      }
      if (behaviour(unit) === 'unstartable') {
        throw new FairleadError('service/start-failed', { component, problem: 'ENOENT' });
      }
      const service: Running = { unit, pid: ++pids, state: 'running', probes: 0, exits: new Set() };
      services.set(component, service);
      if (behaviour(unit) === 'exits') end(service);
    },
    async stop(component) {
      const service = find(component);
      if (service === undefined) return 'stopped';
      if (service.state === 'running' && behaviour(service.unit) === 'stuck') return 'stuck';
      end(service);
      services.delete(component);
      return 'stopped';
    },
    async status(component) {
      const service = find(component);
      if (service === undefined) return { kind: 'absent' };
      if (service.state === 'exited') return { kind: 'exited', detail: 'exit status 1' };
      return { kind: 'running', pid: service.pid };
    },
    async runs(unit) {
      const service = find(unit.component);
      return service?.state === 'running' && service.unit.identity === unit.identity;
    },
    exited: (component, signal) =>
      new Promise((resolve) => {
        const service = find(component);
        if (service?.state !== 'running' || signal.aborted) return resolve();
        service.exits.add(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    logs: async (component) => `log of ${component} with hunter2\u0007\n`,
    ranOnce: async () => [],
    maintain: async () => {},
  };
}

export function createFakeProber(script: MachineScript, services: Map<ComponentKey, Running>): Prober {
  const behaviourOf = (one: Running) => script.behaviours.get(nameOf(one.unit));
  return {
    async probe(probe) {
      if (probe.kind === 'tcp') {
        return { healthy: script.strangers.has(`${probe.host}:${probe.port}`), detail: 'connected' };
      }
      if (probe.kind === 'exec') {
        const [command] = probe.exec;
        const release = probe.workingDirectory.slice('/trees/'.length);
        script.commands.push(`${command} ${release}`);
        const behaviour = script.behaviours.get(release) ?? 'healthy';
        const healthy = !(behaviour.startsWith('fails') && behaviour.includes(command ?? ''));
        return { healthy, detail: healthy ? 'exit status 0' : 'exit status 1: no such table' };
      }
      if (probe.kind === 'unix') return { healthy: false, detail: 'ENOENT' };
      const component = `core/${new URL(probe.url).hostname.split('.')[0]}` as ComponentKey;
      const { port } = new URL(probe.url);
      const slots = [component, `${component}.green` as ComponentKey].flatMap(
        (key) => services.get(key) ?? [],
      );
      const service = port === '' ? slots[0] : slots.find((one) => one.unit.env.PORT === port);
      if (service?.state !== 'running') return { healthy: false, detail: 'ECONNREFUSED' };
      service.probes += 1;
      const behaviour = behaviourOf(service);
      const harmed = [...services.values()].some(
        (other) =>
          other !== service && other.state === 'running' && behaviourOf(other) === 'breaks its neighbours',
      );
      if (behaviour === 'starves the machine') return { healthy: false, detail: 'EMFILE', starved: true };
      const red = harmed || behaviour === 'red' || (behaviour === 'late' && service.probes > 2);
      return red ? { healthy: false, detail: 'HTTP 503' } : { healthy: true, detail: 'HTTP 200' };
    },
  };
}

export function nameOf(unit: ServiceUnit): string {
  return unit.workingDirectory.slice('/trees/'.length);
}

export function end(service: Running): void {
  service.state = 'exited';
  for (const notice of service.exits) notice();
  service.exits.clear();
}
