// What an engine knows of its volumes: whose they are, how large, and who else has them mounted.
import { z } from 'zod';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { docker } from './docker.ts';

export interface EngineVolume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

const inspected = z.looseObject({
  Driver: z.string().default('local'),
  Labels: z.record(z.string(), z.string()).nullish(),
  Options: z.record(z.string(), z.unknown()).nullish(),
});

/** Null where there is none. Error: service/manager-failed, also for one that is not the engine's own. */
export async function findVolume(name: string): Promise<EngineVolume | null> {
  const { status, stdout, stderr, detail } = await docker([
    'volume',
    'inspect',
    '--format',
    '{{json .}}',
    name,
  ]);
  if (status !== 0 && /no such volume/i.test(stderr)) return null;
  if (status !== 0) throw failed(detail);
  const { Driver: driver, Labels: labels, Options: options } = inspected.parse(JSON.parse(stdout));
  if (driver !== 'local' || Object.keys(options ?? {}).length > 0) {
    throw failed(`the volume ${name} is not the engine’s own: a copy of it cannot be put back`);
  }
  return { name, labels: labels ?? {} };
}

/** Idempotent. Error: service/manager-failed, when something has it mounted. */
export async function removeVolume(name: string): Promise<void> {
  if ((await findVolume(name)) === null) return;
  const { status, detail } = await docker(['volume', 'rm', name]);
  if (status !== 0) throw failed(detail);
}

/** Whoever else than the project, or a slot of it, has it mounted would keep it from being put back. Error: service/manager-failed. */
export async function verifyUnshared(name: string, project: string): Promise<void> {
  const format = '{{.Names}} {{.Label "com.docker.compose.project"}}';
  const words = ['ps', '--all', '--filter', `volume=${name}`, '--format', format];
  const { status, stdout, detail } = await docker(words);
  if (status !== 0) throw failed(detail);
  const other = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '))
    .find(([container, of]) => !isOf(project, of) && !container?.startsWith('fairlead-volumes_'));
  if (other === undefined) return;
  throw failed(
    `the container ${other[0]} has the volume ${name} mounted: remove it, for it could not be put back`,
  );
}

function isOf(project: string, of: string | undefined): boolean {
  return of === project || (of?.startsWith(`${project}_`) ?? false);
}

/** What is put back into a volume of Podman is root's, whoever owned it. Error: service/manager-failed. */
export async function verifyKeepsOwners(): Promise<void> {
  const { status, stdout, detail } = await docker(['version', '--format', '{{json .Server.Components}}']);
  if (status !== 0) throw failed(detail);
  if (stdout.includes('Podman')) throw failed('Podman puts no copy of a volume back with its owners');
}

const usage = z.array(z.looseObject({ Name: z.string(), Size: z.string().default('') }));
const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15 };
/** It looks at every file of every volume. */
const SIZES_MS = 10 * 60_000;

/** In bytes, as far as the engine says so. Error: service/manager-failed. */
export async function sizesOfVolumes(): Promise<ReadonlyMap<string, number>> {
  const words = ['system', 'df', '--verbose', '--format', '{{json .Volumes}}'];
  const { status, stdout, detail } = await docker(words, { timeoutMs: SIZES_MS, keepBytes: 8 << 20 });
  if (status !== 0) throw failed(detail);
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

function failed(problem: string): FairleadError {
  return new FairleadError('service/manager-failed', { manager: 'docker', problem });
}
