// What lies in a state directory: to compare it with itself, and to find what interrupted work left behind.
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { digestOf } from '../../../shared/encoding/digest.ts';

/** Every path with its content, as one text. */
export async function describeState(stateDir: string): Promise<string> {
  const lines = (await pathsBelow(stateDir)).map(async (path) => {
    const stat = await lstat(path);
    if (stat.isSymbolicLink()) return `${path} ${await readlink(path)}`;
    return stat.isFile() ? `${path} ${digestOf(await readFile(path))}` : path;
  });
  return (await Promise.all(lines)).sort().join('\n');
}

/** Paths of unfinished work, long random names left out. A pid file has one temporary name, used again each time. */
export async function leftovers(stateDir: string): Promise<readonly string[]> {
  const paths = await pathsBelow(stateDir);
  return paths
    .filter(
      (path) =>
        /\.(?:tmp|tmp-\w+|tree|old|pack|patch)$|\/repair\.[0-9a-f]+$/.test(path) && !path.includes('/run/'),
    )
    .map((path) => `left behind: ${path.slice(stateDir.length + 1).replace(/[0-9a-f]{12,}/g, '…')}`);
}

async function pathsBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const below = entries.map(async (entry) => {
    const path = `${directory}/${entry.name}`;
    return entry.isDirectory() ? [path, ...(await pathsBelow(path))] : [path];
  });
  return (await Promise.all(below)).flat();
}
