// Pid files: which process a service was last seen as. Hints only: a stale or missing one is noticed, never believed.
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMomentary, readIfPresent } from '../../../shared/node/read-file.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { type ProcessEntry, readBootId, readProcess } from '../machine/process-table.ts';

const pidFile = z.strictObject({
  pid: z.int().min(2),
  startTime: z.string(),
  boot: z.string(),
  identity: z.string(),
  /** The account it was started as; earlier agents did not say. */
  uid: z.int().optional(),
  /** Where the agent's own processes were when it was started. */
  controlGroup: z.string().optional(),
});

/** What the agent knows of a service because it started it. */
export interface Leader extends ProcessEntry {
  readonly identity: string;
  readonly uid?: number | undefined;
  readonly controlGroup?: string | undefined;
}

export interface Noted extends Pick<Leader, 'uid' | 'controlGroup'> {
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
      // One that could not take its place is the newer: a file that nobody may change, or a kill in between.
      const newest = await readHint(`${pathOf(component)}.tmp`);
      const found = newest?.success === true ? newest : await readHint(pathOf(component));
      if (found === null) return null;
      const parsed = found;
      if (!parsed.success || parsed.data.boot !== (await readBootId())) return { pid: null, leader: null };
      const { pid, startTime, identity, uid, controlGroup } = parsed.data;
      const entry = await readProcess(pid);
      if (entry === null) return { pid, leader: null, uid, controlGroup };
      // Another process may have the number by now: only pid and start time together are the same process.
      return entry.startTime === startTime
        ? { pid, leader: { ...entry, identity, uid, controlGroup }, uid, controlGroup }
        : { pid: null, leader: null };
    },
    async write(component, { session: _, ...leader }) {
      const path = pathOf(component);
      const boot = await readBootId();
      await writeFile(`${path}.tmp`, JSON.stringify({ ...leader, boot }), { mode: 0o600 });
      await rename(`${path}.tmp`, path);
    },
    // Whatever stands there, also what nobody may remove: a hint must not keep a service from stopping or starting.
    async remove(component) {
      const paths = [`${pathOf(component)}.tmp`, pathOf(component)];
      await Promise.allSettled(paths.map((path) => rm(path, { recursive: true, force: true })));
    },
  };
}

/** Null when there is none that can be read. */
async function readHint(path: string) {
  const bytes = await readIfPresent(path).catch((error: unknown) => {
    if (isMomentary(error)) throw error;
    return null;
  });
  return bytes === null ? null : pidFile.safeParse(parseOrNull(Buffer.from(bytes).toString('utf8')));
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
