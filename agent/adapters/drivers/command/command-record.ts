// What the command driver remembers of a service it started: how to ask for it and how to stop it.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readIfPresent } from '../../../../shared/node/read-file.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { parseDocumentBytes } from '../../../../shared/schema/parse-document.ts';
import { readBootId } from '../../machine/process-table.ts';

const argv = z.array(z.string()).min(1);
const commandRecord = z.strictObject({
  boot: z.string(),
  identity: z.string(),
  /** False while the start command has not succeeded yet. */
  started: z.boolean(),
  stop: argv,
  status: argv,
  statusTimeoutMs: z.int(),
  workingDirectory: z.string(),
  /** Secrets may stand in it. */
  env: z.record(z.string(), z.string()),
  account: z.strictObject({ uid: z.int(), gid: z.int(), groups: z.array(z.int()).optional() }).nullable(),
});

export type CommandRecord = Omit<z.output<typeof commandRecord>, 'boot'>;

export interface CommandRecords {
  /** Null when nothing was started since the machine booted. Errors: document/invalid, disk/failed. */
  read(component: ComponentKey): Promise<CommandRecord | null>;
  /** Not synced: after a power cut no service runs. */
  write(component: ComponentKey, record: CommandRecord): Promise<void>;
  remove(component: ComponentKey): Promise<void>;
}

/** Readable to the agent's account alone. After a boot nothing runs, so no record counts and memory is the best place. */
export function createCommandRecords(directory: string): CommandRecords {
  const pathOf = (component: ComponentKey) => join(directory, `${component.replace('/', '.')}.command.json`);
  return {
    async read(component) {
      const bytes = await readIfPresent(pathOf(component));
      if (bytes === null) return null;
      const { boot, ...record } = parseDocumentBytes(commandRecord, bytes, pathOf(component));
      return boot === (await readBootId()) ? record : null;
    },
    async write(component, record) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const text = JSON.stringify({ ...record, boot: await readBootId() });
      await writeFile(`${pathOf(component)}.tmp`, text, { mode: 0o600 });
      await rename(`${pathOf(component)}.tmp`, pathOf(component));
    },
    remove: (component) => rm(pathOf(component), { force: true }),
  };
}
