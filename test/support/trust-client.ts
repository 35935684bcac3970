// A TUF client over a simulated repository; every refresh starts like a new process, from what the store holds.
import { createHttpSource } from '../../agent/adapters/repository/http-source.ts';
import { startFrom } from '../../agent/engine/repository/root-chain.ts';
import { Updater } from '../../agent/engine/repository/updater.ts';
import { isFairleadError } from '../../shared/errors/error.ts';
import { MemoryTrustStore, versionIn } from './memory-trust-store.ts';
import { NOW, REPOSITORY_URLS, type RepositorySimulator } from './repository-simulator.ts';

export interface TrustClient {
  readonly store: MemoryTrustStore;
  /** `ok`, or the code of the refusal. */
  refresh(now?: number): Promise<string>;
  /** `found` or `absent` after a refresh, or the code of the refusal. */
  find(path: string, now?: number): Promise<string>;
  /** Versions of the trusted files: `{ root: 1, timestamp: 2 }`. */
  trusted(): Record<string, number>;
}

/** Trusts the repository's first root. */
export async function newClient(repository: RepositorySimulator): Promise<TrustClient> {
  const store = new MemoryTrustStore();
  await startFrom(store, repository.initialRoot());
  return clientOf(repository, store);
}

export function clientOf(repository: RepositorySimulator, store: MemoryTrustStore): TrustClient {
  return {
    store,
    refresh: (now = NOW) =>
      outcomeOf(async () => {
        await (await openUpdater(repository, store)).refresh(now);
        return 'ok';
      }),
    find: (path, now = NOW) =>
      outcomeOf(async () => {
        const updater = await openUpdater(repository, store);
        await updater.refresh(now);
        return (await updater.findTarget(path, now)) === null ? 'absent' : 'found';
      }),
    trusted: () => {
      const roles = [...store.files.keys()].flatMap((name) => /^([^/]+)\.json$/.exec(name)?.[1] ?? []);
      return Object.fromEntries(roles.sort().map((role) => [role, versionIn(store, role) ?? 0]));
    },
  };
}

export function openUpdater(repository: RepositorySimulator, store: MemoryTrustStore): Promise<Updater> {
  return Updater.open({ store, source: createHttpSource(REPOSITORY_URLS, repository) });
}

async function outcomeOf(act: () => Promise<string>): Promise<string> {
  try {
    return await act();
  } catch (error) {
    if (isFairleadError(error)) return error.code;
    throw error;
  }
}
