// Where the bench keeps what it fetched, and what tools that need minutes made of it: in the user's own cache, where nobody else can write.
import { lstatSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** What lies in it is run after it was proved: a directory that somebody else could have filled, or can, is refused. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CACHE_HOME: given = '' } = environment;
  const directory = join(isAbsolute(given) ? given : join(homedir(), '.cache'), 'fairlead-bench');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const found = lstatSync(directory);
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0) return directory;
  throw new Error(`${directory} is no directory that this user alone can write to: remove it and try again`);
}
