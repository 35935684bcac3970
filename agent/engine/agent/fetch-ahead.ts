// Fetching ahead of a deployment, beside the rounds: a slow pack holds up neither asking, nor deciding, nor a forced patch.
import { isFairleadError } from '../../../shared/errors/error.ts';
import type { CapabilityRelease, Verified } from '../../../shared/schema/release.ts';
import type { Log } from '../../ports/machine.ts';
import type { TreeStore } from '../../ports/state.ts';

export interface FetchAhead {
  /** Brings what is on offer onto the disk; what is being fetched already goes on, and nothing else begins meanwhile. */
  begin(releases: Iterable<Verified<CapabilityRelease>>): void;
}

export function createFetchAhead({
  trees,
  log,
}: {
  readonly trees: TreeStore;
  readonly log: Log;
}): FetchAhead {
  let isBusy = false;

  async function fetch(releases: readonly Verified<CapabilityRelease>[]): Promise<void> {
    for (const { document } of releases) {
      const { digest } = document.tree;
      try {
        if (!(await trees.has(digest))) await trees.add(document.tree);
      } catch (err) {
        const code = isFairleadError(err) ? err.code : 'internal';
        log.warn({ code, tree: digest, err }, 'a tree could not be fetched ahead');
        return;
      }
    }
  }

  return {
    begin(releases) {
      if (isBusy) return;
      isBusy = true;
      void fetch([...releases]).finally(() => {
        isBusy = false;
      });
    },
  };
}
