// The docker program, as far as one compose project needs it.
import { FairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { environmentFor } from '../account.ts';
import { runTool, type ToolResult } from '../run-tool.ts';

export interface Container {
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

const NOWHERE: Place = { workingDirectory: '/', dataDirectory: '/', env: {} };
const TIMEOUT_MS = 60_000;
/** Names hold no underscore, so no two components share a project. */
const projectOf = (component: ComponentKey) => `fairlead_${component.replace('/', '_')}`;

export function docker(
  words: readonly string[],
  timeoutMs = TIMEOUT_MS,
  place: Place = NOWHERE,
): Promise<ToolResult> {
  const env = environmentFor(place.dataDirectory, place.env);
  return runTool({ argv: ['docker', ...words], env, workingDirectory: place.workingDirectory, timeoutMs });
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

/** Error: service/manager-failed; silence must never be taken for containers that do not run. */
export async function containersOf(component: ComponentKey): Promise<readonly Container[]> {
  const filter = `label=com.docker.compose.project=${projectOf(component)}`;
  const ids = await answer(['ps', '--all', '--quiet', '--no-trunc', '--filter', filter]);
  if (ids.length === 0) return [];
  const lines = await answer(['inspect', '--format', CONTAINER_FORMAT, ...ids]);
  return lines.map((line) => {
    const [state = '', exitStatus, restarts, service = ''] = line.split(' ');
    return { service, state, exitStatus: Number(exitStatus), restarts: Number(restarts) };
  });
}

const CONTAINER_FORMAT =
  '{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}} {{index .Config.Labels "com.docker.compose.service"}}';

async function answer(words: readonly string[]): Promise<readonly string[]> {
  const { status, detail, stdout } = await docker(words);
  if (status !== 0) throw new FairleadError('service/manager-failed', { manager: 'docker', problem: detail });
  return stdout.split('\n').filter((line) => line !== '');
}
