// The docker program, as far as one compose project needs it: the agent's own, whatever a release says.

import { statfs } from 'node:fs/promises';
import { z } from 'zod';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { projectOf } from '../../../../shared/schema/drivers/confinement.ts';
import { platformOf } from '../../../../shared/schema/image-platform.ts';
import type { UnitOf } from '../../../ports/deploy.ts';
import { runTool, type ToolResult, type ToolSpec } from '../../machine/run-tool.ts';
import { toolEnvironment } from '../../machine/surroundings.ts';

export interface Container {
  readonly id: string;
  /** What the engine calls it. */
  readonly name: string;
  /** Its name in the compose file. */
  readonly service: string;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  readonly state: string;
  readonly exitStatus: number;
  /** How often the engine has started it again. */
  readonly restarts: number;
  /** How long it ran, by the engine's clock; 0 while it has not ended. */
  readonly ranMs: number;
  /** What its own healthcheck says: `starting`, `healthy`, `unhealthy`; `none` where it has none. */
  readonly health: string;
}

/** The exit status of what KILL has ended. */
export const KILLED = 137;

/** What the engine holds under an id. */
export interface HeldImage {
  readonly id: string;
  /** Digests of its layers as they are unpacked, lowest first. */
  readonly layers: readonly string[];
}

type Options = Partial<Pick<ToolSpec, 'account' | 'env' | 'keepBytes' | 'input' | 'stdoutTo'>> & {
  readonly timeoutMs?: number;
};

const TIMEOUT_MS = 60_000;
/** A project may have hundreds of containers, and an engine thousands of volumes. */
export const ANSWER_BYTES = 8 << 20;

/** Nothing of a release stands in its environment: what loads code or finds programs and engines is the operator's to choose. */
export function docker(words: readonly string[], options: Options = {}): Promise<ToolResult> {
  const { timeoutMs = TIMEOUT_MS, env, ...rest } = options;
  return runTool({
    ...rest,
    argv: ['docker', ...words],
    env: toolEnvironment({ ...env, ...engineVariables() }),
    workingDirectory: '/',
    timeoutMs,
  });
}

function engineVariables(): Readonly<Record<string, string>> {
  return {
    HOME: '/nonexistent',
    DOCKER_HOST: engineAddress(),
    // Plug-ins are programs that run with the agent's rights.
    DOCKER_CONFIG: '/etc/docker',
    COMPOSE_EXPERIMENTAL_GIT_REMOTE: 'false',
    COMPOSE_EXPERIMENTAL_OCI_REMOTE: 'false',
  };
}

/** The operator's to choose. */
export function engineAddress(): string {
  return process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
}

/** A command on a project. Without a compose file it works on the containers there are. */
export function compose(
  component: ComponentKey,
  words: readonly string[],
  options: Options = {},
): Promise<ToolResult> {
  return docker(['compose', '--project-name', projectOf(component), ...words], options);
}

/** Some versions of compose steer a terminal with it even where there is none. */
const CLEAR_LINE = '\u001b[2K';

export async function logOf(
  component: ComponentKey,
  words: readonly string[],
  keepBytes: number,
): Promise<string> {
  const { stdout } = await compose(component, ['logs', '--no-color', ...words], { keepBytes });
  // Compose leaves out the project where a container is called as it would call it, which one that has waited is not.
  return stdout.replaceAll(CLEAR_LINE, '').replaceAll(new RegExp(`^${projectOf(component)}-`, 'gm'), '');
}

/** Null where the engine has no such image. Error: service/manager-failed when it does not answer. */
export async function findImage(reference: string): Promise<HeldImage | null> {
  const format = '{{.Id}} {{range .RootFS.Layers}}{{.}} {{end}}';
  const found = await docker(['image', 'inspect', '--format', format, reference]);
  if (found.status === 0) {
    const [id = '', ...layers] = found.stdout.trim().split(' ');
    return { id, layers };
  }
  if (found.stderr.includes('No such image')) return null;
  throw engineFailure(found.detail);
}

/** For which images are chosen: `linux/amd64`. Error: service/manager-failed when it does not answer. */
export async function enginePlatform(): Promise<string> {
  const [said = ''] = await answer(['version', '--format', '{{.Server.Os}}/{{.Server.Arch}}']);
  const [os, architecture] = said.split('/');
  if (architecture !== 'arm') return platformOf({ os, architecture }) ?? said;
  // Which of them is said elsewhere, as its kernel has it.
  const [machine = 'arm'] = await answer(['info', '--format', '{{.Architecture}}']);
  return platformOf({ os, architecture: machine }) ?? said;
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
  return lines.map(parseContainer);
}

/** Of its state only what is read: all of it holds what its last healthchecks wrote. Times as JSON: Podman's own have blanks. */
const CONTAINER_FORMAT = [
  '{{.ID}} {{.Name}} {{.RestartCount}} {{index .Config.Labels "com.docker.compose.service"}}',
  '{{.State.Status}} {{.State.ExitCode}} {{json .State.StartedAt}} {{json .State.FinishedAt}}',
  '{{with .State.Health}}{{.Status}}{{end}}',
].join(' ');

const count = z
  .string()
  .regex(/^-?\d+$/)
  .transform(Number);
const word = z.string().min(1);
const time = z
  .string()
  .regex(/^"[^"]*"$/)
  .transform((quoted) => Date.parse(quoted.slice(1, -1)));
const containerRow = z.tuple([word, word, count, z.string(), word, count, time, time, z.string()]);

function parseContainer(line: string): Container {
  const row = containerRow.safeParse(line.split(' ')).data;
  if (row === undefined) throw engineFailure('what it says of its containers cannot be understood');
  const [id, name, restarts, service, state, exitStatus, startedAt, finishedAt, health] = row;
  const ms = finishedAt - startedAt;
  return {
    ...{ id, name: name.replace(/^\//, ''), service, state, exitStatus, restarts },
    // What has not ended has a time of the year 1, or none.
    ranMs: state === 'exited' && ms > 0 ? ms : 0,
    health: health === '' ? 'none' : health,
  };
}

async function answer(words: readonly string[]): Promise<readonly string[]> {
  const { stdout } = verifyDone(await docker(words, { keepBytes: ANSWER_BYTES }));
  return stdout.split('\n').filter((line) => line !== '');
}

/** Error: service/manager-failed. */
export function verifyDone(result: ToolResult): ToolResult {
  if (result.status === 0) return result;
  throw engineFailure(result.detail);
}

export function engineFailure(problem: string): FairleadError {
  return new FairleadError('service/manager-failed', { manager: 'docker', problem });
}

/**
 * The release is to blame only where the engine is there and has room, of which `needed` is asked. Throws
 * service/manager-failed where it is not.
 */
export async function failureOf(
  unit: UnitOf<'compose'>,
  { stderr }: ToolResult,
  problem: string,
  needed = 0,
): Promise<FairleadError> {
  const path = await engineDirectory();
  if (/port is already allocated|address already in use/i.test(stderr)) {
    const [address = 'a port of its'] = /(?:[\d.]+|\[[^\]]*\]):\d+/.exec(stderr) ?? [];
    return new FairleadError('deploy/address-taken', { component: unit.component, address });
  }
  if (!stderr.includes('no space left on device')) return refusalOf(unit, problem);
  const { bavail, bsize } = await statfs(path);
  return new FairleadError('disk/full', { path, needed, free: bavail * bsize });
}

/** What its own files say is reason enough. */
export function refusalOf({ component }: UnitOf<'compose'>, problem: string): FairleadError {
  return new FairleadError('service/start-failed', { component, problem });
}
