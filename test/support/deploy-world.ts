// An instance in memory: a disk and a machine that survive the death of the agent, and faults at every call it makes.
import type { Slot } from '../../agent/core/deploy/blue-green.ts';
import type { ServiceUnit } from '../../agent/core/deploy/render.ts';
import { createDeployer } from '../../agent/engine/deploy/deployer.ts';
import type { DeployerParts } from '../../agent/engine/deploy/options.ts';
import { withSigns } from '../../agent/engine/deploy/signs.ts';
import type { Deployer, DeploymentRequest, Driver } from '../../agent/ports/deploy.ts';
import type { Pulse } from '../../agent/ports/machine.ts';
import { createSecrets } from '../../shared/encoding/redact.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { DeploymentRecord, PlanReason } from '../../shared/schema/deployment.ts';
import { type Deployable, planOf } from './deploy-releases.ts';
import {
  type Behaviour,
  createFakeProber,
  createMachine,
  end,
  nameOf,
  type Running,
} from './fake-machine.ts';
import { type Call, createGate, type Faults } from './fault-gate.ts';
import { createIdleClock } from './idle-clock.ts';
import {
  createMemoryDisk,
  createMemoryJournal,
  createMemoryStore,
  createMemoryTraffic,
  createMemoryTrees,
  type MemoryDisk,
} from './memory-deployments.ts';
import { createMemoryVolumes, createVolumeDisk, type VolumeDisk } from './memory-volumes.ts';

export interface World {
  /** A new agent process on the same disk and machine. */
  boot(faults?: Faults, pulse?: Pulse): { readonly deployer: Deployer; readonly calls: Call[] };
  readonly disk: MemoryDisk;
  readonly behaviours: Map<string, Behaviour>;
  readonly secrets: Map<string, string>;
  /** Hosts and ports where a stranger listens. */
  readonly strangers: Set<string>;
  /** What runs, as `core/auth@1.0.1`, sorted. */
  running(): readonly string[];
  pidOf(component: ComponentKey): number | null;
  /** What the driver was asked to run. */
  unitOf(component: ComponentKey): ServiceUnit | null;
  /** The service ends by itself. */
  crashService(component: ComponentKey): void;
  /** The machine loses power: every service ends, the disk stays. */
  powerCut(): void;
  /** Hooks and smoke tests run, as `restore core/auth@1.0.1`. */
  readonly commands: string[];
  /** Programs that are not on the machine. */
  readonly missing: Set<string>;
  /** Where each component's traffic goes. */
  readonly routes: Map<ComponentKey, Slot>;
  /** Connections held open, by the port they lead to. */
  readonly connections: Map<number, number>;
  /** What stands in volumes, and their copies. */
  readonly volumes: VolumeDisk;
  readonly warnings: unknown[];
  readonly clock: ReturnType<typeof createIdleClock>;
}

export function createWorld({
  driverOver = (machine) => machine,
  soakMs = 10_000,
  ...options
}: Partial<Pick<DeployerParts, 'probationMs' | 'retention'>> & {
  readonly soakMs?: number | (() => number);
  /** Another driver before the machine's, made anew with every process. */
  readonly driverOver?: (machine: Driver) => Driver;
} = {}): World {
  const services = new Map<ComponentKey, Running>();
  const disk = createMemoryDisk();
  const world: World = {
    disk,
    behaviours: new Map(),
    secrets: new Map(),
    strangers: new Set(),
    commands: [],
    missing: new Set(),
    routes: new Map(),
    connections: new Map(),
    volumes: createVolumeDisk(),
    warnings: [],
    clock: createIdleClock(),
    running: () =>
      [...services.values()]
        .filter((one) => one.state === 'running')
        .map((one) => nameOf(one.unit))
        .sort(),
    pidOf: (component) => services.get(component)?.pid ?? null,
    unitOf: (component) => services.get(component)?.unit ?? null,
    crashService(component) {
      const service = services.get(component);
      if (service !== undefined) end(service);
    },
    powerCut() {
      for (const service of services.values()) end(service);
      services.clear();
    },
    boot(faults = () => 'none', pulse = undefined) {
      const calls: Call[] = [];
      const gate = createGate(calls, faults);
      const clock = {
        ...world.clock,
        sleep: (ms: number, signal?: AbortSignal) => gate.sleep(world.clock.sleep(ms, signal)),
      };
      const parts: DeployerParts = {
        store: gate.wrap('store', createMemoryStore(disk)),
        journal: gate.wrap('journal', createMemoryJournal(disk)),
        trees: gate.wrap('trees', createMemoryTrees(disk)),
        driver: gate.wrap('driver', driverOver(createMachine(world, services))),
        prober: gate.wrap('prober', createFakeProber(world, services)),
        clock,
        readReference: async ({ kind, name }) => {
          const value = world.secrets.get(name);
          if (value === undefined) {
            throw new FairleadError('setting/unreadable', { kind, name, problem: 'it is not set' });
          }
          return value;
        },
        soakMs: async () => (typeof soakMs === 'number' ? soakMs : soakMs()),
        secrets: createSecrets(),
        traffic: gate.wrap('traffic', createMemoryTraffic(world.routes, world.connections)),
        volumes: gate.wrap('volumes', createMemoryVolumes(world.volumes)),
        findProgram: async ({ program, workingDirectory }) => {
          if (world.missing.has(program)) {
            throw new FairleadError('service/no-program', { program, where: workingDirectory });
          }
        },
        probationMs: async () => 3_600_000,
        retention: { generations: 5, bytes: Number.POSITIVE_INFINITY },
        ...options,
        onWarning: (error) => world.warnings.push(error),
      };
      const deployer = createDeployer(pulse === undefined ? parts : withSigns(parts, pulse), parts);
      return { deployer, calls };
    },
  };
  return world;
}

/** Asks for a deployment from what runs to `to`. */
export async function deploy(
  deployer: Deployer,
  to: Deployable,
  more: Partial<Pick<DeploymentRequest, 'actor' | 'acceptUnhealthy' | 'acceptDrift'>> & {
    readonly allowed?: boolean;
    readonly reason?: PlanReason;
  } = {},
): Promise<DeploymentRecord> {
  const { actor = 'agent', allowed = true, reason, ...accepted } = more;
  const from = await deployer.current();
  return deployer.deploy({
    ...to,
    plan: planOf(from, to, reason),
    actor,
    ...accepted,
    stillAllowed: async () => allowed,
  });
}

export function chainOf(record: DeploymentRecord | undefined): string {
  return record?.stages.map((stage) => stage.state).join(' → ') ?? 'no record';
}
