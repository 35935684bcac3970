// The files of the way back: read as soon as there is doubt about the way forward, and looked at once that has stopped.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Plan } from '../../../shared/schema/deployment.ts';
import type { ReadAhead, ReleaseFiles, RepairHow, StoredGeneration } from '../../ports/state.ts';
import type { DeployerOptions } from './options.ts';
import { runsIn } from './prepare.ts';

export interface WayBack {
  /** There is doubt, or more than that. Returns at once, and may be called at every sign of it. */
  readAhead(): void;
  /** Just before it starts again: as far as this machine goes, and never in the way of the start. */
  mend(component: ComponentKey): Promise<void>;
}

/** A rollback waits for no network. What runs goes on reading what it wrote itself. */
const OFFLINE: RepairHow = { added: 'keep', from: 'local' };
/** What was read longer ago is forgotten soon. */
const FRESH_MS = 5 * 60_000;

interface Way {
  readonly previous: StoredGeneration | null;
  readonly plan: Plan;
}

export function createWayBack(options: DeployerOptions, { previous, plan }: Way): WayBack {
  const { trees, clock, onWarning } = options;
  let since = Number.NEGATIVE_INFINITY;
  let ahead: Promise<ReadAhead> | null = null;
  let isReading = false;
  const filesOf = (component: ComponentKey) => previous?.releases.get(component)?.document;

  /** What still runs writes to its files while they are read: it is read in the end, where it has to start at all. */
  async function read(): Promise<ReadAhead> {
    const all: ReleaseFiles[] = [];
    for (const component of plan.stop.toReversed()) {
      const files = filesOf(component);
      const mayRun = await runsIn(options, previous, component).catch(() => true);
      if (files !== undefined && !mayRun) all.push(files);
    }
    return trees.readAhead(all);
  }

  return {
    readAhead() {
      // Of a large tree on a slow disk two readings would only be in each other's way.
      if (isReading || clock.monotonic() - since < FRESH_MS) return;
      since = clock.monotonic();
      isReading = true;
      ahead = read();
      const end = () => {
        isReading = false;
      };
      // Who waits for it hears why.
      void ahead.then(({ done }) => done).then(end, end);
    },
    async mend(component) {
      const files = filesOf(component);
      if (files === undefined) return;
      try {
        ahead ??= read();
        if ((await (await ahead).damages(files)).length > 0) await trees.repair(files, OFFLINE);
      } catch (error) {
        onWarning(error);
      }
    },
  };
}
