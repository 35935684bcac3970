// Directing traffic: the route is a file, the switch that follows it a service of its own that outlives the agent.
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { ownProgram } from '../../../../shared/node/own-parts.ts';
import { readIfPresent } from '../../../../shared/node/read-file.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../../shared/schema/parse-document.ts';
import type { Driver, ProgramUnit, Route, Traffic } from '../../../ports/deploy.ts';
import { routeFile, writeRoute } from './route-file.ts';
import { countConnectionsTo, isListening } from './tcp-table.ts';

export interface TrafficOptions {
  readonly stateDir: string;
  readonly driver: Driver<ProgramUnit>;
  /** The switch's program and first arguments; the route file follows. */
  readonly command: readonly string[];
  /** Whether somebody listens there; a connection finds out unless given. */
  readonly answers?: (host: string, port: number) => Promise<boolean>;
  /** Whether it is this process that listens; the kernel's table tells unless given. */
  readonly listens?: (pid: number, port: number) => Promise<boolean>;
}

const STOP_TIMEOUT_MS = 5_000;
const LISTEN_PATIENCE_MS = 5_000;
const LOOK_AGAIN_MS = 50;
const FIRST_FREE_PORT = 1024;

export function createTraffic(options: TrafficOptions): Traffic {
  const { stateDir, driver, command, answers = isAnswered, listens = isListening } = options;
  const directoryOf = (component: ComponentKey) => join(stateDir, 'traffic', component.replace('/', '.'));
  const pathOf = (component: ComponentKey) => join(directoryOf(component), 'route.json');

  async function read(component: ComponentKey) {
    const path = pathOf(component);
    const bytes = await readIfPresent(path);
    try {
      return bytes === null ? null : parseDocumentBytes(routeFile, bytes, path);
    } catch {
      // A copy of what the engine knows: a damaged one is written anew, and no reason not to update.
      return null;
    }
  }

  function unitOf(route: Route): ProgramUnit {
    const { component, address, publicPort } = route;
    const { kind, user } = keeperOf(route);
    return {
      kind,
      component: switchKey(component),
      exec: [...command, pathOf(component)],
      env: {},
      user,
      workingDirectory: directoryOf(component),
      // The account's own. The route is not: a service that could spoil it could keep its own update away.
      dataDirectory: join(directoryOf(component), 'home'),
      stopTimeoutMs: STOP_TIMEOUT_MS,
      identity: digestOfValue({ address, publicPort, user }),
    };
  }

  return {
    slotOf: async (component) => (await read(component))?.slot ?? null,
    async direct(route) {
      const { component, slot, address, publicPort, port } = route;
      const known = await read(component);
      const next = { slot, address, publicPort, port };
      if (JSON.stringify(known) !== JSON.stringify(next)) {
        await writeRoute(pathOf(component), next);
      }
      const unit = unitOf(route);
      if (await driver.runs(unit)) return;
      await driver.stop(unit.component, STOP_TIMEOUT_MS);
      // A stranger would answer in its place.
      if (await answers(address, publicPort)) throw notListening(route);
      await driver.start(unit);
      await untilListening({ driver, answers, listens }, unit, route);
    },
    connectionsTo: countConnectionsTo,
    async close(component) {
      await driver.stop(switchKey(component), STOP_TIMEOUT_MS);
    },
  };
}

/**
 * Containers have no account on this machine: before them it is one that owns nothing. A port that only root may have, an agent
 * that is confined may not have either: where there is a manager of services, as there is for that one, it is the manager's to start.
 */
function keeperOf({ driver, user, publicPort }: Route): Pick<ProgramUnit, 'kind' | 'user'> {
  if (driver !== 'compose') return { kind: driver, user };
  if (publicPort >= FIRST_FREE_PORT) {
    return { kind: 'process', user: process.getuid?.() === 0 ? 'nobody' : null };
  }
  return { kind: existsSync('/run/systemd/system') ? 'systemd' : 'process', user: null };
}

export function switchCommand(): readonly string[] {
  return [...ownProgram('agent/cli/main.ts'), 'agent', 'switch'];
}

function switchKey(component: ComponentKey): ComponentKey {
  return `${component}.traffic` as ComponentKey;
}

async function untilListening(
  { driver, answers, listens }: Pick<Required<TrafficOptions>, 'driver' | 'answers' | 'listens'>,
  unit: ProgramUnit,
  route: Route,
): Promise<void> {
  const end = performance.now() + LISTEN_PATIENCE_MS;
  for (;;) {
    const answered = await answers(route.address, route.publicPort);
    const status = await driver.status(unit.component);
    // A stranger may have been quicker than the switch, which then ends in the next moment.
    const pid = status.kind === 'running' ? status.pid : null;
    if (answered && pid !== null && (await listens(pid, route.publicPort))) return;
    if (status.kind !== 'running' || performance.now() >= end) throw notListening(route);
    await delay(LOOK_AGAIN_MS);
  }
}

function notListening({ component, address, publicPort }: Route): FairleadError {
  return new FairleadError('service/no-traffic', { component, address: `${address}:${publicPort}` });
}

function isAnswered(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: host === '0.0.0.0' ? '127.0.0.1' : host, port });
    socket.once('connect', () => {
      // An ordinary end would look like a client that still waits for an answer.
      socket.resetAndDestroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
