// The local policy in `settings.json`, the instance configuration in `instance.json`.
import { join } from 'node:path';
import { FairleadError, isFairleadError } from '../../shared/errors/error.ts';
import type { PolicyState } from '../../shared/policy/decide-input.ts';
import type { Channel } from '../../shared/protocol/report.ts';
import { DEFAULT_INSTANCE_CONFIG, instanceConfig } from '../../shared/schema/instance.ts';
import { parseDocumentBytes } from '../../shared/schema/parse-document.ts';
import { DEFAULT_POLICY, type Policy, policy } from '../../shared/schema/policy.ts';
import type { Settings } from '../ports/settings.ts';
import { makeDirectory, syncDirectory, toDiskError } from './durable-file.ts';
import { readIfPresent } from './read-file.ts';

export function createSettings(stateDir: string, configPath: string): Settings {
  const path = policyPath(stateDir);
  return {
    policy: () => readPolicy(path),
    async config() {
      const bytes = await readIfPresent(configPath);
      return bytes === null ? DEFAULT_INSTANCE_CONFIG : parseDocumentBytes(instanceConfig, bytes, configPath);
    },
    async setChannel(channel) {
      const known = await readPolicy(path);
      // A lost file is begun anew: naming the channel is the admin's own decision. A damaged one may hold more.
      if (known.kind === 'unreadable' && (await readIfPresent(path)) !== null) {
        throw new FairleadError('policy/unreadable', { path, problem: known.problem });
      }
      await writePolicy(stateDir, known.kind === 'readable' ? known.policy : DEFAULT_POLICY, channel);
    },
  };
}

/** Gives a new instance its policy. From then on a missing file means a lost policy, not the default one. */
export async function createPolicy(stateDir: string): Promise<void> {
  if ((await readIfPresent(policyPath(stateDir))) === null) {
    await writePolicy(stateDir, DEFAULT_POLICY, DEFAULT_POLICY.channel);
  }
}

async function readPolicy(path: string): Promise<PolicyState> {
  try {
    const bytes = await readIfPresent(path);
    if (bytes === null) return { kind: 'unreadable', problem: `${path} is missing` };
    return { kind: 'readable', policy: parseDocumentBytes(policy, bytes, path) };
  } catch (error) {
    if (!isFairleadError(error)) throw error;
    return { kind: 'unreadable', problem: error.message };
  }
}

async function writePolicy(stateDir: string, base: Policy, channel: Channel): Promise<void> {
  const path = policyPath(stateDir);
  try {
    await makeDirectory(stateDir);
    // Loaded to write only: it brings a schema compiler that readers have no use for.
    const { default: Conf } = await import('conf');
    const store = new Conf<Record<string, unknown>>({
      cwd: stateDir,
      configName: 'settings',
      configFileMode: 0o600,
      accessPropertiesByDotNotation: false,
    });
    store.store = { ...base, channel };
    await syncDirectory(stateDir);
  } catch (cause) {
    throw toDiskError(path, cause);
  }
}

function policyPath(stateDir: string): string {
  return join(stateDir, 'settings.json');
}
