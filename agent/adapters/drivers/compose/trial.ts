// Asking the engine while the version before runs: it makes the containers of a project under another name, and starts none.
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { type ComposeProject, projectOf } from '../../../../shared/schema/drivers/confinement.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import type { ToolResult } from '../../machine/run-tool.ts';
import { docker, engineFailure } from './docker.ts';

const DOWN_MS = 60_000;

/** No project that runs has a name of this beginning, so nothing of them is ever removed. */
function trialName(component: ComponentKey): string {
  return projectOf(component, 'fairlead-trial');
}

/** Without what the version before still holds: names, networks, ports, and volumes, whose first mount would fill them. */
export function trialOf(project: ComposeProject): ComposeProject {
  const services = Object.entries(project.services).map(([name, one]) => {
    const { container_name, networks, ports, links, mac_address, ...rest } = one;
    const volumes = one.volumes.filter(({ type }) => type !== 'volume');
    return [name, { ...rest, volumes, network_mode: 'none' }];
  });
  return { ...project, services: Object.fromEntries(services), volumes: {}, networks: {} };
}

/** Networks that an operator shares between projects are theirs to make. Error: service/manager-failed. */
export async function verifyNetworks({ networks }: ComposeProject): Promise<void> {
  for (const one of Object.values(networks)) {
    if (one?.external !== true || one.name === undefined) continue;
    const found = await docker(['network', 'inspect', '--format', '{{.Id}}', one.name]);
    if (found.status === 0) continue;
    const problem = `its network "${one.name}" is not there, make it with: docker network create ${one.name}`;
    throw engineFailure(problem);
  }
}

/**
 * To be followed by `removeTrial`. `words` name the file of the trial, `marker` says whose the command is, so that none outlives an agent that was killed. Error:
 * service/manager-failed, with what the engine says against it.
 */
export async function tryOnEngine(
  unit: UnitOf<'compose'>,
  words: readonly string[],
  marker: Readonly<Record<string, string>>,
): Promise<void> {
  const { component, startTimeoutMs } = unit;
  const project = ['compose', '--project-name', trialName(component)];
  const create = ['create', '--no-build', '--pull', 'never'];
  const options = { timeoutMs: startTimeoutMs, env: marker };
  verifyTried(component, await docker([...project, ...words, ...create], options));
}

/** Takes away what a trial has made. Error: service/manager-failed. */
export async function removeTrial(component: ComponentKey): Promise<void> {
  const down = ['down', '--volumes', '--timeout', '0'];
  const words = ['compose', '--project-name', trialName(component), ...down];
  verifyTried(component, await docker(words, { timeoutMs: DOWN_MS }));
}

function verifyTried(component: ComponentKey, { status, detail }: ToolResult): void {
  if (status !== 0) throw engineFailure(`it would not make the containers of ${component}: ${detail}`);
}
