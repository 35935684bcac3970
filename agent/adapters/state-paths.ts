// Where an agent's state and its socket are; agent and command-line program must agree.
import { join, resolve } from 'node:path';

export const DEFAULT_STATE_DIR = '/var/lib/fairlead';

/** An installed agent's socket stands where its group can reach it; any other state directory holds its own. */
export function socketPathOf(stateDir: string): string {
  const directory = resolve(stateDir);
  return directory === DEFAULT_STATE_DIR ? '/run/fairlead/agent.sock' : join(directory, 'agent.sock');
}
