// Where an agent's state and its socket are; agent and command-line program must agree.
import { join, resolve } from 'node:path';
import { FairleadError } from '../../../shared/errors/error.ts';

/** sockaddr_un holds 108 bytes with the closing zero; Linux answers a longer path with a puzzling EINVAL. */
const MAX_SOCKET_PATH_BYTES = 107;

export const DEFAULT_STATE_DIR = '/var/lib/fairlead';

/** Error: agent/socket-path. */
export function verifySocketPath(path: string): void {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return;
  throw new FairleadError('agent/socket-path', { path, limit: MAX_SOCKET_PATH_BYTES });
}

/** An installed agent's socket stands where its group can reach it; any other state directory holds its own. */
export function socketPathOf(stateDir: string): string {
  const directory = resolve(stateDir);
  return directory === DEFAULT_STATE_DIR ? '/run/fairlead/agent.sock' : join(directory, 'agent.sock');
}
