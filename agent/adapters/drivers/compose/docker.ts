// The docker program, as far as one compose project needs it.
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { environmentFor } from '../../machine/account.ts';
import { runTool, type ToolResult } from '../../machine/run-tool.ts';

export interface Container {
  readonly id: string;
  /** Its name in the compose file. */
  readonly service: string;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  readonly state: string;
  readonly exitStatus: number;
  /** How often the engine has started it again. */
  readonly restarts: number;
}

/** Where a command runs: the tree, with what the compose file's variables stand for. */
export interface Place {
  readonly workingDirectory: string;
  readonly dataDirectory: string;
  readonly env: Readonly<Record<string, string>>;
}

export const NOWHERE: Place = { workingDirectory: '/', dataDirectory: '/', env: {} };
const TIMEOUT_MS = 60_000;
/** Names hold no underscore, so no two components share a project. */
const projectOf = (component: ComponentKey) => `fairlead_${component.replace('/', '_')}`;

export function docker(
  words: readonly string[],
  timeoutMs = TIMEOUT_MS,
  place: Place = NOWHERE,
): Promise<ToolResult> {
  const env = { ...environmentFor(place.dataDirectory, place.env), ...engineVariables() };
  return runTool({ argv: ['docker', ...words], env, workingDirectory: place.workingDirectory, timeoutMs });
}

/** What no release may choose: start and stop must speak to one engine, and nothing may come from outside the tree. */
function engineVariables(): Readonly<Record<string, string>> {
  return {
    DOCKER_HOST: process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock',
    // Plug-ins are programs that run with the agent's rights; those below HOME are a container's to write.
    DOCKER_CONFIG: '/etc/docker',
    COMPOSE_EXPERIMENTAL_GIT_REMOTE: 'false',
    COMPOSE_EXPERIMENTAL_OCI_REMOTE: 'false',
  };
}

/** A command on a project. Without a compose file it works on the containers there are. */
export function compose(
  component: ComponentKey,
  words: readonly string[],
  timeoutMs = TIMEOUT_MS,
  place: Place = NOWHERE,
): Promise<ToolResult> {
  return docker(['compose', '--project-name', projectOf(component), ...words], timeoutMs, place);
}

export async function hasImage(digest: string): Promise<boolean> {
  return (await docker(['image', 'inspect', '--format', '{{.Id}}', digest])).stdout.trim() === digest;
}

/** Where the engine keeps images and containers. Error: service/manager-failed when it does not answer. */
export async function engineDirectory(): Promise<string> {
  const [directory = ''] = await answer(['info', '--format', '{{.DockerRootDir}}']);
  return directory;
}

/** Error: service/manager-failed; silence must never be taken for containers that do not run. */
export async function containersOf(component: ComponentKey): Promise<readonly Container[]> {
  const filter = `label=com.docker.compose.project=${projectOf(component)}`;
  const ids = await answer(['ps', '--all', '--quiet', '--no-trunc', '--filter', filter]);
  if (ids.length === 0) return [];
  const lines = await answer(['inspect', '--format', CONTAINER_FORMAT, ...ids]);
  return lines.map((line) => {
    const [id = '', state = '', exitStatus, restarts, service = ''] = line.split(' ');
    return { id, service, state, exitStatus: Number(exitStatus), restarts: Number(restarts) };
  });
}

const CONTAINER_FORMAT =
  '{{.Id}} {{.State.Status}} {{.State.ExitCode}} {{.RestartCount}} {{index .Config.Labels "com.docker.compose.service"}}';

async function answer(words: readonly string[]): Promise<readonly string[]> {
  const { status, detail, stdout } = await docker(words);
  if (status !== 0) throw new FairleadError('service/manager-failed', { manager: 'docker', problem: detail });
  return stdout.split('\n').filter((line) => line !== '');
}
