// Fetching ahead of a deployment, beside the rounds: a slow pack holds up neither asking, nor deciding, nor a forced patch.
import { isFairleadError } from '../../../shared/errors/error.ts';
import type { CapabilityRelease, Verified } from '../../../shared/schema/release.ts';
import type { Log } from '../../ports/machine.ts';
import type { TreeStore } from '../../ports/state.ts';

export interface FetchAhead {
  /** Brings what is on offer onto the disk; what is being fetched already goes on, and nothing else begins meanwhile. */
  begin(releases: Iterable<Verified<CapabilityRelease>>): void;
}

export interface FetchAheadOptions {
  readonly trees: TreeStore;
  readonly log: Log;
  /** What was too long for a window with all of it still to come may fit now. */
  readonly onFetched: () => void;
}

export function createFetchAhead({ trees, log, onFetched }: FetchAheadOptions): FetchAhead {
  let isBusy = false;

  async function fetch(releases: readonly Verified<CapabilityRelease>[]): Promise<void> {
    let hasCome = false;
    for (const { document } of releases) {
      const { digest } = document.tree;
      try {
        if (await trees.has(digest)) continue;
        await trees.add(document.tree);
        hasCome = true;
      } catch (err) {
        const code = isFairleadError(err) ? err.code : 'internal';
        log.warn({ code, tree: digest, err }, 'a tree could not be fetched ahead');
        return;
      }
    }
    if (hasCome) onFetched();
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
