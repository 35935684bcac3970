// What an engine knows of its volumes: whose they are, how large, and who else has them mounted.
import { z } from 'zod';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { isDirectory } from '../../../../shared/node/durable-file.ts';
import { VOLUME_MS } from '../../../../shared/schema/drivers/volumes.ts';
import { refusesOption, runTool } from '../../machine/run-tool.ts';
import { toolEnvironment } from '../../machine/surroundings.ts';
import { ANSWER_BYTES, docker, engineFailure, verifyDone } from './docker.ts';

export interface EngineVolume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

const inspected = z.looseObject({
  Driver: z.string().default('local'),
  Labels: z.record(z.string(), z.string()).nullish(),
  Options: z.record(z.string(), z.unknown()).nullish(),
  Mountpoint: z.string().default(''),
});

async function inspect(name: string): Promise<z.output<typeof inspected> | null> {
  const words = ['volume', 'inspect', '--format', '{{json .}}', name];
  const result = await docker(words, { keepBytes: ANSWER_BYTES });
  if (result.status !== 0 && /no such volume/i.test(result.stderr)) return null;
  const found = inspected.safeParse(parseOrNull(verifyDone(result).stdout)).data;
  if (found === undefined) throw engineFailure(`what it says of the volume ${name} cannot be understood`);
  return found;
}

/** Null where there is none. Error: service/manager-failed, also for one that is not the engine's own. */
export async function findVolume(name: string): Promise<EngineVolume | null> {
  const found = await inspect(name);
  if (found === null) return null;
  const { Driver: driver, Labels: labels, Options: options } = found;
  if (driver !== 'local' || Object.keys(options ?? {}).length > 0) {
    throw engineFailure(`the volume ${name} is not the engine’s own: a copy of it cannot be put back`);
  }
  return { name, labels: labels ?? {} };
}

/** An engine writes as everybody does: a power cut would take of it what is not on the disk. Errors: service/manager-failed, disk/failed. */
export async function flushVolume(name: string): Promise<void> {
  const place = (await inspect(name))?.Mountpoint ?? '';
  const sync = (words: readonly string[]) =>
    runTool({
      argv: ['sync', ...words],
      env: toolEnvironment(),
      workingDirectory: '/',
      timeoutMs: VOLUME_MS,
    });
  // The place of an engine without root may be hidden from the agent: then all of this machine is flushed.
  const isSeen = place !== '' && (await isDirectory(place));
  let result = await sync(isSeen ? ['-f', place] : []);
  if (isSeen && refusesOption(result.stderr)) result = await sync([]);
  if (result.status !== 0)
    throw new FairleadError('disk/failed', { path: place || name, problem: result.detail });
}

/** Idempotent. Error: service/manager-failed, when something has it mounted. */
export async function removeVolume(name: string): Promise<void> {
  if ((await findVolume(name)) === null) return;
  verifyDone(await docker(['volume', 'rm', name]));
}

/** Whoever else than the project, or a slot of it, has it mounted would keep it from being put back. Error: service/manager-failed. */
export async function verifyUnshared(name: string, project: string): Promise<void> {
  const format = '{{.Names}} {{.Label "com.docker.compose.project"}}';
  const words = ['ps', '--all', '--filter', `volume=${name}`, '--format', format];
  const { stdout } = verifyDone(await docker(words));
  const other = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '))
    .find(([container, of]) => !isOf(project, of) && !container?.startsWith('fairlead-volumes_'));
  if (other === undefined) return;
  throw engineFailure(
    `the container ${other[0]} has the volume ${name} mounted: remove it, for it could not be put back`,
  );
}

function isOf(project: string, of: string | undefined): boolean {
  return of === project || (of?.startsWith(`${project}_`) ?? false);
}

/** What is put back into a volume of Podman is root's, whoever owned it. Error: service/manager-failed. */
export async function verifyKeepsOwners(): Promise<void> {
  const { stdout } = verifyDone(await docker(['version', '--format', '{{json .Server.Components}}']));
  if (stdout.includes('Podman')) throw engineFailure('Podman puts no copy of a volume back with its owners');
}

const usage = z.array(z.looseObject({ Name: z.string(), Size: z.string().default('') }));
const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15 };
/** It looks at every file of every volume. */
const SIZES_MS = 10 * 60_000;

/** In bytes, as far as the engine says so. Error: service/manager-failed. */
export async function sizesOfVolumes(): Promise<ReadonlyMap<string, number>> {
  const words = ['system', 'df', '--verbose', '--format', '{{json .Volumes}}'];
  const { stdout } = verifyDone(await docker(words, { timeoutMs: SIZES_MS, keepBytes: ANSWER_BYTES }));
  const known = usage.safeParse(parseOrNull(stdout)).data ?? [];
  return new Map(known.map(({ Name, Size }) => [Name, bytesIn(Size)]));
}

/** `12.3kB`, rounded down to four digits by the engine: the next one up. */
export function bytesIn(text: string): number {
  const [, digits = '0', unit = ''] = /^([\d.]+)\s*([kMGTP]?B)$/.exec(text) ?? [];
  return Math.ceil(Number(digits) * (UNITS[unit] ?? 0) * 1.001);
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
