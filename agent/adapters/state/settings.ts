// The local policy in `settings.json`, the instance configuration in `instance.json`.
import { realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { withPart } from '../../../shared/compile/config.ts';
import { type JsonObject, parseJson } from '../../../shared/encoding/json.ts';
import { FairleadError, isFairleadError, toDiskError } from '../../../shared/errors/error.ts';
import { makeDirectory, syncDirectory, writeDurably } from '../../../shared/node/durable-file.ts';
import { readIfPresent, readTextIfPresent } from '../../../shared/node/read-file.ts';
import { createTurns } from '../../../shared/node/turns.ts';
import { type ConfigState, type PolicyState, unreadableConfig } from '../../../shared/policy/local-state.ts';
import {
  DEFAULT_INSTANCE_CONFIG,
  type InstanceConfig,
  instanceConfig,
  MOST_OVERRIDE,
} from '../../../shared/schema/instance.ts';
import { parseDocumentBytes } from '../../../shared/schema/parse-document.ts';
import { DEFAULT_POLICY, type Policy, policy } from '../../../shared/schema/policy.ts';
import { encodeStored, parseStoredWhole, STORED_LIMITS } from '../../../shared/schema/stored-document.ts';
import type { Settings } from '../../ports/state.ts';

export function createSettings(stateDir: string, configPath: string): Settings {
  const path = policyPath(stateDir);
  const inTurn = createTurns();
  return {
    policy: () => readPolicy(path),
    config: () => readWholeConfig(configPath),
    edit: (change, record) => inTurn(() => editPolicy(stateDir, change, record)),
    editConfig: (change, record) => inTurn(() => editConfig(configPath, change, record)),
    look: (see) =>
      inTurn(async () => see({ policy: await readPolicy(path), config: await lookAtConfig(configPath) })),
  };
}

/** Gives a new instance its policy. From then on a missing file means a lost policy, not the default one. */
export async function createPolicy(stateDir: string): Promise<void> {
  if ((await readIfPresent(policyPath(stateDir))) === null) {
    await writePolicy(stateDir, DEFAULT_POLICY);
  }
}

async function readPolicy(path: string): Promise<PolicyState> {
  try {
    const bytes = await readIfPresent(path);
    if (bytes === null) return { kind: 'unreadable', problem: `${path} is missing` };
    return { kind: 'readable', policy: parseStoredWhole(policy, bytes, path) };
  } catch (error) {
    if (!isFairleadError(error)) throw error;
    return { kind: 'unreadable', problem: error.message };
  }
}

async function editPolicy(
  stateDir: string,
  ...[change, record]: Parameters<Settings['edit']>
): Promise<Policy> {
  const path = policyPath(stateDir);
  const known = await readPolicy(path);
  // A damaged file may still hold pins and windows that a person can save: it is not written over.
  if (known.kind === 'unreadable' && (await readIfPresent(path)) !== null) {
    throw new FairleadError('policy/unreadable', { path, problem: known.problem });
  }
  const before = known.kind === 'readable' ? known.policy : null;
  const changed = await change(before);
  // Refused here, it was never recorded; recorded, only the disk can still stand against it.
  encodeStored(policy, changed, path);
  await record(before, changed);
  await writePolicy(stateDir, changed);
  return changed;
}

async function readConfig(path: string): Promise<InstanceConfig> {
  const bytes = await readIfPresent(path);
  return bytes === null ? DEFAULT_INSTANCE_CONFIG : parseDocumentBytes(instanceConfig, bytes, path);
}

/** With what stands in the files that it names: what is deployed by it keeps that, whatever becomes of them. */
async function readWholeConfig(path: string): Promise<InstanceConfig> {
  const config = await readConfig(path);
  let whole = config;
  for (const [suite, { capabilities }] of Object.entries(config.suites)) {
    for (const [name, { override }] of Object.entries(capabilities)) {
      if (override === undefined) continue;
      const where = `suites.${suite}.capabilities.${name}.override.file`;
      const text = await readOverride(override.file, path, where);
      whole = withPart(whole, { suite, name }, { override: { file: override.file, text } });
    }
  }
  return whole;
}

/** Errors: document/invalid, disk/unreadable. */
async function readOverride(file: string, document: string, path: string): Promise<string> {
  const text = await readTextIfPresent(file, MOST_OVERRIDE).catch((cause: unknown) => {
    if (isFairleadError(cause, 'disk/unreadable') && cause.cause !== undefined) throw cause;
    return undefined;
  });
  if (typeof text === 'string') return text;
  const expected = `a file of at most ${MOST_OVERRIDE} bytes`;
  const found = `${file}, which is ${text === null ? 'not there' : 'none'}`;
  const remedy = 'put it there, or remove the override';
  throw new FairleadError('document/invalid', { document, issues: [{ path, expected, found, remedy }] });
}

async function lookAtConfig(path: string): Promise<ConfigState> {
  return await readWholeConfig(path).then((config) => ({ kind: 'readable', config }), unreadableConfig);
}

/** What an operator wrote may be a link to where they keep it, readable to others: both stay so. */
async function editConfig(
  path: string,
  ...[change, record]: Parameters<Settings['editConfig']>
): Promise<InstanceConfig> {
  const before = await readConfig(path);
  const changed = change(before);
  const bytes = encodeStored(instanceConfig, changed, path);
  // Held to the limits under which it will be read, before it is recorded.
  parseDocumentBytes(instanceConfig, bytes, path);
  await record(before, changed);
  const real = await realpath(path).catch(() => path);
  const known = await stat(real).catch(() => null);
  await writeDurably(real, bytes, known === null ? 0o600 : known.mode & 0o777);
  return changed;
}

async function writePolicy(stateDir: string, changed: Policy): Promise<void> {
  const path = policyPath(stateDir);
  const written = parseJson(encodeStored(policy, changed, path), path, STORED_LIMITS) as JsonObject;
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
    store.store = { ...written };
    await syncDirectory(stateDir);
  } catch (cause) {
    throw toDiskError(path, cause);
  }
}

function policyPath(stateDir: string): string {
  return join(stateDir, 'settings.json');
}
