// Commands on projects that say whose they are, so that none goes on for an agent that was killed.
import { join } from 'node:path';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { Clock } from '../../../ports/machine.ts';
import { uidOf } from '../../machine/account.ts';
import { signalProcess } from '../../machine/process-table.ts';
import type { ToolResult } from '../../machine/run-tool.ts';
import { createServiceProcesses } from '../service-processes.ts';
import { compose, docker, verifyDone } from './docker.ts';

export interface ProjectCommands {
  /** A command of compose on the component's project. */
  change(component: ComponentKey, words: readonly string[], timeoutMs: number): Promise<ToolResult>;
  /** One of the engine's own on its containers. */
  engine(component: ComponentKey, words: readonly string[], timeoutMs: number): Promise<ToolResult>;
  /** By which its processes are known. */
  markerOf(component: ComponentKey): Promise<Record<string, string>>;
  /** Those of an agent that was killed, or that take too long. */
  endCommands(component: ComponentKey): Promise<void>;
  /** The engine answers, and nothing of an agent that was killed still works on the project. Error: service/manager-failed. */
  takeOver(component: ComponentKey): Promise<void>;
}

const LOOK_AGAIN_MS = 500;
/** For its own restart, as an upgrade or a boot brings it. */
const ENGINE_MS = 30_000;

export function createProjectCommands(stateDir: string, clock: Clock): ProjectCommands {
  const directory = join(stateDir, 'run', 'compose');
  const commands = createServiceProcesses(directory, directory);
  const markerOf = (component: ComponentKey) => commands.markerFor(component, 'compose', uidOf({}));

  async function endCommands(component: ComponentKey): Promise<void> {
    for (const entry of await commands.members(component)) signalProcess(entry, 'SIGKILL');
  }

  return {
    markerOf,
    endCommands,
    async change(component, words, timeoutMs) {
      return compose(component, words, { timeoutMs, env: await markerOf(component) });
    },
    async engine(component, words, timeoutMs) {
      return docker(words, { timeoutMs, env: await markerOf(component) });
    },
    async takeOver(component) {
      await endCommands(component);
      await untilEngineAnswers(clock);
    },
  };
}

/** Error: service/manager-failed. */
async function untilEngineAnswers(clock: Clock): Promise<void> {
  const end = clock.monotonic() + ENGINE_MS;
  for (;;) {
    const result = await docker(['version']);
    if (result.status === 0) return;
    // A program that cannot even be run will not come back.
    if (result.status === null || clock.monotonic() >= end) verifyDone(result);
    await clock.sleep(LOOK_AGAIN_MS);
  }
}
