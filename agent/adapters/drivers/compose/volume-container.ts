// The container that nothing ever starts: what stands in a volume is copied out of it and into it.
import { createReadStream } from 'node:fs';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { VOLUME_MS } from '../../../../shared/schema/drivers/volumes.ts';
import { isRunning } from './containers.ts';
import { containersOf, docker, verifyDone } from './docker.ts';
import type { EngineVolume } from './engine-volumes.ts';

/** Where it is in the container: no image has anything there that would fill an empty volume. */
const PLACE = '/fairlead-volume';

const HELPER = 'fairlead-volumes_';

function nameFor(component: ComponentKey): string {
  return `${HELPER}${component.replace('/', '_')}`;
}

/** Also that of an agent which was killed. */
export async function removeContainer(component: ComponentKey): Promise<void> {
  await docker(['rm', '--force', '--volumes', nameFor(component)]);
}

/** Containers that were made ahead and never started have the volume mounted. What runs is not removed so. */
export async function removeWaiting(component: ComponentKey): Promise<void> {
  const ids = (await containersOf(component)).filter((one) => !isRunning(one)).map(({ id }) => id);
  if (ids.length > 0) verifyDone(await docker(['rm', '--volumes', ...ids]));
}

export async function withContainer(
  component: ComponentKey,
  volume: string,
  image: string,
  act: (id: string) => Promise<void>,
): Promise<void> {
  await removeContainer(component);
  const mount = ['--mount', `type=volume,source=${volume},destination=${PLACE}`];
  // It is never started: the word stands for a command, which an image may lack.
  const words = [
    'create',
    '--name',
    nameFor(component),
    '--network',
    'none',
    '--pull',
    'never',
    ...mount,
    image,
    'none',
  ];
  const made = verifyDone(await docker(words));
  try {
    await act(made.stdout.trim());
  } finally {
    await removeContainer(component);
  }
}

export async function copyOut(id: string, fd: number): Promise<void> {
  verifyDone(await docker(['cp', `${id}:${PLACE}`, '-'], { timeoutMs: VOLUME_MS, stdoutTo: fd }));
}

/** With the owners, modes and times that stand in the archive. */
export async function copyIn(id: string, path: string): Promise<void> {
  const input = createReadStream(path, { highWaterMark: 1 << 20 });
  verifyDone(await docker(['cp', '-', `${id}:/`], { timeoutMs: VOLUME_MS, input }));
}

/** As it was, so that compose takes it for its own. */
export async function makeVolume({ name, labels }: EngineVolume): Promise<void> {
  const words = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
  verifyDone(await docker(['volume', 'create', ...words, name]));
}
