// Processes that are held to a part of a processor, by the kernel's own measure of time.
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const GROUPS = '/sys/fs/cgroup/cpu';
/** Short, so that nobody stands still for long. */
const PERIOD_US = 10_000;

export interface Held {
  /** Before a command line: what it starts is held together. */
  readonly words: readonly string[];
  stop(): Promise<void>;
}

/** Null where this machine lets nobody hold. */
export function holdTo(share: number, name: string): Held | null {
  const group = join(GROUPS, `fairlead-bench-${process.pid}-${name}`);
  try {
    mkdirSync(group);
    writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_US));
    writeFileSync(join(group, 'cpu.cfs_quota_us'), String(Math.round(PERIOD_US * share)));
  } catch {
    return null;
  }
  const enter = `echo $$ > ${group}/cgroup.procs && exec "$@"`;
  return {
    words: ['sh', '-c', enter, 'sh'],
    stop: async () => {
      // Busy until the kernel has forgotten the last of its processes.
      for (let attempt = 0; attempt < 50; attempt++) {
        try {
          rmdirSync(group);
          return;
        } catch {
          await setTimeout(100);
        }
      }
    },
  };
}
