// A repository that is opened when it is first asked: a damaged trust store must not keep services from starting.
import type { Repository } from '../../ports/repository.ts';

/** Every round tries again to open what could not be opened; until then nothing is trusted, so nothing new is installed. */
export function createLazyRepository(open: () => Promise<Repository>): Repository {
  let opened: Repository | null = null;
  const get = async () => {
    opened ??= await open();
    return opened;
  };
  return {
    refresh: async (now) => (await get()).refresh(now),
    catalog: async () => (await get()).catalog(),
    freshness: (now) => opened?.freshness(now) ?? { state: 'never', expires: null },
  };
}
