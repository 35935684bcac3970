// Records of deployments and the evidence beside them: one file each, by the deployment's number.
import { join } from 'node:path';
import { z } from 'zod';
import { isFairleadError, systemCode } from '../../../shared/errors/error.ts';
import { makeDirectory } from '../../../shared/node/durable-file.ts';
import { isMomentary, namesIfPresent, readIfPresent } from '../../../shared/node/read-file.ts';
import { replaceDurably } from '../../../shared/node/set-aside.ts';
import { componentKey } from '../../../shared/schema/common.ts';
import { type DeploymentRecord, deploymentRecord } from '../../../shared/schema/deployment.ts';
import { encodeStored, parseStored } from '../../../shared/schema/stored-document.ts';
import type { DeploymentStore } from '../../ports/state.ts';

/** For people only: nothing acts on it. */
const evidenceFile = z.strictObject({
  deployment: z.int(),
  at: z.string(),
  components: z
    .array(
      z.strictObject({ component: componentKey, status: z.string(), health: z.string(), log: z.string() }),
    )
    .readonly(),
});

export interface RecordFiles
  extends Pick<
    DeploymentStore,
    'records' | 'recordDamages' | 'newestRecordId' | 'writeRecord' | 'writeEvidence' | 'readEvidence'
  > {
  /** The newest deployment that committed a generation, by what the records say. */
  committedBy(generation: number): Promise<number | null>;
}

/** `onDamage` hears once of a record that cannot be read; it is left out. */
export function createRecordFiles(directory: string, onDamage: (error: unknown) => void): RecordFiles {
  /** By path, what is wrong with it. */
  const damaged = new Map<string, string>();
  const numbers = () => numbersIn(directory, /^(\d+)\.json$/);
  const pathOf = (number: number) => join(directory, `${number}.json`);

  async function read(number: number): Promise<DeploymentRecord | null> {
    const path = pathOf(number);
    try {
      const bytes = await readIfPresent(path);
      const record = bytes === null ? null : parseStored(deploymentRecord, bytes, path);
      damaged.delete(path);
      return record;
    } catch (error) {
      if (isMomentary(error)) throw error;
      if (!damaged.has(path)) onDamage(error);
      damaged.set(path, isFairleadError(error) ? error.message : systemCode(error));
      return null;
    }
  }

  async function records(): Promise<readonly DeploymentRecord[]> {
    const found = await Promise.all((await numbers()).map(read));
    return found.filter((record) => record !== null);
  }

  return {
    records,
    async recordDamages() {
      await records();
      // One that a person has put away is missed no more.
      const there = new Set((await numbers()).map(pathOf));
      return [...damaged]
        .filter(([path]) => there.has(path))
        .map(([path, problem]) => `${path} cannot be read: ${problem}`);
    },
    newestRecordId: async () => Math.max(0, ...(await numbers())),
    writeRecord: (record) => writeStored(deploymentRecord, pathOf(record.id), record),
    writeEvidence: (evidence) =>
      writeStored(evidenceFile, join(directory, `${evidence.deployment}.evidence.json`), { ...evidence }),
    async readEvidence(deployment) {
      const path = join(directory, `${deployment}.evidence.json`);
      const bytes = await readIfPresent(path);
      return bytes === null ? null : parseStored(evidenceFile, bytes, path);
    },
    async committedBy(generation) {
      const isCommit = (one: DeploymentRecord) => one.state === 'committed' && one.generation === generation;
      return (await records()).findLast(isCommit)?.id ?? null;
    },
  };
}

/** Makes the directory where there is none. Errors: document/invalid, disk/*. */
export async function writeStored<Schema extends z.ZodType>(
  schema: Schema,
  path: string,
  document: z.input<Schema>,
): Promise<void> {
  const bytes = encodeStored(schema, document, path);
  await makeDirectory(join(path, '..'));
  await replaceDurably(path, bytes);
}

/** In order; none when there is no such directory. Error: disk/unreadable. */
export async function numbersIn(directory: string, pattern: RegExp): Promise<readonly number[]> {
  const names = await namesIfPresent(directory);
  return names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}
