// Pid files: which process a service was last seen as. Hints only: a stale or missing one is noticed, never believed.
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { isMomentary, readIfPresent } from '../files/read-file.ts';
import { type ProcessEntry, readBootId, readProcess } from '../machine/process-table.ts';

const pidFile = z.strictObject({
  pid: z.int().min(2),
  startTime: z.string(),
  boot: z.string(),
  identity: z.string(),
});

export interface Leader extends ProcessEntry {
  readonly identity: string;
}

export interface Noted {
  /** Null when the number means nothing any more: another boot, or another process has it. */
  readonly pid: number | null;
  /** Null when the process has ended. */
  readonly leader: Leader | null;
}

export interface PidFiles {
  /** Null when none was noted. */
  read(component: ComponentKey): Promise<Noted | null>;
  /** Not synced: after a power cut no service runs. */
  write(component: ComponentKey, leader: Leader): Promise<void>;
  remove(component: ComponentKey): Promise<void>;
}

export function createPidFiles(directory: string): PidFiles {
  const pathOf = (component: ComponentKey) => join(directory, `${component.replace('/', '.')}.json`);
  return {
    async read(component) {
      const bytes = await readIfPresent(pathOf(component)).catch((error: unknown) => {
        if (isMomentary(error)) throw error;
        return null;
      });
      if (bytes === null) return null;
      const parsed = pidFile.safeParse(parseOrNull(Buffer.from(bytes).toString('utf8')));
      if (!parsed.success || parsed.data.boot !== (await readBootId())) return { pid: null, leader: null };
      const { pid, startTime, identity } = parsed.data;
      const entry = await readProcess(pid);
      if (entry === null) return { pid, leader: null };
      // Another process may have the number by now: only pid and start time together are the same process.
      return entry.startTime === startTime
        ? { pid, leader: { ...entry, identity } }
        : { pid: null, leader: null };
    },
    async write(component, { pid, startTime, identity }) {
      const path = pathOf(component);
      const boot = await readBootId();
      await writeFile(`${path}.tmp`, JSON.stringify({ pid, startTime, boot, identity }), { mode: 0o600 });
      await rename(`${path}.tmp`, path);
    },
    // Whatever stands there: a hint must not keep a service from starting.
    remove: (component) => rm(pathOf(component), { recursive: true, force: true }),
  };
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
