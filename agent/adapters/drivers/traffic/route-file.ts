// The route on disk: what the agent writes and the switch reads at every connection.
import { rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { toDiskError } from '../../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../../shared/node/durable-file.ts';
import { readIfPresent } from '../../../../shared/node/read-file.ts';

export const routeFile = z.strictObject({
  slot: z.enum(['blue', 'green']),
  address: z.string(),
  publicPort: z.int(),
  port: z.int(),
});
type RouteFile = z.output<typeof routeFile>;

/**
 * Each slot's route lies in a file of its own, and `path` is a link that one rename turns: the way back, to a slot that had
 * the traffic before, takes no room on a disk that is full by then. Error: disk/*.
 */
export async function writeRoute(path: string, route: RouteFile): Promise<void> {
  const directory = dirname(path);
  await makeDirectory(directory);
  const name = `${route.slot}.json`;
  const bytes = Buffer.from(JSON.stringify(route));
  const known = await readIfPresent(join(directory, name));
  // The switch may run under the service's account: what it reads is no secret.
  if (known === null || !bytes.equals(known)) await writeDurably(join(directory, name), bytes, 0o644);
  await turn(path, name).catch((cause: unknown) => {
    throw toDiskError(path, cause);
  });
}

async function turn(link: string, target: string): Promise<void> {
  const next = join(dirname(link), '.route.json.tmp');
  await rm(next, { force: true });
  await symlink(target, next);
  await rename(next, link);
  await syncDirectory(dirname(link));
}
